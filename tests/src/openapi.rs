//! The document of the whole API, made from the routers.

use utoipa::openapi::security::{Flow, OAuth2, Password, Scopes, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder};
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
    ]
}

/// The document of the whole API.
pub fn document() -> OpenApi {
    let info = InfoBuilder::new().title("Peregrine").version(env!("CARGO_PKG_VERSION")).build();
    let components = ComponentsBuilder::new().security_scheme("bearer", bearer()).build();
    let mut whole = OpenApiBuilder::new().info(info).components(Some(components)).build();
    for (_, document) in functions() {
        whole.merge(document);
    }
    whole
}

fn bearer() -> SecurityScheme {
    let scopes = peregrine_core::scope::Scope::ALL.map(|scope| (scope.as_str(), ""));
    SecurityScheme::OAuth2(OAuth2::new([Flow::Password(Password::new("/api/v1/token", Scopes::from_iter(scopes)))]))
}
