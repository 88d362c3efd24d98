//! Texts that are almost tokens.

use serde_json::{Value, json};

use super::*;

#[test]
fn a_token_without_its_end_is_refused() {
    let token = Forge::new().with_claims(&json!({}));
    for length in 0..token.len() {
        assert_refused(&token[..length]);
    }
    assert_refused(&format!("{token}A"));
    assert_refused(&format!("{token}AAAA"));
}

#[test]
fn a_token_that_is_too_long_is_refused_before_it_is_read() {
    let forge = Forge::new();
    let padded = |length: usize| forge.with_claims(&json!({"padding": "x".repeat(length)}));
    let token = padded(2000);
    assert!(token.len() < MAX_LENGTH && forge.verify(&token).is_ok());
    assert_refused(&padded(4000));
    assert_refused(&padded(1_000_000));
    assert_refused(&".".repeat(1_000_000));
}

#[test]
fn nothing_may_be_said_twice() {
    let forge = Forge::new();
    let (header, claims) = (forge.header(), Forge::claims());
    let twice = |object: &Value, name: &str, value: &Value, first: bool| {
        let text = object.to_string();
        let inner = text.trim_start_matches('{').trim_end_matches('}');
        let member = format!("{}:{value}", json!(name));
        if first { format!("{{{member},{inner}}}") } else { format!("{{{inner},{member}}}") }
    };
    for (name, value) in header.as_object().unwrap() {
        for (value, first) in [(value, true), (&json!("none"), true), (&json!("none"), false), (&json!(null), true)] {
            assert_refused(&forge.sign(&twice(&header, name, value, first), &claims.to_string()));
        }
    }
    for (name, value) in claims.as_object().unwrap() {
        for first in [true, false] {
            assert_refused(&forge.sign(&header.to_string(), &twice(&claims, name, value, first)));
        }
    }
    let escaped = twice(&header, "alg", &json!("EdDSA"), true).replacen("alg", r"\u0061lg", 1);
    assert_refused(&forge.sign(&escaped, &claims.to_string()));
}

#[test]
fn what_is_no_json_object_is_refused() {
    let forge = Forge::new();
    let (header, claims) = (forge.header().to_string(), Forge::claims().to_string());
    let values = |text: &str| {
        let object: Value = serde_json::from_str(text).unwrap();
        Value::Array(object.as_object().unwrap().values().cloned().collect()).to_string()
    };
    let kid = key("secret").public_key().id();
    let list = json!(["at+jwt", "EdDSA", kid.as_str()]).to_string();
    for header in
        ["", "{}", "[]", "null", "1", "\"\"", &list, &format!("{header}{header}"), &format!("\u{feff}{header}")]
    {
        assert_refused(&forge.sign(header, &claims));
    }
    for claims in ["", "{}", "[]", "null", "{", &values(&claims), &format!("{claims}0"), &format!("\u{feff}{claims}")] {
        assert_refused(&forge.sign(&header, claims));
    }
    let latin = URL_SAFE_NO_PAD
        .encode(claims.replacen(ISSUER, "\u{1}", 1).into_bytes().into_iter().map(|b| b | 0x80).collect::<Vec<_>>());
    assert_refused(&forge.sign_encoded(&URL_SAFE_NO_PAD.encode(&header), &latin));
}

#[test]
fn json_serialisations_are_refused() {
    let token = Forge::new().with_claims(&json!({}));
    let [header, claims, signature] = parts(&token);
    let signed = json!({"protected": header, "signature": signature});
    assert_refused(&json!({"payload": claims, "protected": header, "signature": signature}).to_string());
    assert_refused(&json!({"payload": claims, "signatures": [signed]}).to_string());
    // Compact to whoever splits at dots, JSON to whoever parses it.
    assert_refused(&format!(r#"{{"payload":"{claims}","protected":"{header}","signature":"{signature}","x":".."}}"#));
}

#[test]
fn more_or_fewer_dots_are_refused() {
    let token = Forge::new().with_claims(&json!({}));
    let [header, claims, signature] = parts(&token);
    for forged in [
        format!(".{token}"),
        format!("{token}."),
        format!("{token}.."),
        format!("{header}..{claims}.{signature}"),
        format!("{header}.{claims}.{signature}.{signature}"),
        format!("{header}.{header}.{claims}.{signature}"),
        format!("{header}.{claims}.{claims}.{claims}.{signature}"),
        format!("{header}..{signature}"),
        format!(".{claims}.{signature}"),
        format!("..{signature}"),
        format!("{header}.."),
        "..".to_owned(),
        ".".to_owned(),
        String::new(),
    ] {
        assert_refused(&forged);
    }
}
