//! How a caller shows who they are.

use peregrine_core::scope::Scope;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Flow, HttpAuthScheme, HttpBuilder, OAuth2, Password, Scopes, SecurityRequirement,
    SecurityScheme,
};

use super::operations;

/// The name under which a handler says which scopes it asks for: `security(("bearer" = ["items:write"]))`.
const ANY_CREDENTIAL: &str = "bearer";
/// The name for what takes a sign-in, and no API key: `security(("session" = ["users:write"]))`.
const SIGN_IN: &str = "session";
/// The scheme that only [`ANY_CREDENTIAL`] stands for.
const API_KEY: &str = "apiKey";

/// Every way to authenticate, and whether its requirements name scopes. A caller chooses one of them.
fn schemes() -> Vec<(&'static str, SecurityScheme, bool)> {
    vec![("oauth2", oauth2(), true), ("bearer", bearer(), false), (API_KEY, api_key(), false)]
}

/// Declares the schemes, and lists those that are taken as alternatives wherever a handler asks who calls.
pub(super) fn complete(document: &mut OpenApi) {
    let schemes = schemes();
    for (_, operation) in operations(document) {
        let Some(asked) = operation.security.take() else { continue };
        let alternatives = asked.into_iter().flat_map(|requirement| {
            // Where nobody need be known, that is an alternative too.
            if requirement == SecurityRequirement::default() {
                return vec![requirement];
            }
            let (scopes, takes_keys) = scopes_of(&requirement);
            let taken = schemes.iter().filter(|(name, ..)| takes_keys || *name != API_KEY);
            let alternatives = taken.map(|(name, _, names_scopes)| {
                SecurityRequirement::new(*name, if *names_scopes { scopes.clone() } else { Vec::new() })
            });
            alternatives.collect()
        });
        operation.security = Some(alternatives.collect());
    }
    let components = document.components.get_or_insert_default();
    let declared = schemes.into_iter().map(|(name, scheme, _)| (name.to_owned(), scheme.into()));
    components.security_schemes = declared.collect();
}

/// The scopes that a handler asks for, and whether an API key may have them.
fn scopes_of(requirement: &SecurityRequirement) -> (Vec<String>, bool) {
    let shown = serde_json::to_value(requirement).expect("a requirement is JSON");
    let (scopes, takes_keys) = match (shown.get(ANY_CREDENTIAL), shown.get(SIGN_IN)) {
        (Some(scopes), None) => (scopes, true),
        (None, Some(scopes)) => (scopes, false),
        _ => panic!("{shown} is no requirement of `{ANY_CREDENTIAL}` or `{SIGN_IN}`"),
    };
    (serde_json::from_value(scopes.clone()).expect("scopes are a list of texts"), takes_keys)
}

fn oauth2() -> SecurityScheme {
    let scopes = Scope::ALL.map(|scope| (scope.as_str(), meaning(scope)));
    let flow = Flow::Password(Password::new("/api/v1/token", Scopes::from_iter(scopes)));
    SecurityScheme::OAuth2(OAuth2::with_description([flow], "Sign in with username or email and password."))
}

fn bearer() -> SecurityScheme {
    let description = "The `access_token` of an answer of `POST /api/v1/token`, or an API key where `apiKey` is taken.";
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(description));
    SecurityScheme::Http(bearer.build())
}

fn api_key() -> SecurityScheme {
    let description = "A key of a user's own, for programs: `POST /api/v1/users/me/api-keys` makes one.";
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
