//! One token, written in other ways: its text identifies it only if there is no other text for it.

use serde_json::json;

use super::*;

/// A text that ends one or two characters before a group of four does, so that its last character has bits to spare,
/// and that is written with both of the characters in which alphabets differ.
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
        for claims in &spellings {
            assert_refused(&forge.sign_encoded(&header, claims));
        }
    }
}

#[test]
fn a_header_is_read_in_one_spelling_of_base64_only() {
    let forge = Forge::new();
    let claims = URL_SAFE_NO_PAD.encode(Forge::claims().to_string());
    let mut header = forge.header().to_string();
    while header.len().is_multiple_of(3) {
        header.push(' ');
    }
    let header = URL_SAFE_NO_PAD.encode(header);
    forge.verify(&forge.sign_encoded(&header, &claims)).unwrap();
    for header in other_spellings(&header) {
        assert_refused(&forge.sign_encoded(&header, &claims));
    }
}

#[test]
fn a_signature_is_read_in_one_spelling_of_base64_only() {
    let token = Forge::new().with_claims(&json!({}));
    let [header, claims, signature] = parts(&token);
    for signature in other_spellings(signature) {
        assert_refused(&format!("{header}.{claims}.{signature}"));
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
