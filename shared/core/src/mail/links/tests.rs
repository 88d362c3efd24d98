use proptest::prelude::*;

use super::*;

fn links(secret: &str) -> MailLinks {
    MailLinks::new(&secret.into())
}

fn ann() -> Email {
    Email::parse("ann@example.com").unwrap()
}

fn noon() -> Timestamp {
    "2030-01-01T12:00:00Z".parse().unwrap()
}

fn addresses() -> impl Strategy<Value = Email> {
    "[a-zé]{1,20}(\\.[a-z]{1,9})?@[a-z]{1,20}\\.example\\.com".prop_map(|text| Email::parse(&text).unwrap())
}

/// The token with another character at this place.
fn changed(token: &str, at: usize, by: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut token = token.as_bytes().to_vec();
    let at = at % token.len();
    let place = ALPHABET.iter().position(|character| *character == token[at]).unwrap();
    token[at] = ALPHABET[(place + by) % 64];
    String::from_utf8(token).unwrap()
}

#[test]
fn an_address_can_be_confirmed_for_a_day() {
    let token = links("a").verification(Uuid::nil(), &ann(), noon());
    let last_second = noon() + VERIFICATION_LIFETIME - SignedDuration::from_secs(1);
    assert_eq!(links("a").open_verification(&token, last_second).unwrap().user_id, Uuid::nil());
    let next_day = noon() + VERIFICATION_LIFETIME;
    assert_eq!(links("a").open_verification(&token, next_day).unwrap_err(), LinkError::Expired);
}

#[test]
fn a_link_of_one_kind_is_none_of_the_other() {
    let verification = links("a").verification(Uuid::nil(), &ann(), noon());
    let unsubscribe = links("a").unsubscribe(&ann());
    assert_eq!(links("a").open_unsubscribe(&verification), Err(LinkError::Invalid));
    assert_eq!(links("a").open_verification(&unsubscribe, noon()).unwrap_err(), LinkError::Invalid);
}

#[test]
fn tokens_stay_valid_across_versions_of_the_code() {
    let token = links("a").unsubscribe(&ann());
    assert_eq!(token, "AWFubkBleGFtcGxlLmNvbSOfsefB0eRrNu4Oc77F2UihTidLktRHPnjBh6tCf41s");
    let token = links("a").verification(Uuid::nil(), &ann(), noon());
    assert_eq!(
        token,
        "AQAAAAAAAAAAAAAAAAAAAAAAAAAAcN3SwBCuruM9TPXku2Ug3pxMxMB1glHC2C0r_bL9bo2Di6A3i6Jlx9x6Jy9w3Iz-ZefW5IIkvAPhei7nemRQJ_xDa1w"
    );
}

proptest! {
    #[test]
    fn a_verification_is_for_its_user_and_address_only(id: u128, email in addresses(), other in addresses()) {
        let id = Uuid::from_u128(id);
        let token = links("a").verification(id, &email, noon());
        let verification = links("a").open_verification(&token, noon()).unwrap();
        prop_assert_eq!(verification.user_id, id);
        prop_assert!(verification.is_for(&email));
        prop_assert_eq!(verification.is_for(&other), other == email);
    }

    #[test]
    fn an_unsubscribe_link_leads_back_to_its_address(email in addresses()) {
        let token = links("a").unsubscribe(&email);
        prop_assert_eq!(links("a").open_unsubscribe(&token), Ok(email));
    }

    #[test]
    fn a_link_of_another_secret_is_refused(email in addresses()) {
        let verification = links("a").verification(Uuid::nil(), &email, noon());
        prop_assert_eq!(links("b").open_verification(&verification, noon()).unwrap_err(), LinkError::Invalid);
        let unsubscribe = links("a").unsubscribe(&email);
        prop_assert_eq!(links("b").open_unsubscribe(&unsubscribe), Err(LinkError::Invalid));
    }

    #[test]
    fn a_link_with_any_other_character_is_refused(email in addresses(), at: usize, by in 1_usize..64) {
        let verification = changed(&links("a").verification(Uuid::nil(), &email, noon()), at, by);
        prop_assert_eq!(links("a").open_verification(&verification, noon()).unwrap_err(), LinkError::Invalid);
        let unsubscribe = changed(&links("a").unsubscribe(&email), at, by);
        prop_assert_eq!(links("a").open_unsubscribe(&unsubscribe), Err(LinkError::Invalid));
    }

    #[test]
    fn a_cut_off_link_is_refused(email in addresses(), length: usize) {
        let verification = links("a").verification(Uuid::nil(), &email, noon());
        let cut_off = &verification[..length % verification.len()];
        prop_assert_eq!(links("a").open_verification(cut_off, noon()).unwrap_err(), LinkError::Invalid);
        let unsubscribe = links("a").unsubscribe(&email);
        let cut_off = &unsubscribe[..length % unsubscribe.len()];
        prop_assert_eq!(links("a").open_unsubscribe(cut_off), Err(LinkError::Invalid));
    }

    #[test]
    fn no_text_is_taken_for_a_link(text: String, base64 in "[A-Za-z0-9_-]{0,200}") {
        for garbage in [&text, &base64] {
            prop_assert_eq!(links("a").open_verification(garbage, noon()).unwrap_err(), LinkError::Invalid);
            prop_assert_eq!(links("a").open_unsubscribe(garbage), Err(LinkError::Invalid));
        }
    }
}
