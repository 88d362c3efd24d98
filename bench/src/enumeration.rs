//! Whether the time of an answer tells who has an account (OWASP ASVS 6.3.8).
//!
//! Requests that name an account and requests that name none take turns, so that whatever disturbs the machine disturbs
//! both alike, and each names another account. The functions run in this process, without a network: an attacker sees
//! the same times and much noise.
//!
//! Two samples count as distinguishable if chance is no explanation ([`MOST_LIKELY`]) **and** their medians are far
//! enough apart for an attacker ([`LEAST`]). The first alone is no measure: with enough samples any two code paths
//! differ by some microseconds. The second comes from what an attacker may ask: a name can be tried ten times before
//! its answers say to wait. The mean of ten differs by chance from another ten by 1.3 ms at three standard deviations,
//! if a network adds a jitter of 1 ms, which is little; so a tenth of a millisecond is hidden also from somebody with a
//! network of a tenth of that jitter. A call of DynamoDB that only one of the two makes takes more.

use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use peregrine_http::service::Service;
use serde_json::json;

use crate::in_process::{Functions, Tables, alone, post, send, sign_in};
use crate::statistics::mann_whitney;
use crate::{Result, Row, milliseconds, quantile};

/// Samples of each kind.
const SAMPLES: usize = 300;
/// Pairs that come before them, while connections open and caches fill.
const WARM_UP: usize = 20;
/// The smallest difference of the medians that tells an attacker anything.
const LEAST: Duration = Duration::from_micros(100);
/// A difference that chance makes so likely, or more, is chance's.
const MOST_LIKELY: f64 = 0.001;
/// A password of everybody, which both sets of rules take.
const PASSWORD: &str = "Quiet harbour 27";

/// What is asked about an address.
struct Question<'a> {
    title: &'static str,
    service: &'a Service,
    answer: StatusCode,
    /// The request about this address; the number is another one for each.
    request: fn(&str, &str) -> Result<Request<Body>>,
}

/// Asks all questions. Returns the figures, and what can be told apart.
pub(crate) fn measure(root: &Path) -> Result<(Vec<Row>, Vec<String>)> {
    let tables = Tables::start(root)?;
    alone(|| measure_alone(&tables))
}

async fn measure_alone(tables: &Tables) -> Result<(Vec<Row>, Vec<String>)> {
    let (guides, hardened) = (tables.functions(false).await?, tables.functions(true).await?);
    sign_up_everybody(&guides).await?;
    let wrong: fn(&str, &str) -> Result<Request<Body>> = |email, _| sign_in(email, "Wrong harbour 27");
    let questions = [
        Question { title: "wrong password", service: &guides.auth, answer: StatusCode::UNAUTHORIZED, request: wrong },
        Question {
            title: "wrong password, hardened",
            service: &hardened.auth,
            answer: StatusCode::UNAUTHORIZED,
            request: wrong,
        },
        Question {
            title: "forgotten password",
            service: &hardened.auth,
            answer: StatusCode::ACCEPTED,
            request: |email, _| post("/api/v1/forgot-password", &json!({ "email": email })),
        },
        // The last, because it makes accounts of the addresses that had none.
        Question {
            title: "sign-up, hardened",
            service: &hardened.users,
            answer: StatusCode::ACCEPTED,
            request: |email, name| {
                post("/api/v1/users", &json!({"email": email, "username": name, "password": PASSWORD}))
            },
        },
    ];
    let (mut rows, mut found) = (Vec::new(), Vec::new());
    for question in questions {
        match question.ask().await {
            Ok((row, is_distinguishable)) => {
                if is_distinguishable {
                    found.push(format!("{}: who has an account can be told by the time", question.title));
                }
                rows.push(row);
            }
            Err(error) => found.push(format!("{}: {error}", question.title)),
        }
    }
    Ok((rows, found))
}

/// The address of an account, or of nobody. Both are of one length.
fn address(number: usize, is_known: bool) -> String {
    format!("{}{number:05}@example.com", if is_known { "known" } else { "guess" })
}

async fn sign_up_everybody(functions: &Functions) -> Result<()> {
    let sign_up = |number: usize| async move {
        let email = address(number, true);
        let new = json!({"email": email, "username": format!("known{number:05}"), "password": PASSWORD});
        match send(&functions.users, post("/api/v1/users", &new)?).await? {
            (StatusCode::CREATED, _) => Ok(()),
            (status, _) => Err(format!("a sign-up was answered with {status}").into()),
        }
    };
    // Two at once: the machine that this runs on has at least so many cores.
    stream::iter((0..WARM_UP + SAMPLES).map(sign_up)).buffer_unordered(2).try_collect().await
}

impl Question<'_> {
    /// Asks about known and unknown addresses by turns. Returns the figures, and whether they can be told apart.
    async fn ask(&self) -> Result<(Row, bool)> {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for number in 0..WARM_UP + SAMPLES {
            // Who comes first changes, so that neither always finds the caches as the other has left them.
            let known_first = number % 2 == 0;
            for is_known in [known_first, !known_first] {
                let username = format!("{}{number:05}", if is_known { "one" } else { "two" });
                let request = (self.request)(&address(number, is_known), &username)?;
                let (status, duration) = send(self.service, request).await?;
                if status != self.answer {
                    return Err(format!("was answered with {status} instead of {}", self.answer).into());
                }
                if number >= WARM_UP {
                    if is_known { known.push(duration) } else { unknown.push(duration) }
                }
            }
        }
        let test = mann_whitney(&known, &unknown);
        known.sort_unstable();
        unknown.sort_unstable();
        let medians = (quantile(&known, 0.5), quantile(&unknown, 0.5));
        let is_distinguishable = test.p < MOST_LIKELY && medians.0.abs_diff(medians.1) > LEAST;
        let figure =
            format!("{}; {} (z = {:.2}, p = {:.3})", milliseconds(medians.0), milliseconds(medians.1), test.z, test.p);
        Ok((Row::new(format!("{}: known; unknown address, medians", self.title), figure), is_distinguishable))
    }
}
