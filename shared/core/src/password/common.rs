//! The passwords that many people have, and that are therefore tried first (OWASP ASVS 6.2.4): 8,354 of them, embedded,
//! so that nobody else is asked about anybody's password. Source, version, size and licence are in `common/README.md`.

/// One a line, sorted, in lower case, each of 8 characters or more.
const LIST: &str = include_str!("common/passwords.txt");

/// Whether many people have this password, in whatever case.
pub(super) fn contains(password: &str) -> bool {
    let password = password.to_lowercase();
    LIST.lines().any(|common| common == password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_what_its_readme_says() {
        let listed: Vec<_> = LIST.lines().collect();
        assert!(listed.is_sorted_by(|one, next| one < next), "each once, in order");
        assert!(listed.len() > 3000, "what OWASP asks for, at least");
        for password in &listed {
            assert!(password.chars().count() >= 8 && *password == password.to_lowercase(), "{password}");
        }
        let facts = include_str!("common/README.md");
        let digits: String = facts.lines().find(|line| line.starts_with("| passwords |")).unwrap().chars().collect();
        let stated = digits.replace(',', "");
        assert!(stated.contains(&format!("| {} of", listed.len())), "{stated}");
    }

    #[test]
    fn case_makes_no_password_uncommon() {
        assert!(contains("qwertyuiop") && contains("QwertyUiop"));
        assert!(!contains("qwertyuiop ") && !contains("qwertyuio\np") && !contains(""));
    }
}
