//! Functions that start without what they need.

use auth::AuthState;
use peregrine_core::settings::Environment;
use users::UsersState;

/// What is said of a start of each function that handles credentials, with these settings.
async fn said(settings: fn(&str) -> Option<&'static str>) -> [String; 2] {
    let environment = || Environment::from_fn(move |name| settings(name).map(ToOwned::to_owned));
    let auth = AuthState::from_env(environment()).await.err().unwrap();
    let users = UsersState::from_env(environment()).await.err().unwrap();
    [auth.to_string(), users.to_string()]
}

/// The settings that a message says to be missing.
fn missing(message: &str) -> Vec<&str> {
    let problems = message.strip_prefix("the function can't start: ").unwrap().split(". ").next().unwrap();
    problems.split("; ").map(|problem| problem.strip_suffix(" is not set").unwrap()).collect()
}

#[tokio::test]
async fn a_start_without_settings_names_all_that_are_missing_at_once() {
    let [auth, users] = said(|_| None).await;
    let both = [
        "AUDIT_TABLE",
        "AWS_ACCESS_KEY_ID",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "CREDENTIALS_TABLE",
        "EMAIL_QUEUE_URL",
        "FIRST_ADMIN_EMAIL",
        "IDEMPOTENCY_TABLE",
        "JOBS_TABLE",
        "KEYS_TABLE",
        "ONE_TIME_TOKENS_TABLE",
        "RATE_LIMITS_TABLE",
        "SEAL_SECRET",
        "TOKEN_ISSUER",
        "USERS_TABLE",
        "WEBHOOK_QUEUE_URL",
    ];
    for (message, more) in
        [(auth, ["FIRST_ADMIN_PASSWORD", "SECOND_FACTOR_SECRET", "SIGNING_SECRET"].as_slice()), (users, &[])]
    {
        let mut expected = [&both, more].concat();
        let mut named = missing(&message);
        expected.sort_unstable();
        named.sort_unstable();
        assert_eq!(named, expected, "{message}");
    }
}

#[tokio::test]
async fn every_function_that_reads_api_keys_names_the_secret_that_it_takes() {
    let environment = || Environment::from_fn(|_| None);
    let items = items::ItemsState::from_env(environment()).await.err().unwrap().to_string();
    let jobs = jobs::JobsState::from_env(environment()).await.err().unwrap().to_string();
    for message in [items, jobs] {
        assert!(missing(&message).contains(&"SEAL_SECRET"), "{message}");
    }
}

#[tokio::test]
async fn a_first_administrator_without_an_address_is_named() {
    let settings = |name: &str| match name {
        "FIRST_ADMIN_EMAIL" => Some("nobody"),
        "STRICT_LIMITS" | "HARDENED" => None,
        _ if name.contains("LIMITS") && !name.ends_with("TABLE") => None,
        _ => Some("http://a-value-of-more-than-thirty-two-characters"),
    };
    for message in said(settings).await {
        assert!(message.starts_with("the function can't start: FIRST_ADMIN_EMAIL is malformed: "), "{message}");
    }
}

#[tokio::test]
async fn a_secret_that_is_too_short_is_named_and_not_shown() {
    let messages = said(|name| match name {
        "SIGNING_SECRET" => Some("thirty-one characters, one less"),
        "SEAL_SECRET" | "SECOND_FACTOR_SECRET" => Some("a brief secret"),
        "FIRST_ADMIN_PASSWORD" => Some("seven77"),
        _ => None,
    });
    let [auth, users] = messages.await;
    for message in [&auth, &users] {
        assert!(message.contains("SEAL_SECRET has fewer than 32 characters"), "{message}");
        for value in ["thirty-one", "brief", "seven77"] {
            assert!(!message.contains(value), "{message}");
        }
    }
    for secret in ["SIGNING_SECRET", "SECOND_FACTOR_SECRET"] {
        assert!(auth.contains(&format!("{secret} has fewer than 32 characters")), "{auth}");
    }
    assert!(auth.contains("FIRST_ADMIN_PASSWORD has fewer than 8 characters"), "{auth}");
    assert!(auth.contains("USERS_TABLE is not set"), "missing ones are named besides");
}
