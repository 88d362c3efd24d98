//! What has been tried against verifiers of JSON web tokens (RFC 8725 and what was found since), against this one. Where a
//! token would be refused for its signature anyway, it is signed with our own key, so that its form alone is judged.

use ring::hmac;
use serde_json::{Value, json};

use super::forge::Forge;
use super::*;

#[track_caller]
fn assert_refused(token: &str) {
    assert_eq!(Forge::new().verify(token), Err(TokenError::Foreign), "{token}");
}

/// A token's three parts.
fn parts(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
}

#[test]
fn what_the_forge_makes_is_believed_as_long_as_nothing_is_wrong_with_it() {
    let forge = Forge::new();
    forge.verify(&forge.with_claims(&json!({}))).unwrap();
    forge.verify(&forge.with_claims(&json!({"a claim of tomorrow": {"any": "thing"}}))).unwrap();
}

#[test]
fn an_unsigned_token_is_refused_however_none_is_spelt() {
    let forge = Forge::new();
    for none in ["none", "None", "NONE", "nOnE", "none ", ""] {
        let token = forge.with_header(&json!({"alg": none}));
        let [header, claims, signature] = parts(&token);
        assert_refused(&format!("{header}.{claims}."));
        assert_refused(&format!("{header}.{claims}"));
        assert_refused(&format!("{header}.{claims}.{signature}"));
    }
}

#[test]
fn a_token_authenticated_with_the_public_key_as_if_it_were_a_secret_is_refused() {
    let forge = Forge::new();
    let key = key("secret").public_key().clone();
    let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, key.x());
    let der = [&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00], key.as_bytes()].concat();
    let secrets = [key.as_bytes().to_vec(), key.x().into_bytes(), jwk.into_bytes(), der, Vec::new()];
    for (algorithm, mac) in [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)] {
        for secret in &secrets {
            for named in [algorithm, "EdDSA"] {
                let token = forge.with_header(&json!({"alg": named}));
                let [header, claims, _] = parts(&token);
                let message = format!("{header}.{claims}");
                let tag = hmac::sign(&hmac::Key::new(mac, secret), message.as_bytes());
                assert_refused(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag)));
            }
        }
    }
}

#[test]
fn a_token_that_names_any_other_algorithm_is_refused() {
    let forge = Forge::new();
    for algorithm in ["ES256", "RS256", "PS256", "HS256", "EdDSA ", "eddsa", "EDDSA", "Ed25519", "Ed448", "ES256K"] {
        assert_refused(&forge.with_header(&json!({"alg": algorithm})));
    }
    for algorithm in [json!(null), json!(["EdDSA"]), json!({"EdDSA": null}), json!(8)] {
        assert_refused(&forge.with_header(&json!({"alg": algorithm})));
    }
}

#[test]
fn a_token_that_names_another_key_or_none_is_refused() {
    let forge = Forge::new();
    let other = key("another secret").public_key().id();
    let ours = key("secret").public_key().id();
    let ours = ours.as_str();
    for kid in [other.as_str(), "current", "", "../../../../dev/null", "' OR '1'='1", &ours[..42]] {
        assert_refused(&forge.with_header(&json!({"kid": kid})));
    }
    for kid in [json!(null), json!(1), json!([ours]), json!(format!("{ours}=")), json!(format!("{ours} "))] {
        assert_refused(&forge.with_header(&json!({"kid": kid})));
    }
}

#[test]
fn a_header_that_says_how_to_verify_or_that_it_means_something_else_is_refused() {
    let forge = Forge::new();
    let key = key("secret").public_key().clone();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": key.x()});
    for (name, value) in [
        ("jwk", jwk),
        ("jku", json!("https://example.com/jwks.json")),
        ("x5u", json!("https://example.com/chain.pem")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
        ("cty", json!("JWT")),
        ("p2c", json!(2_000_000_000)),
        ("exp", json!(1)),
    ] {
        assert_refused(&forge.with_header(&json!({ name: value })));
    }
}

#[test]
fn a_token_of_another_type_is_refused() {
    let forge = Forge::new();
    for kind in
        [json!("JWT"), json!("at+JWT"), json!("AT+JWT"), json!("dpop+jwt"), json!("id+jwt"), json!(""), json!(1)]
    {
        assert_refused(&forge.with_header(&json!({"typ": kind})));
    }
    assert_refused(&forge.with_header(&json!({"typ": null})));
    // RFC 9068 section 4 has verifiers take both.
    forge.verify(&forge.with_header(&json!({"typ": "application/at+jwt"}))).unwrap();
}

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
    for claim in ["sub", "jti", "scope", "iat"] {
        assert_refused(&forge.with_claims(&json!({claim: null})));
    }
    for subject in [json!("ann"), json!(1), json!([Uuid::nil()]), json!("00000000-0000-0000-0000-00000000000")] {
        assert_refused(&forge.with_claims(&json!({"sub": subject})));
    }
}

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

