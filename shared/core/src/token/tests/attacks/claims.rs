//! Claims that are not for us, or not for now.

use serde_json::json;

use super::*;

#[test]
fn a_token_is_refused_before_and_after_its_time() {
    let (forge, now) = (Forge::new(), now().as_second());
    let far = [
        json!({"exp": now - LEEWAY_SECONDS}),
        json!({"exp": 0}),
        json!({"nbf": now + LEEWAY_SECONDS + 1}),
        json!({"nbf": i64::MAX}),
    ];
    for claims in far {
        assert_eq!(forge.verify(&forge.with_claims(&claims)), Err(TokenError::Time), "{claims}");
    }
    // The farthest times there are cause no overflow.
    forge.verify(&forge.with_claims(&json!({"exp": i64::MAX, "nbf": 0}))).unwrap();
}

#[test]
fn times_that_are_none_are_refused() {
    let forge = Forge::new();
    let nonsense = [
        json!(null),
        json!("9999999999"),
        json!(9_999_999_999.5),
        json!(1e300),
        json!(u64::MAX),
        json!([1]),
        json!(-1),
    ];
    for value in nonsense {
        assert!(forge.verify(&forge.with_claims(&json!({"exp": value}))).is_err(), "{value}");
    }
    for value in [json!(null), json!("0"), json!(0.5), json!(true), json!(i64::MIN)] {
        assert_refused(&forge.with_claims(&json!({"nbf": value})));
    }
}

#[test]
fn a_token_for_others_is_refused_even_if_it_is_for_us_too() {
    let forge = Forge::new();
    let others = [
        json!("another-api"),
        json!(["another-api"]),
        json!([AUDIENCE, "another-api"]),
        json!([AUDIENCE]),
        json!([]),
        json!(""),
        json!("peregrine"),
        json!("PEREGRINE-API"),
        json!({"aud": AUDIENCE}),
        json!(null),
    ];
    for audience in others {
        assert_refused(&forge.with_claims(&json!({"aud": audience})));
    }
}

#[test]
fn a_token_of_another_issuer_is_refused() {
    let forge = Forge::new();
    for issuer in
        [json!("another"), json!([ISSUER]), json!([ISSUER, "another"]), json!(""), json!("peregrine/"), json!(null)]
    {
        assert_refused(&forge.with_claims(&json!({"iss": issuer})));
    }
}

#[test]
fn a_token_of_nobody_is_refused() {
    let forge = Forge::new();
    for claim in ["sub", "sid", "epoch", "jti", "scope", "iat"] {
        assert_refused(&forge.with_claims(&json!({claim: null})));
    }
    for subject in [json!("ann"), json!(1), json!([Uuid::nil()]), json!("00000000-0000-0000-0000-00000000000")] {
        assert_refused(&forge.with_claims(&json!({"sub": subject})));
    }
}
