//! A request as a handler wants it: who asks, and what they ask for, all of it checked.

use std::convert::Infallible;

use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts as RequestParts;
use peregrine_core::validation::{Fault, Input, urlencoded};

use crate::body::{self, ReceivedBody};
use crate::error::ApiError;

pub use crate::body::BodyKind;

/// The argument of a handler that takes input: the caller, and the parts of the request, validated.
///
/// It answers in FastAPI's order: a body that can't be parsed first, then who may not call, then **all** faults of path,
/// query and body together.
///
/// ```text
/// async fn update_item(
///     State(state): State<ItemsState>,
///     Valid(caller, (Path(item), Body(patch))): Valid<Scoped<ItemsWrite>, (Path<ItemPath>, Body<ItemPatch>)>,
/// ) -> Result<Json<ItemView>, ApiError>
/// ```
#[derive(Debug)]
pub struct Valid<Caller, Parts>(pub Caller, pub Parts);

/// What arrived, before validation. It can't be printed, because tokens and passwords must not be.
pub struct Received {
    pub(crate) headers: HeaderMap,
    pub(crate) path: Vec<(String, String)>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: ReceivedBody,
}

impl Received {
    /// The value of a path parameter, decoded.
    pub fn path_parameter(&self, name: &str) -> Option<&str> {
        self.path.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The request's headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    async fn read<S: Send + Sync>(request: Request, body_kind: BodyKind, state: &S) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let body = body::read(body_kind, &parts.headers, body).await?;
        let path = path_of(&mut parts, state).await?;
        let query = urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        Ok(Self { headers: parts.headers, path, query, body })
    }
}

async fn path_of<S: Send + Sync>(parts: &mut RequestParts, state: &S) -> Result<Vec<(String, String)>, ApiError> {
    // It fails where a parameter is not UTF-8. No resource has such a name.
    let raw = RawPathParams::from_request_parts(parts, state).await.map_err(|_| ApiError::NotFound("Not Found"))?;
    Ok(raw.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Who may call an endpoint. Its place in a handler's arguments is what grants or refuses access, so its absence would
/// be seen; endpoints for everybody say [`Anyone`].
pub trait Caller<S>: Sized + Send {
    /// Finds out who calls.
    ///
    /// # Errors
    /// 401 if that can't be told, 403 if they may not.
    fn identify(received: &Received, state: &S) -> impl Future<Output = Result<Self, ApiError>> + Send;
}

/// Everybody may call; nobody is asked who they are.
#[derive(Debug, Clone, Copy)]
pub struct Anyone;

impl<S: Sync> Caller<S> for Anyone {
    async fn identify(_: &Received, _: &S) -> Result<Self, ApiError> {
        Ok(Self)
    }
}

/// A part of a request that is read into a type, or a tuple of such parts.
pub trait Part: Sized {
    /// What the part expects in the body.
    const BODY: BodyKind = BodyKind::Ignored;

    /// Reads the part, or adds all its faults and returns `None`.
    fn read(received: &Received, faults: &mut Vec<Fault>) -> Option<Self>;
}

impl Part for () {
    fn read(_: &Received, _: &mut Vec<Fault>) -> Option<Self> {
        Some(())
    }
}

macro_rules! tuple_of_parts {
    ($($part:ident),+) => {
        impl<$($part: Part),+> Part for ($($part,)+) {
            const BODY: BodyKind = first_body(&[$($part::BODY),+]);

            #[expect(non_snake_case, reason = "the variables are named after the type parameters")]
            fn read(received: &Received, faults: &mut Vec<Fault>) -> Option<Self> {
                // All are read before the first absence ends it, so that no fault goes unreported.
                $(let $part = $part::read(received, faults);)+
                Some(($($part?,)+))
            }
        }
    };
}

tuple_of_parts!(A);
tuple_of_parts!(A, B);
tuple_of_parts!(A, B, C);

const fn first_body(kinds: &[BodyKind]) -> BodyKind {
    match kinds {
        [] => BodyKind::Ignored,
        [BodyKind::Ignored, rest @ ..] => first_body(rest),
        [kind, ..] => *kind,
    }
}

impl<S, C, P> FromRequest<S> for Valid<C, P>
where
    S: Send + Sync,
    C: Caller<S>,
    P: Part,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let received = Received::read(request, P::BODY, state).await?;
        let caller = C::identify(&received, state).await?;
        let mut faults = Vec::new();
        match P::read(&received, &mut faults) {
            Some(parts) if faults.is_empty() => Ok(Self(caller, parts)),
            _ => Err(ApiError::Invalid(faults)),
        }
    }
}

/// The parameters of a path as an object.
pub(crate) fn object_of(pairs: &[(String, String)]) -> Input {
    Input::object(pairs.iter().map(|(name, value)| (name.clone(), Input::text(value.as_str()))))
}

/// Where the request came from and went, for links in answers.
#[derive(Debug, Clone)]
pub struct Address {
    /// The path, as the client sees it.
    pub path: String,
    /// The query's pairs, decoded.
    pub query: Vec<(String, String)>,
}

impl<S: Sync> FromRequestParts<S> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut RequestParts, _: &S) -> Result<Self, Infallible> {
        let query = urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        Ok(Self { path: parts.uri.path().to_owned(), query })
    }
}
