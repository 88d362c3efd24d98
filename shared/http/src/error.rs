//! Error answers, in FastAPI's form. The one place where errors of the domain become HTTP.

mod forms;

use std::sync::Arc;

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use peregrine_core::cause::with_causes;
use peregrine_core::mail::links::LinkError;
use peregrine_core::password::PasswordError;
use peregrine_core::token::SigningKeyError;
use peregrine_core::validation::{Fault, Input, Segment};

pub use forms::{Invalid, InvalidDetails, Problem, ProblemDetails, ValidationError};

/// Why a request is not answered as it wishes.
#[derive(Debug)]
pub enum ApiError {
    /// 400: the body can't be read at all.
    UnreadableBody,
    /// 400: the form can't be read. The text is one of Starlette's.
    UnreadableForm(&'static str),
    /// 400: of the scopes that a token request names, the user has none (RFC 6749 section 5.2).
    InvalidScope,
    /// 400: the link that was followed opens nothing.
    UnusableLink(LinkError),
    /// 400: the request is for a host that is not ours.
    ForeignHost,
    /// 401: nobody, or nobody we know, is asking. The text is one of FastAPI's.
    Unauthenticated(&'static str),
    /// 401: the caller signed in too long ago for what is asked (RFC 9470 section 3).
    SignInTooOld,
    /// 401: the password is right, and a code of the second factor is wanted besides.
    SecondFactorRequired,
    /// 400: the refresh token is none, or no longer one (RFC 6749 section 5.2, `invalid_grant`).
    UnusableRefreshToken,
    /// 403: the caller is known and may not.
    Forbidden,
    /// 404: there is no such thing, for instance `Item not found`.
    NotFound(&'static str),
    /// 405: the path exists, the method does not.
    MethodNotAllowed,
    /// 409: the wish contradicts what is there, for instance `User already exists`.
    Conflict(&'static str),
    /// 412: somebody else has changed the resource since the caller has seen it.
    PreconditionFailed,
    /// 428: the change must say which state it is made to (RFC 6585 section 3).
    PreconditionRequired,
    /// 413: the body is larger than this endpoint reads.
    TooLarge,
    /// 422: these are all the faults of the request.
    Invalid(Vec<Fault>),
    /// 429: too many requests; the same one may work after so many seconds (RFC 6585 section 4).
    TooManyRequests {
        /// Seconds until then.
        retry_after: u32,
    },
    /// 500: our fault. The cause goes to the log, not to the client.
    Internal(Box<dyn std::error::Error + Send + Sync>),
    /// 503: the same request may work in a moment.
    Busy,
    /// 504: the work took too long and was ended.
    TimedOut,
}

/// What an error answer says. An extension of the answer until the layers write it, in the form that the client
/// accepts.
#[derive(Debug, Clone)]
pub(crate) enum Said {
    /// One sentence.
    Sentence(&'static str),
    /// Every fault of the request.
    Faults(Arc<[Fault]>),
}

/// What problem details say of a request with faults.
pub(crate) const FAULTS: &str = "The request is not valid; see `errors`";

/// The cause of a 5xx answer, for the log. An extension of the answer.
#[derive(Debug, Clone)]
pub(crate) struct Cause(pub(crate) Arc<str>);

impl ApiError {
    /// 422 with one fault, found by a rule of ours after the request was read.
    pub fn rule_broken(location: &[&'static str], reason: &str, input: Input) -> Self {
        let location = location.iter().map(|name| Segment::Name((*name).into())).collect();
        Self::Invalid(vec![Fault::of_rule(location, reason, input)])
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::UnreadableBody
            | Self::UnreadableForm(_)
            | Self::InvalidScope
            | Self::UnusableLink(_)
            | Self::UnusableRefreshToken
            | Self::ForeignHost => StatusCode::BAD_REQUEST,
            Self::Unauthenticated(_) | Self::SignInTooOld | Self::SecondFactorRequired => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}

impl IntoResponse for ApiError {
    /// The status, the header fields, and what the layers write as the body in the form that the client accepts.
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = status.into_response();
        let retry_after = match &self {
            Self::TooManyRequests { retry_after } => Some(*retry_after),
            Self::Busy => Some(1),
            _ => None,
        };
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            let challenge = match &self {
                // The seconds are those of `caller::Interactive`.
                Self::SignInTooOld => r#"Bearer error="insufficient_user_authentication", max_age="900""#,
                Self::SecondFactorRequired => r#"Bearer error="second_factor_required""#,
                _ => "Bearer",
            };
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Self::Internal(cause) = &self {
            response.extensions_mut().insert(Cause(with_causes(cause.as_ref()).into()));
        }
        response.extensions_mut().insert(self.said());
        response
    }
}

impl ApiError {
    fn said(self) -> Said {
        match self {
            Self::Invalid(faults) => Said::Faults(faults.into()),
            error => Said::Sentence(error.sentence()),
        }
    }

    /// What the answer says in one sentence.
    pub fn sentence(&self) -> &'static str {
        match self {
            Self::Invalid(_) => FAULTS,
            Self::UnreadableBody => "There was an error parsing the body",
            Self::InvalidScope => "The user has none of the requested scopes",
            Self::UnusableLink(LinkError::Invalid) => "This link is not valid",
            Self::UnusableLink(LinkError::Gone) => {
                "This link is not valid any more: it has been used, or a newer one has taken its place"
            }
            Self::UnusableLink(LinkError::Expired) => "This link has expired",
            Self::ForeignHost => "Invalid host header",
            Self::UnreadableForm(detail)
            | Self::Unauthenticated(detail)
            | Self::NotFound(detail)
            | Self::Conflict(detail) => detail,
            Self::SignInTooOld => "Please sign in again to do this",
            Self::SecondFactorRequired => "A code of the second factor is required",
            Self::UnusableRefreshToken => "The refresh token is not valid",
            Self::Forbidden => "Not enough permissions",
            Self::MethodNotAllowed => "Method Not Allowed",
            Self::PreconditionFailed => "The resource is not in the state that the request is made for",
            Self::PreconditionRequired => "Please send If-Match with the ETag of what you change",
            Self::TooLarge => "The request body is too large",
            Self::TooManyRequests { .. } => "Too many requests, please try again later",
            Self::Internal(_) => "Internal Server Error",
            Self::Busy => "Service busy, please try again",
            Self::TimedOut => "The request took too long and was ended",
        }
    }
}

impl From<LinkError> for ApiError {
    fn from(error: LinkError) -> Self {
        Self::UnusableLink(error)
    }
}

impl From<PasswordError> for ApiError {
    fn from(error: PasswordError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<SigningKeyError> for ApiError {
    fn from(error: SigningKeyError) -> Self {
        Self::Internal(error.into())
    }
}

#[cfg(feature = "auth")]
impl From<peregrine_core::table::AttemptError> for ApiError {
    fn from(error: peregrine_core::table::AttemptError) -> Self {
        match error {
            peregrine_core::table::AttemptError::Locked { wait } => {
                Self::TooManyRequests { retry_after: u32::try_from(wait.as_secs()).unwrap_or(u32::MAX) }
            }
            peregrine_core::table::AttemptError::Table(error) => error.into(),
        }
    }
}

#[cfg(feature = "auth")]
impl From<peregrine_core::table::TableError> for ApiError {
    fn from(error: peregrine_core::table::TableError) -> Self {
        match error {
            peregrine_core::table::TableError::Busy => Self::Busy,
            error => Self::Internal(error.into()),
        }
    }
}
