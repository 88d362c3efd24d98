//! How a caller shows who they are.

use peregrine_core::scope::Scope;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Flow, HttpAuthScheme, HttpBuilder, OAuth2, Password, Scopes, SecurityRequirement,
    SecurityScheme,
};

use super::operations;

/// The name under which a handler says which scopes it asks for: `security(("bearer" = ["items:write"]))`.
const SOURCE: &str = "bearer";

/// A way to authenticate that is declared already, so that generated clients have its name, and asked for nowhere yet:
/// nothing issues API keys so far.
fn coming() -> Vec<(&'static str, SecurityScheme)> {
    vec![("apiKey", api_key())]
}

/// Every way to authenticate, and whether its requirements name scopes. A caller chooses one of them.
fn schemes() -> Vec<(&'static str, SecurityScheme, bool)> {
    vec![("oauth2", oauth2(), true), (SOURCE, bearer(), false)]
}

/// Declares the schemes, and lists all of them as alternatives wherever a handler asks who calls.
pub(super) fn complete(document: &mut OpenApi) {
    let schemes = schemes();
    for (_, operation) in operations(document) {
        let Some(asked) = operation.security.take() else { continue };
        let scopes: Vec<_> = asked.iter().map(scopes_of).collect();
        let alternatives = scopes.iter().flat_map(|scopes| {
            schemes.iter().map(|(name, _, names_scopes)| {
                SecurityRequirement::new(*name, if *names_scopes { scopes.clone() } else { Vec::new() })
            })
        });
        operation.security = Some(alternatives.collect());
    }
    let components = document.components.get_or_insert_default();
    let declared = schemes.into_iter().map(|(name, scheme, _)| (name, scheme)).chain(coming());
    components.security_schemes = declared.map(|(name, scheme)| (name.to_owned(), scheme.into())).collect();
}

/// The scopes that a handler asks for.
fn scopes_of(requirement: &SecurityRequirement) -> Vec<String> {
    let shown = serde_json::to_value(requirement).expect("a requirement is JSON");
    let scopes = shown.get(SOURCE).unwrap_or_else(|| panic!("{shown} is no requirement of `{SOURCE}`"));
    serde_json::from_value(scopes.clone()).expect("scopes are a list of texts")
}

fn oauth2() -> SecurityScheme {
    let scopes = Scope::ALL.map(|scope| (scope.as_str(), meaning(scope)));
    let flow = Flow::Password(Password::new("/api/v1/token", Scopes::from_iter(scopes)));
    SecurityScheme::OAuth2(OAuth2::with_description([flow], "Sign in with username or email and password."))
}

fn bearer() -> SecurityScheme {
    let description = "The `access_token` of an answer of `POST /api/v1/token`.";
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(description));
    SecurityScheme::Http(bearer.build())
}

fn api_key() -> SecurityScheme {
    let description = "A key of a user's own, for programs. No operation issues keys yet, so none is accepted.";
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description("X-API-Key", description)))
}

fn meaning(scope: Scope) -> &'static str {
    match scope {
        Scope::UsersRead => "Read one's own account.",
        Scope::UsersWrite => "Change and delete one's own account.",
        Scope::ItemsRead => "Read items. They are public; the scope is there for clients that ask for it.",
        Scope::ItemsWrite => "Create, change and delete one's own items.",
        Scope::NotificationsSend => "Send mail to any address.",
        Scope::Admin => "Everything, with everybody's accounts and items.",
    }
}
