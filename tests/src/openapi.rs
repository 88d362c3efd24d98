//! The document of the whole API, made from the routers.
//!
//! The handlers say what is their own; what holds for all operations, or follows from what a handler says, is added
//! here, so that nobody has to remember it.

mod answers;
pub mod changes;
mod errors;
mod headers;
mod requests;
mod security;

use utoipa::openapi::path::{HttpMethod, Operation};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Components, Info, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Server, Tag};
use utoipa_axum::router::OpenApiRouter;

/// A function and the document of its routes.
pub fn functions() -> Vec<(&'static str, OpenApi)> {
    fn document<S: Clone + Send + Sync + 'static>(router: OpenApiRouter<S>) -> OpenApi {
        router.into_openapi()
    }
    vec![
        ("meta", document(meta::routes())),
        ("auth", document(auth::routes())),
        ("users", document(users::routes())),
        ("items", document(items::routes())),
        ("jobs", document(jobs::routes())),
    ]
}

/// The document of the whole API.
pub fn document() -> OpenApi {
    let mut whole = OpenApiBuilder::new()
        .info(info())
        .servers(Some([Server::new("/")]))
        .tags(Some(tags()))
        .components(Some(shared()))
        .build();
    for (_, document) in functions() {
        whole.merge(document);
    }
    security::complete(&mut whole);
    requests::complete(&mut whole);
    answers::complete(&mut whole);
    drop_unused(&mut whole);
    whole
}

fn info() -> Info {
    InfoBuilder::new()
        .title("Peregrine")
        .description(Some(DESCRIPTION))
        .license(Some(
            LicenseBuilder::new().name("MIT or Apache-2.0").identifier(Some(env!("CARGO_PKG_LICENSE"))).build(),
        ))
        .version(env!("CARGO_PKG_VERSION"))
        .build()
}

const DESCRIPTION: &str =
    "A backend as you know it from FastAPI: users, OAuth2 sign-in, items with search, and background work \
that loses nothing.

Sign up with `POST /api/v1/users`, sign in with `POST /api/v1/token`, and send the token as `Authorization: Bearer …`.

Errors are `{\"detail\": …}`; a request's faults come all at once. Who sends `Accept: application/problem+json` gets \
the same as RFC 9457. Lists are bare arrays; the next page's address is in the `Link` header. Identifiers are UUIDs, \
times are RFC 3339 in UTC, and money is exact: read it as a decimal, not as a binary float.";

fn tags() -> Vec<Tag> {
    let described = [
        ("meta", "What answers here, and whether it lives."),
        ("auth", "Sign-in and tokens."),
        ("users", "Accounts: sign-up, and what owners and admins do with them."),
        ("notifications", "Mail that may be asked for."),
        ("jobs", "Background work: what was promised, and how far it is."),
        ("operations", "For whoever runs the system."),
        ("items", "Items: public to read, for their owner and admins to change."),
    ];
    described.map(|(name, text)| TagBuilder::new().name(name).description(Some(text)).build()).into()
}

/// The header fields and parameters that no handler names, and the error answers.
fn shared() -> Components {
    let mut components: Components = serde_json::from_str(include_str!("openapi/components.json"))
        .expect("components.json holds the components of an OpenAPI document");
    components.schemas = errors::schemas();
    components.responses = errors::responses();
    components.responses.insert(answers::NOT_MODIFIED.to_owned(), answers::not_modified().into());
    components
}

/// Every operation, with its method.
fn operations(document: &mut OpenApi) -> impl Iterator<Item = (HttpMethod, &mut Operation)> {
    document.paths.paths.values_mut().flat_map(|item| {
        let methods = [
            (HttpMethod::Get, &mut item.get),
            (HttpMethod::Put, &mut item.put),
            (HttpMethod::Post, &mut item.post),
            (HttpMethod::Delete, &mut item.delete),
            (HttpMethod::Patch, &mut item.patch),
        ];
        methods.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
    })
}

/// Drops the shared components that nothing refers to, so that the document shows what this API has.
fn drop_unused(document: &mut OpenApi) {
    let text = document.to_json().expect("the document is JSON");
    let is_used = |kind: &str, name: &str| text.contains(&format!("\"#/components/{kind}/{name}\""));
    if let Some(components) = &mut document.components {
        // Responses refer to headers and schemas that the paths use as well, so one pass is enough.
        components.responses.retain(|name, _| is_used("responses", name));
        components.parameters.retain(|name, _| is_used("parameters", name));
        components.headers.retain(|name, _| is_used("headers", name));
    }
}
