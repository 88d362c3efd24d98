//! A request as a handler wants it: who asks, and what they ask for, all of it checked.

use std::pin::pin;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts as _, RawPathParams, Request};
use axum::http::request::Parts as RequestParts;
use axum::http::{HeaderMap, Method};
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use peregrine_core::limit::Policy;
use peregrine_core::table::RateLimiter;
use peregrine_core::validation::{Fault, Input, urlencoded};

use crate::body::{self, ReceivedBody};
use crate::caller::Credential;
use crate::counting::count;
use crate::error::ApiError;
use crate::layers::exchange::Exchange;

pub use crate::body::BodyKind;

/// The argument of a handler that takes input: the caller, and the parts of the request, validated.
///
/// It answers in FastAPI's order: a body that can't be parsed first, then who may not call, or not so often, then
/// **all** faults of path, query, header and body together.
///
/// ```text
/// async fn update_item(
///     State(state): State<ItemsState>,
///     Valid(caller, (Path(item), Body(patch))): Valid<Scoped<ItemsWrite>, (Path<ItemPath>, Body<ItemPatch>)>,
/// ) -> Result<Tagged<ItemView>, ApiError>
/// ```
#[derive(Debug)]
pub struct Valid<Caller, Parts>(pub Caller, pub Parts);

/// What arrived, before validation. It can't be printed, because tokens and passwords must not be.
pub struct Received {
    /// What the layers know of the request.
    pub(crate) exchange: Exchange,
    pub(crate) method: Method,
    /// The path as the client sees it.
    pub(crate) path_as_sent: String,
    pub(crate) raw_body: Bytes,
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

    /// A request of nothing but header fields.
    #[cfg(test)]
    pub(crate) fn of_headers(headers: HeaderMap) -> Self {
        Self {
            exchange: Exchange::of(&axum::http::Extensions::new()),
            method: Method::GET,
            path_as_sent: "/".to_owned(),
            raw_body: Bytes::new(),
            headers,
            path: Vec::new(),
            query: Vec::new(),
            body: ReceivedBody::Absent,
        }
    }

    async fn read<S: Send + Sync>(request: Request, body_kind: BodyKind, state: &S) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let raw_body = body.collect().await.map_err(|_| ApiError::UnreadableBody)?.to_bytes();
        let body = body::read(body_kind, &parts.headers, &raw_body)?;
        let path = path_of(&mut parts, state).await?;
        Ok(Self {
            exchange: Exchange::of(&parts.extensions),
            method: parts.method,
            path_as_sent: parts.uri.path().to_owned(),
            raw_body,
            query: urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()),
            headers: parts.headers,
            path,
            body,
        })
    }
}

async fn path_of<S: Send + Sync>(parts: &mut RequestParts, state: &S) -> Result<Vec<(String, String)>, ApiError> {
    // It fails where a parameter is not UTF-8. No resource has such a name.
    let raw = RawPathParams::from_request_parts(parts, state).await.map_err(|_| ApiError::NotFound("Not Found"))?;
    Ok(raw.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Who may call an endpoint. Its place in a handler's arguments is what grants or refuses access, so its absence would
/// be seen; endpoints for everybody say [`Anyone`], or who it is that everybody may claim to be.
pub trait Caller<S>: Sized + Send {
    /// What the caller's requests are counted as. By default they are reads or writes, as the method says.
    const POLICY: Option<Policy> = None;

    /// The credential that the request carries, verified as far as that goes without reading a user; `None` where
    /// none is taken: then faults are told to anybody, uncounted, and the request counts for its address.
    ///
    /// # Errors
    /// 401 if there is none that is valid, 429 after too many that name keys which nobody knows, 5xx if the keys can't
    /// be read.
    fn credential(received: &Received, state: &S) -> impl Future<Output = Result<Option<Credential>, ApiError>> + Send;

    /// Finds out who calls.
    ///
    /// # Errors
    /// 401 if that can't be told, 403 if they may not, 5xx if nobody can be looked up. Whoever asks for a token: 400 for
    /// a refresh token of no use, 429 from an address that has to wait.
    fn identify(
        credential: Option<Credential>,
        received: &Received,
        state: &S,
    ) -> impl Future<Output = Result<Self, ApiError>> + Send;
}

/// Everybody may call; nobody is asked who they are.
#[derive(Debug, Clone, Copy)]
pub struct Anyone;

impl<S: Sync> Caller<S> for Anyone {
    async fn credential(_: &Received, _: &S) -> Result<Option<Credential>, ApiError> {
        Ok(None)
    }

    async fn identify(_: Option<Credential>, _: &Received, _: &S) -> Result<Self, ApiError> {
        Ok(Self)
    }
}

/// A part of a request that is read into a type, or a tuple of such parts.
pub trait Part: Sized + Send {
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
tuple_of_parts!(A, B, C, D);

const fn first_body(kinds: &[BodyKind]) -> BodyKind {
    match kinds {
        [] => BodyKind::Ignored,
        [BodyKind::Ignored, rest @ ..] => first_body(rest),
        [kind, ..] => *kind,
    }
}

impl<S, C, P> FromRequest<S> for Valid<C, P>
where
    S: AsRef<RateLimiter> + Send + Sync,
    C: Caller<S>,
    P: Part,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let received = Received::read(request, P::BODY, state).await?;
        let mut faults = Vec::new();
        let read = P::read(&received, &mut faults);
        let credential = C::credential(&received, state).await;
        let parts = match read {
            Some(parts) if faults.is_empty() => Ok(parts),
            // What is public and faulty is refused without asking anybody anything, so nothing is counted either.
            _ if matches!(credential, Ok(None)) => return Err(ApiError::Invalid(faults)),
            _ => Err(ApiError::Invalid(faults)),
        };
        // An API key shows by itself whose it says to be, not that it has not been deleted since.
        let is_unproven = matches!(credential, Ok(Some(Credential::ApiKey(_))));
        let user_id = credential.as_ref().ok().and_then(|credential| credential.as_ref().map(Credential::user_id));
        let count_for = |user_id| count(&received.exchange, &received.method, C::POLICY, user_id, state.as_ref());
        let mut counted = pin!(count_for(user_id));
        let identified = async { C::identify(credential?, &received, state).await };
        let caller = if is_unproven {
            // Whoever has a key of no use any more must not use up the requests of whose it was.
            let caller = identified.await;
            count_for(user_id.filter(|_| caller.is_ok())).await?;
            caller
        } else if let Some(counted) = counted.as_mut().now_or_never() {
            // The sandbox knows by itself: a caller who is refused again costs no call.
            counted?;
            identified.await
        } else {
            // The counter and the caller are asked for side by side, so that counting takes no time of its own.
            let (counted, caller) = futures_util::join!(counted, identified);
            counted?;
            caller
        };
        // Who may not call learns nothing of the faults.
        Ok(Self(caller?, parts?))
    }
}

/// The parameters of a path as an object.
pub(crate) fn object_of(pairs: &[(String, String)]) -> Input {
    Input::object(pairs.iter().map(|(name, value)| (name.clone(), Input::text(value.as_str()))))
}
