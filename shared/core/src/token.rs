//! Access tokens: JWTs signed with Ed25519 (RFC 9068, RFC 8037).
//!
//! Only the auth function has a [`Signer`]. All others have a [`Verifier`] and the public keys.

mod crypto;
mod schedule;
mod signing_keys;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use ring::digest;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::random::Random;
use crate::scope::Scopes;
use crate::session::SessionRef;

pub use schedule::{ANNOUNCED_FOR, KeySchedule, REREAD_AFTER, RotationError, ScheduledKey};
pub use signing_keys::{SecretId, SigningKey, SigningKeyError, SigningKeys};

/// How long an access token is valid, in seconds.
pub const LIFETIME_SECONDS: i64 = 30 * 60;
/// The `aud` claim: whom the tokens are for.
const AUDIENCE: &str = "peregrine-api";
/// The `alg` header of an access token: the one algorithm there is.
const ALGORITHM: &str = "EdDSA";
/// The `typ` header of an access token (RFC 9068 section 2.1), as it is written first. Both are read (section 4).
const TYPES: [&str; 2] = ["at+jwt", "application/at+jwt"];
/// How far the clocks of two sandboxes may be apart, in seconds.
const LEEWAY_SECONDS: i64 = 5;
/// Longest token that is looked at, in bytes. Ours have about 500.
const MAX_LENGTH: usize = 4096;

/// The claims of an access token, in the order in which they are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: Uuid,
    sid: Uuid,
    epoch: u64,
    jti: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
    scope: String,
}

/// What a verified access token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// The user who signed in.
    pub user_id: Uuid,
    /// The session that the sign-in began. What is ended with it, [`crate::user::User::accepts`] says.
    pub session: SessionRef,
    /// What the bearer may do, unless the user's rights have shrunk since.
    pub scopes: Scopes,
}

/// The token is none of ours, or no longer or not yet valid. The reason is for the log, not for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a JWT, a wrong signature, or a wrong `alg`, `typ`, `iss` or `aud`.
    #[error("the token is not one of ours")]
    Foreign,
    /// Outside of `nbf` and `exp`.
    #[error("the token is not valid at this time")]
    Time,
}

/// The id of a key: its JWK thumbprint (RFC 7638).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// The id, 43 characters of unpadded base64url.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The public half of a signing key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// A key of 32 bytes; `None` if there are more or fewer.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The key's bytes (RFC 8032 section 5.1.5).
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key as a JWK has it (`x`, RFC 8037 section 2): 43 characters of unpadded base64url.
    pub fn x(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The key's id.
    pub fn id(&self) -> KeyId {
        let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, self.x());
        KeyId(URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, jwk.as_bytes())))
    }
}

/// Mints access tokens with one key.
#[derive(Debug)]
pub struct Signer {
    key: SigningKey,
    issuer: String,
    random: Random,
}

impl Signer {
    /// A signer of the tokens of `issuer`.
    pub fn new(key: SigningKey, issuer: String, random: Random) -> Self {
        Self { key, issuer, random }
    }

    /// The key that verifies what this signer mints.
    pub fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    /// A new access token for a user's session.
    ///
    /// # Errors
    /// [`SigningKeyError`], which no key is known to cause.
    pub fn mint(
        &self,
        user_id: Uuid,
        session: SessionRef,
        scopes: &Scopes,
        now: Timestamp,
    ) -> Result<String, SigningKeyError> {
        let issued = now.as_second();
        let header = Header {
            typ: Some(TYPES[0].to_owned()),
            kid: Some(self.public_key().id().0),
            ..Header::new(Algorithm::EdDSA)
        };
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: user_id,
            sid: session.id,
            epoch: session.epoch,
            jti: self.random.uuid(now),
            iat: issued,
            nbf: issued,
            exp: issued + LIFETIME_SECONDS,
            scope: scopes.to_string(),
        };
        jsonwebtoken::encode(&header, &claims, &self.key.key).map_err(|_| SigningKeyError)
    }
}

/// The header of an access token. What else there could be says how to verify the token (`jku`, `jwk`, `x5c`, `x5u`),
/// or that it means something else (`crit`, `b64`, `zip`, `cty`), so nothing else may be there, and nothing twice.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessTokenHeader {
    typ: String,
    alg: String,
    kid: String,
}

/// The id of the key that a token claims to be signed with, to look the key up by. Nothing is verified yet.
///
/// # Errors
/// [`TokenError::Foreign`] if the token isn't of the form that [`Signer::mint`] gives it. In particular the header may
/// not bring a key along, nor say where to find one.
pub fn key_id(token: &str) -> Result<KeyId, TokenError> {
    let mut parts = token.split('.');
    let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(TokenError::Foreign);
    };
    if token.len() > MAX_LENGTH {
        return Err(TokenError::Foreign);
    }
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| TokenError::Foreign)?;
    let header: AccessTokenHeader = serde_json::from_slice(&header).map_err(|_| TokenError::Foreign)?;
    let is_ours = header.alg == ALGORITHM && TYPES.contains(&header.typ.as_str());
    let is_thumbprint = URL_SAFE_NO_PAD.decode(&header.kid).is_ok_and(|bytes| bytes.len() == 32);
    if is_ours && is_thumbprint { Ok(KeyId(header.kid)) } else { Err(TokenError::Foreign) }
}

/// Verifies access tokens.
#[derive(Debug, Clone)]
pub struct Verifier {
    validation: Validation,
}

impl Verifier {
    /// A verifier of the tokens of `issuer`.
    pub fn new(issuer: &str) -> Self {
        crypto::install();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
        // The times are compared here, with the clock that is passed in.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self { validation }
    }

    /// What the token says, if `key` has signed it and it is valid at `now`.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn verify(&self, token: &str, key: &PublicKey, now: Timestamp) -> Result<AccessToken, TokenError> {
        if key_id(token)? != key.id() {
            return Err(TokenError::Foreign);
        }
        let claims = self.signed_claims(token, key)?;
        let now = now.as_second();
        let (begins, ends) = (claims.nbf.saturating_sub(LEEWAY_SECONDS), claims.exp.saturating_add(LEEWAY_SECONDS));
        if now < begins || now >= ends {
            return Err(TokenError::Time);
        }
        let session = SessionRef { id: claims.sid, epoch: claims.epoch };
        Ok(AccessToken { user_id: claims.sub, session, scopes: Scopes::parse_lenient(&claims.scope) })
    }

    /// The claims, if the key has signed them and they are from our issuer and for us.
    fn signed_claims(&self, token: &str, key: &PublicKey) -> Result<Claims, TokenError> {
        let key = DecodingKey::from_ed_der(key.as_bytes());
        let token = jsonwebtoken::decode(token, &key, &self.validation).map_err(|_| TokenError::Foreign)?;
        Ok(token.claims)
    }
}

#[cfg(test)]
mod tests;
