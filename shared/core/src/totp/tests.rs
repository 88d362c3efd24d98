use super::*;

/// The key of the test vectors: RFC 6238 appendix B, RFC 4226 appendix D.
fn secret() -> TotpSecret {
    TotpSecret::from_bytes(*b"12345678901234567890")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn code(text: &str) -> TotpCode {
    match OneTimePassword::parse(&text.into()) {
        Some(OneTimePassword::Totp(code)) => code,
        _ => panic!("{text} is no code"),
    }
}

#[test]
fn codes_are_those_of_rfc_6238() {
    // The RFC's have eight digits; six are the last six of them.
    for (second, digits) in [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ] {
        assert!(secret().step_of(code(digits), at(second), None) == Some(second / 30), "{digits}");
    }
}

#[test]
fn codes_are_those_of_rfc_4226() {
    let codes = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
    for (step, digits) in (0..).zip(codes) {
        assert!(secret().code_of(step) == Some(code(digits)), "{digits}");
    }
}

#[test]
fn a_code_holds_one_step_before_and_after_its_own_and_no_longer() {
    // The code of step 1, which lasts from second 30 to second 59.
    let accepted = |second| secret().step_of(code("287082"), at(second), None).is_some();
    assert_eq!([-1, 0, 30, 59, 89, 90].map(accepted), [false, true, true, true, true, false]);
}

#[test]
fn a_step_that_is_used_makes_no_code_good_again_nor_those_before() {
    let step = |used| secret().step_of(code("287082"), at(45), used);
    assert_eq!([None, Some(0), Some(1), Some(2)].map(step), [Some(1), Some(1), None, None]);
}

#[test]
fn a_recovery_code_is_120_random_bits() {
    let given = Random::from_fn(|bytes| bytes.iter_mut().zip(1..).for_each(|(byte, value)| *byte = value));
    let code = RecoveryCode::new(&given);
    assert_eq!(code.0, std::array::from_fn(|index| u8::try_from(index + 1).unwrap()));
    assert_eq!(code.0.len() * 8, 120);
    let text = code.to_text().expose_secret().replace('-', "");
    assert_eq!(BASE32_NOPAD.decode(text.as_bytes()).unwrap(), code.0, "all of them are shown");
}

#[test]
fn what_is_typed_may_have_spaces_and_any_case() {
    let recovery = RecoveryCode([7; RECOVERY_LENGTH]);
    let text = recovery.to_text().expose_secret().to_owned();
    assert_eq!((text.len(), text.split('-').count()), (27, 4));
    for typed in [text.clone(), text.to_lowercase(), text.replace('-', ""), format!(" {} ", text.replace('-', " "))] {
        let Some(OneTimePassword::RecoveryCode(read)) = OneTimePassword::parse(&typed.as_str().into()) else {
            panic!("{typed} is a recovery code")
        };
        assert_eq!(read.0, recovery.0);
    }
    assert!(code("287 082") == code("287082"));
    for neither in ["", "28708", "2870821", "28708x", "٢٨٧٠٨٢", "GEZDGN", &format!("{text}A"), "1".repeat(24).as_str()]
    {
        assert!(OneTimePassword::parse(&neither.into()).is_none(), "{neither}");
    }
}

#[test]
fn an_app_reads_the_secret_from_a_uri() {
    assert_eq!(
        secret().to_uri("My Service", "ann+x@example.com:1").expose_secret(),
        "otpauth://totp/My%20Service:ann%2Bx%40example.com%3A1?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
         &issuer=My%20Service&algorithm=SHA1&digits=6&period=30"
    );
}
