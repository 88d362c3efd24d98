//! What it costs to verify an access token whose key is known.

use std::hint::black_box;
use std::time::Duration;

use peregrine_core::clock::Clock;
use peregrine_core::random::Random;
use peregrine_core::scope::Scopes;
use peregrine_core::session::SessionRef;
use peregrine_core::token::{Signer, SigningKeys, Verifier, key_id};

use crate::{Result, Row, milliseconds, process};

/// Tokens per measurement.
const TOKENS: u32 = 20_000;
/// Who issues them.
const ISSUER: &str = "bench";

/// The most CPU that it may take.
const MOST: Duration = Duration::from_micros(150);

/// The CPU time of verifying one token: everything but the look-ups in tables. Returns the figure, and whether the
/// target was missed.
pub(crate) fn measure() -> Result<(Vec<Row>, Vec<String>)> {
    let (now, random) = (Clock::system().now(), Random::system());
    let key = SigningKeys::new(&"a secret of more than thirty-two characters".into()).key(1)?;
    let signer = Signer::new(key, ISSUER.to_owned(), random.clone());
    let session = SessionRef { id: random.uuid(now), epoch: 1 };
    let token = signer.mint(random.uuid(now), session, &Scopes::of_new_user(), now)?;
    let verifier = Verifier::new(ISSUER);

    let pid = std::process::id();
    let mut each = Duration::MAX;
    // The better of three rounds: what comes on top was something else.
    for _ in 0..3 {
        let before = process::cpu_time(pid)?;
        for _ in 0..TOKENS {
            // As a request does it: the key is found by its id first.
            black_box(key_id(black_box(&token))?);
            black_box(verifier.verify(black_box(&token), signer.public_key(), now)?);
        }
        each = each.min(process::cpu_time(pid)?.saturating_sub(before) / TOKENS);
    }
    let missed = (each >= MOST).then(|| format!("to verify an access token takes {} of CPU", milliseconds(each)));
    Ok((vec![Row::new("an access token is verified: CPU", milliseconds(each))], missed.into_iter().collect()))
}
