//! The template and the API's document held against each other.

use local::Template;
use peregrine_core::job::Retries;
use tests::app::workspace;
use tests::openapi;

fn template() -> Template {
    Template::load(workspace().join("template.yaml")).unwrap()
}

#[test]
fn every_documented_path_reaches_the_function_that_owns_it() {
    let template = template();
    for (function, document) in openapi::functions() {
        for (path, item) in &document.paths.paths {
            let example = path.replace(['{', '}'], "");
            let methods = serde_json::to_value(item).unwrap();
            for method in methods.as_object().unwrap().keys() {
                for address in [example.clone(), format!("{}/", example.trim_end_matches('/'))] {
                    let route = template.routes().find(&method.to_uppercase(), &address);
                    assert_eq!(route.map(local::template::Route::function), Some(function), "{method} {address}");
                }
            }
        }
    }
}

#[test]
fn no_route_of_the_template_leads_nowhere() {
    let template = template();
    for route in template.routes().iter() {
        // All but `$default` are a method and a path.
        let Some((_, path)) = route.key().split_once(' ') else { continue };
        let owner = openapi::functions().into_iter().find(|(function, _)| *function == route.function());
        let document = owner.map_or_else(|| panic!("{} is no function", route.function()), |(_, document)| document);
        let prefix = path.trim_end_matches("/{proxy+}");
        let served = document.paths.paths.keys().any(|path| path == prefix || path.starts_with(&format!("{prefix}/")));
        assert!(served, "{} serves nothing at {path}", route.function());
    }
}

#[test]
fn the_auth_function_alone_can_mint_tokens() {
    let template = template();
    let reaches = |function: &local::template::Function| {
        let environment = function.environment();
        let secrets = ["SIGNING_SECRET", "SECOND_FACTOR_SECRET"].map(|name| environment.contains_key(name));
        // Whoever could publish a key could sign with it.
        let writes = ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"].into_iter();
        let keys = "arn:aws:dynamodb:us-east-1:000000000000:table/KeysTable";
        let publishes = writes.map(|action| function.may(&format!("dynamodb:{action}"), keys));
        secrets.into_iter().chain(publishes).any(|reach| reach)
    };
    let who: Vec<_> =
        template.functions().iter().filter(|function| reaches(function)).map(local::template::Function::name).collect();
    assert_eq!(who, ["auth"]);
    let auth = template.functions().iter().find(|function| function.name() == "auth").unwrap();
    assert!(auth.may("dynamodb:PutItem", "arn:aws:dynamodb:us-east-1:000000000000:table/KeysTable"));
}

#[test]
fn the_auth_function_alone_can_make_sessions_api_keys_and_second_factors() {
    let template = template();
    let who_may = |action: &str, table: &str| {
        let resource = format!("arn:aws:dynamodb:us-east-1:000000000000:table/{table}");
        let able =
            template.functions().iter().filter(|function| function.may(&format!("dynamodb:{action}"), &resource));
        able.map(local::template::Function::name).collect::<Vec<_>>()
    };
    for action in ["PutItem", "UpdateItem", "BatchWriteItem"] {
        let expected: &[&str] = if action == "BatchWriteItem" { &[] } else { &["auth"] };
        assert_eq!(who_may(action, "CredentialsTable"), expected, "{action}");
    }
    // Whoever sends a link makes its token, which signs nobody in.
    assert_eq!(who_may("PutItem", "OneTimeTokensTable"), ["email-worker"]);
    assert_eq!(who_may("DeleteItem", "OneTimeTokensTable"), ["auth", "users"]);
}

#[test]
fn a_worker_knows_when_it_is_ended_and_how_often_work_is_tried() {
    let template = Template::load(workspace().join("template.yaml")).unwrap();
    let mut workers = 0;
    for function in template.functions() {
        let setting = |name: &str| function.environment().get(name).map(|value| value.resolve("", |_| None));
        let Some(timeout) = setting("WORKER_TIMEOUT") else { continue };
        // A lease that is shorter than its worker's time would let two workers at one job.
        assert_eq!(timeout, function.timeout().as_secs().to_string(), "{}", function.name());
        let retries: Retries = setting("JOB_RETRIES").unwrap().parse().unwrap();
        assert_eq!(retries, Retries::default(), "what the template says is what holds without it");
        workers += 1;
    }
    assert_eq!(workers, 2);
}
