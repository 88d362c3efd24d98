//! Addresses as SES reads them.

use mailparse::MailAddr;

use super::request::Refusal;

/// The longest address, with its display name.
const LENGTH_LIMIT: usize = 320;

/// Where a mail may go or come from: an address without its display name, in two parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) local: String,
    pub(super) domain: String,
}

impl Address {
    /// Reads `name@example.com` or `Name <name@example.com>`.
    ///
    /// SES refuses with the sentences of the class `InternetAddress` of `JavaMail`. They do not repeat the address.
    pub(super) fn read(mailbox: &str) -> Result<Self, Refusal> {
        if mailbox.len() > LENGTH_LIMIT {
            let message = format!("Address length is more than {LENGTH_LIMIT} characters long: '{}'.", mailbox.len());
            return Err(Refusal::bad_request(message));
        }
        // SES does not speak SMTPUTF8, and takes display names in encoded words only.
        let not_ascii_text = |part: &str| part.chars().any(|c| !c.is_ascii() || c.is_ascii_control());
        let domain_at = mailbox.rfind('@').unwrap_or(mailbox.len());
        let (before, domain) = mailbox.split_at_checked(domain_at).unwrap_or((mailbox, ""));
        if not_ascii_text(before) {
            return Err(Refusal::bad_request("Local address contains control or whitespace"));
        }
        if not_ascii_text(domain) {
            return Err(Refusal::bad_request("Domain contains control or whitespace"));
        }
        let no_domain = || Refusal::bad_request("Missing final '@domain'");
        if !mailbox.is_empty() && !mailbox.contains('@') {
            return Err(no_domain());
        }
        let list = mailparse::addrparse(mailbox).map_err(|_| Refusal::bad_request("Illegal address"))?;
        let [MailAddr::Single(single)] = list.as_slice() else { return Err(Refusal::bad_request("Illegal address")) };
        let (local, domain) = single.addr.rsplit_once('@').ok_or_else(no_domain)?;
        check_local(local).and_then(|()| check_domain(domain)).map_err(Refusal::bad_request)?;
        Ok(Self { local: local.to_owned(), domain: domain.to_owned() })
    }

    /// The label behind a plus sign leads into the same mailbox.
    pub(super) fn without_label(&self) -> &str {
        self.local.split_once('+').map_or(&self.local, |(local, _)| local)
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}@{}", self.local, self.domain)
    }
}

fn check_local(local: &str) -> Result<(), &'static str> {
    // A quoted local part may hold nearly anything.
    let quoted = local.len() > 1 && local.starts_with('"') && local.ends_with('"');
    match local {
        "" => Err("Missing local name"),
        _ if quoted => Ok(()),
        _ if local.contains(' ') => Err("Local address contains control or whitespace"),
        _ if local.starts_with('.') => Err("Local address starts with dot"),
        _ if local.ends_with('.') => Err("Local address ends with dot"),
        _ if local.contains("..") => Err("Local address contains dot-dot"),
        _ if local.contains(|c| "()<>,;:\\\"[]@".contains(c)) => Err("Local address contains illegal character"),
        _ => Ok(()),
    }
}

fn check_domain(domain: &str) -> Result<(), &'static str> {
    match domain {
        "" => Err("Missing domain"),
        _ if domain.contains(' ') => Err("Domain contains control or whitespace"),
        _ if domain.starts_with('.') => Err("Domain starts with dot"),
        _ if domain.ends_with('.') => Err("Domain ends with dot"),
        _ if domain.contains("..") => Err("Domain contains dot-dot"),
        _ if domain.contains(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '.') => {
            Err("Domain contains illegal character")
        }
        // The form that SES asks for is UserName@[SubDomain.]Domain.TopLevelDomain.
        _ if !domain.contains('.') => Err("Illegal address"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(mailbox: &str) -> String {
        Address::read(mailbox).expect_err(mailbox).message
    }

    #[test]
    fn addresses_may_have_display_names() {
        for mailbox in [
            "ann+news@mail.example.com",
            "Ann <ann+news@mail.example.com>",
            "\"Lee, Ann\" <ann+news@mail.example.com>",
            "=?UTF-8?Q?=C3=84nn?= <ann+news@mail.example.com>",
        ] {
            let address = Address::read(mailbox).expect(mailbox);
            assert_eq!(address.to_string(), "ann+news@mail.example.com");
            assert_eq!(address.without_label(), "ann");
        }
        assert!(Address::read("ann@xn--bcher-kva.example").is_ok(), "Punycode");
    }

    #[test]
    fn malformed_addresses_are_refused_in_the_words_of_ses() {
        for (mailbox, message) in [
            ("ann", "Missing final '@domain'"),
            ("Ann <ann>", "Missing final '@domain'"),
            ("@example.com", "Missing local name"),
            ("ann@", "Missing domain"),
            ("ann@example", "Illegal address"),
            ("ann@example..com", "Domain contains dot-dot"),
            ("ann@exa_mple.com", "Domain contains illegal character"),
            ("ann lee@example.com", "Local address contains control or whitespace"),
            ("ann@example.com\r\n", "Domain contains control or whitespace"),
            ("ann@example.com\r\nBcc: eve@example.com", "Local address contains control or whitespace"),
            ("ann\r\n@example.com", "Local address contains control or whitespace"),
            ("jürgen@example.com", "Local address contains control or whitespace"),
            ("ann@bücher.example", "Domain contains control or whitespace"),
            ("Änn <ann@example.com>", "Local address contains control or whitespace"),
            (".ann@example.com", "Local address starts with dot"),
            ("ann@example.com, bob@example.com", "Illegal address"),
            ("", "Illegal address"),
        ] {
            assert_eq!(refusal(mailbox), message, "{mailbox}");
        }
        let long = format!("{}@example.com", "a".repeat(320));
        assert_eq!(refusal(&long), "Address length is more than 320 characters long: '332'.");
    }
}