/// A text that ends one or two characters before a group of four does, so that its last character has bits to spare, and
/// that is written with both of the characters in which alphabets differ.
fn encoded(object: &str, remainder: usize) -> String {
    let mut text = object.trim_end_matches('}').to_owned() + r#","x":"~~~???>>>"#;
    loop {
        let encoded = URL_SAFE_NO_PAD.encode(format!("{text}\"}}"));
        if encoded.len() % 4 == remainder && encoded.contains('-') && encoded.contains('_') {
            return encoded;
        }
        text.push('~');
    }
}

/// The same bytes, written in other ways.
fn other_spellings(encoded: &str) -> Vec<String> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = encoded.split_at(encoded.len() - 1);
    let position = alphabet.iter().position(|byte| *byte == last.as_bytes()[0]).unwrap();
    let with_trailing_bit = format!("{rest}{}", char::from(alphabet[position ^ 1]));
    let padding = "=".repeat((4 - encoded.len() % 4) % 4);
    let mut spellings = vec![with_trailing_bit, format!("{encoded}{padding}"), format!("{encoded}=")];
    spellings.extend([" ", "\n", "\t", "\0", "%3D"].map(|blank| format!("{encoded}{blank}")));
    spellings.push(format!("{} {}", &encoded[..4], &encoded[4..]));
    let standard = encoded.replace('-', "+").replace('_', "/");
    if standard != encoded {
        spellings.push(standard);
    }
    spellings
}

#[test]
fn claims_are_read_in_one_spelling_of_base64_only() {
    let forge = Forge::new();
    let header = URL_SAFE_NO_PAD.encode(forge.header().to_string());
    for remainder in [2, 3] {
        let claims = encoded(&Forge::claims().to_string(), remainder);
        forge.verify(&forge.sign_encoded(&header, &claims)).unwrap();
        let spellings = other_spellings(&claims);
        assert_eq!(spellings.len(), 10);
        spellings.iter().for_each(|claims| assert_refused(&forge.sign_encoded(&header, claims)));
    }
}

#[test]
fn a_header_is_read_in_one_spelling_of_base64_only() {
    let forge = Forge::new();
    let claims = URL_SAFE_NO_PAD.encode(Forge::claims().to_string());
    let mut header = forge.header().to_string();
    while URL_SAFE_NO_PAD.encode(&header).len() % 4 == 0 {
        header.push(' ');
    }
    let header = URL_SAFE_NO_PAD.encode(header);
    forge.verify(&forge.sign_encoded(&header, &claims)).unwrap();
    other_spellings(&header).iter().for_each(|header| assert_refused(&forge.sign_encoded(header, &claims)));
}

#[test]
fn a_signature_is_read_in_one_spelling_of_base64_only() {
    let token = Forge::new().with_claims(&json!({}));
    let [header, claims, signature] = parts(&token);
    for signature in other_spellings(signature) {
        assert_refused(&format!("{header}.{claims}.{signature}"));
    }
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

/// The order of the curve's group (RFC 8032 section 5.1), the least significant byte first.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

#[test]
fn nobody_can_make_another_signature_out_of_one() {
    let token = Forge::new().with_claims(&json!({}));
    let [header, claims, signature] = parts(&token);
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    // The equation holds for S, S + L, S + 2L and so on; a verifier must insist on the smallest one.
    for multiple in 1..8 {
        let mut carry = 0;
        for (byte, add) in signature[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        assert_eq!(carry, 0, "S + {multiple}L still has 32 bytes");
        assert_refused(&format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(&signature)));
    }
}

#[test]
fn a_key_and_a_signature_of_small_order_sign_nothing_of_ours() {
    let token = Forge::new().with_claims(&json!({}));
    let [header, claims, _] = parts(&token);
    // The neutral element and zero, which verify under such keys whatever the message is.
    let mut signature = [0; 64];
    signature[0] = 1;
    assert_refused(&format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(signature)));
    assert_refused(&format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode([0; 64])));
}

#[test]
fn every_changed_character_makes_a_token_foreign() {
    let signer = signer("secret");
    let token = token_of(&signer);
    let verifier = Verifier::new(ISSUER);
    for at in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(verifier.verify(&changed, signer.public_key(), now()).is_err(), "changed at {at}: {changed}");
    }
}
