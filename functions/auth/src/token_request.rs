use peregrine_core::validation::{Constraints, Field, Input, Model, Report, Validate};
use secrecy::SecretString;
use utoipa::ToSchema;

/// What may be sent to `POST /api/v1/token`: a sign-in, or with `grant_type=refresh_token` a refresh.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
pub(crate) enum TokenRequest {
    /// A sign-in.
    Password(PasswordGrant),
    /// A refresh.
    Refresh(RefreshGrant),
}

/// The form of an OAuth2 password sign-in (RFC 6749 section 4.3.2).
#[derive(Debug, ToSchema, Validate)]
pub(crate) struct PasswordGrant {
    /// `password`, if it is sent.
    #[schema(pattern = "^password$", example = "password")]
    #[expect(dead_code, reason = "validated and documented, not used")]
    grant_type: Option<String>,
    /// The username or the email.
    #[schema(example = "ann")]
    pub(crate) username: String,
    /// The password.
    #[schema(value_type = String, example = "Passw0rd1")]
    pub(crate) password: SecretString,
    /// The scopes that are wanted, separated by spaces; all that the user has if none are named.
    #[schema(default = "", example = "items:read items:write")]
    pub(crate) scope: String,
    /// A code of the second factor, or a recovery code, for users who have set one up.
    #[schema(value_type = Option<String>, example = "123456")]
    pub(crate) otp: Option<SecretString>,
    /// Accepted and not used: this is a first-party sign-in.
    #[schema(example = "web")]
    #[expect(dead_code, reason = "validated and documented, not used")]
    client_id: Option<String>,
    /// Accepted and not used: this is a first-party sign-in.
    #[schema(value_type = Option<String>, example = "none")]
    #[expect(dead_code, reason = "validated and documented, not used")]
    client_secret: Option<SecretString>,
}

/// The form of a refresh (RFC 6749 section 6).
#[derive(Debug, ToSchema, Validate)]
pub(crate) struct RefreshGrant {
    /// `refresh_token`, if it is sent.
    #[schema(pattern = "^refresh_token$", example = "refresh_token")]
    #[expect(dead_code, reason = "validated and documented, not used")]
    grant_type: Option<String>,
    /// The refresh token that came with the last access token.
    #[schema(
        value_type = String,
        example = "AQGY88QSq30Qnz5rWkw9Lh8BmPPEEqt9EJ8-a1pMPS4fAAAAAMbl0eXBlIG9mIGEgTUFDIG92ZXIgYWxsIG9mIHRoYXQ"
    )]
    pub(crate) refresh_token: SecretString,
    /// The scopes that are wanted, of those that the sign-in was granted; all of them if none are named.
    #[schema(default = "", example = "items:read")]
    pub(crate) scope: String,
}

impl Validate for TokenRequest {
    fn validate(input: &Input, constraints: &Constraints, report: &mut Report<'_>) -> Option<Self> {
        let is_refresh = match input {
            Input::Object(fields) => fields.get("grant_type") == Some(&Input::text("refresh_token")),
            _ => false,
        };
        if is_refresh {
            RefreshGrant::validate(input, constraints, report).map(Self::Refresh)
        } else {
            PasswordGrant::validate(input, constraints, report).map(Self::Password)
        }
    }
}

impl Model for TokenRequest {
    // What is taken from the form at all: the fields of both grants.
    const FIELDS: &'static [Field] = &[
        public("grant_type"),
        public("username"),
        secret("password"),
        secret("refresh_token"),
        public("scope"),
        secret("otp"),
        public("client_id"),
        secret("client_secret"),
    ];
}

const fn public(name: &'static str) -> Field {
    Field { name, repeated: false, secret: false }
}

const fn secret(name: &'static str) -> Field {
    Field { name, repeated: false, secret: true }
}
