//! Addresses as every mail server takes them.

use super::{Email, domain};

/// Why an address can't be written to without SMTPUTF8 (RFC 6531), which not every mail server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SmtpError {
    /// There is no other notation for it.
    #[error("the part of the address before the @-sign has characters that mail can't be sent to")]
    LocalPart,
    /// It has no Punycode form.
    #[error("the domain of the address has no form that mail can be sent to")]
    Domain,
}

impl Email {
    /// The address in ASCII: an internationalised domain in Punycode (RFC 5891).
    ///
    /// # Errors
    /// See [`SmtpError`].
    pub fn for_smtp(&self) -> Result<String, SmtpError> {
        let (local, domain) = self.as_str().rsplit_once('@').ok_or(SmtpError::Domain)?;
        if !local.is_ascii() {
            return Err(SmtpError::LocalPart);
        }
        let domain = domain::check(domain).map_err(|_| SmtpError::Domain)?;
        Ok(format!("{local}@{}", domain.ascii))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_written_to_in_punycode_and_names_that_have_no_ascii_form_are_not() {
        for (address, expected) in [
            ("ann@example.com", Ok("ann@example.com")),
            ("ann@bücher.example", Ok("ann@xn--bcher-kva.example")),
            ("ann@xn--bcher-kva.example", Ok("ann@xn--bcher-kva.example")),
            ("änn@example.com", Err(SmtpError::LocalPart)),
        ] {
            let smtp = Email::parse(address).unwrap().for_smtp();
            assert_eq!(smtp.as_deref().map_err(|error| *error), expected, "{address}");
        }
        assert_eq!(Email::from_stored("ann@☃.example".to_owned()).for_smtp(), Err(SmtpError::Domain));
        assert_eq!(Email::from_stored("ann".to_owned()).for_smtp(), Err(SmtpError::Domain));
    }
}
