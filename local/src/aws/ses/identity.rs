//! Who may send.

use super::address::Address;
use super::request::Refusal;
use crate::template::{EmailIdentity, REGION};

/// The one of `identities` that covers `sender`. An identity of the address goes before one of its domain.
pub(super) fn verified<'a>(identities: &'a [EmailIdentity], sender: &str) -> Result<&'a EmailIdentity, Refusal> {
    let address = Address::read(sender)?;
    let covering = identities.iter().filter(|identity| covers(&identity.name, &address));
    covering.max_by_key(|identity| (identity.name.contains('@'), identity.name.len())).ok_or_else(|| {
        let region = REGION.to_ascii_uppercase();
        Refusal::rejected(format!(
            "Email address is not verified. The following identities failed the check in region {region}: {sender}"
        ))
    })
}

/// Whether the identity is the address, perhaps but for a label, or its domain, or one above that.
///
/// <https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html>
fn covers(identity: &str, address: &Address) -> bool {
    if let Some((local, domain)) = identity.rsplit_once('@') {
        let same_mailbox = local == address.local || local == address.without_label();
        return same_mailbox && domain.eq_ignore_ascii_case(&address.domain);
    }
    let domain = address.domain.to_ascii_lowercase();
    let above = domain.strip_suffix(&identity.to_ascii_lowercase());
    above.is_some_and(|below| below.is_empty() || below.ends_with('.'))
}
