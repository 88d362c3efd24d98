use proptest::prelude::*;

use super::*;

fn links(secret: &str) -> MailLinks {
    MailLinks::new(&secret.into())
}

fn ann() -> Email {
    Email::parse("ann@example.com").unwrap()
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
fn tokens_stay_valid_across_versions_of_the_code() {
    let token = links("a").unsubscribe(&ann());
    assert_eq!(token, "AWFubkBleGFtcGxlLmNvbSOfsefB0eRrNu4Oc77F2UihTidLktRHPnjBh6tCf41s");
}

proptest! {
    #[test]
    fn an_unsubscribe_link_leads_back_to_its_address(email in addresses()) {
        let token = links("a").unsubscribe(&email);
        prop_assert_eq!(links("a").open_unsubscribe(&token), Ok(email));
    }

    #[test]
    fn a_link_of_another_secret_is_refused(email in addresses()) {
        let unsubscribe = links("a").unsubscribe(&email);
        prop_assert_eq!(links("b").open_unsubscribe(&unsubscribe), Err(LinkError::Invalid));
    }

    #[test]
    fn a_link_with_any_other_character_is_refused(email in addresses(), at: usize, by in 1_usize..64) {
        let unsubscribe = changed(&links("a").unsubscribe(&email), at, by);
        prop_assert_eq!(links("a").open_unsubscribe(&unsubscribe), Err(LinkError::Invalid));
    }

    #[test]
    fn a_cut_off_link_is_refused(email in addresses(), length: usize) {
        let unsubscribe = links("a").unsubscribe(&email);
        let cut_off = &unsubscribe[..length % unsubscribe.len()];
        prop_assert_eq!(links("a").open_unsubscribe(cut_off), Err(LinkError::Invalid));
    }

    #[test]
    fn no_text_is_taken_for_a_link(text: String, base64 in "[A-Za-z0-9_-]{0,200}") {
        for garbage in [&text, &base64] {
            prop_assert_eq!(links("a").open_unsubscribe(garbage), Err(LinkError::Invalid));
        }
    }
}
