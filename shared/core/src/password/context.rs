//! What a password must not consist of: what whoever guesses it knows anyhow (OWASP ASVS 6.1.2 and 6.2.11).

use std::collections::BTreeSet;

use crate::user::User;

/// The name of the service. Names of products and organisations are guessed first.
const SERVICE: &str = "peregrine";

/// Fewest characters of a word that counts. Shorter ones stand in too many good passwords by chance.
const SHORTEST_WORD: usize = 4;

/// How many characters of a password are left once the words that belong to the user and to the service are taken out
/// of it, in whatever case.
pub(super) fn characters_besides(password: &str, user: &User) -> usize {
    let mut words: Vec<_> = words_of(user).into_iter().collect();
    // The longest first, so that none is broken by a part of it.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    // What is taken out leaves a gap that no word has, so that the rest can't make up another one.
    let left = words.iter().fold(password.to_lowercase(), |left, word| left.replace(word.as_str(), GAP));
    left.chars().filter(|character| !GAP.contains(*character)).count()
}

/// Stands where a word was.
const GAP: &str = "\0";

/// The names whole, and the words in them: of `ann.o'neil@mail.example.com` the local part, `neil`, `mail` and
/// `example`.
fn words_of(user: &User) -> BTreeSet<String> {
    let email = user.email.as_str();
    let (local, domain) = email.rsplit_once('@').unwrap_or((email, ""));
    let names = [SERVICE, &user.username, local, domain].map(str::to_lowercase);
    let parts = names.iter().flat_map(|name| name.split(|character: char| !character.is_alphanumeric()));
    let words = parts.chain(names.iter().map(String::as_str));
    words.filter(|word| word.chars().count() >= SHORTEST_WORD).map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::random::Random;
    use crate::user::NewUser;
    use crate::validation::{Origin, Rules, json, validate};

    fn left(password: &str) -> usize {
        let new = br#"{"email": "Ann.Miller@mail.example.com", "username": "annie99", "password": "Passw0rd1"}"#;
        let new: NewUser = validate(&json::parse(new).unwrap(), Origin::Json, "body", Rules::default()).unwrap();
        characters_besides(password, &User::new(&new, Clock::system().now(), &Random::system()))
    }

    #[test]
    fn names_the_address_and_the_service_do_not_count() {
        for (password, expected) in [
            ("PEREGRINE-annie99", 1),
            ("ann.miller2026", 4),
            ("Millers Example 1", 4),
            ("annie99annie99annie99", 0),
            ("mail.example.com", 0),
            ("mail mail mail", 2),
            ("pereexamplegrine", 9),
            ("ann com 7", 9),
            ("correct horse battery staple", 28),
        ] {
            assert_eq!(left(password), expected, "{password}");
        }
    }
}
