//! Items: the entity to replace by your own.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::decimal::{Decimal, DecimalError};
use crate::random::Random;
use crate::validation::{Change, Constraints, Context, Input, Report, Validate, float_text};

/// An item that somebody offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Identifies the item for good.
    pub id: Uuid,
    /// The user who created it.
    pub owner_id: Uuid,
    /// What it is called.
    pub name: String,
    /// What there is to say about it.
    pub description: Option<String>,
    /// What it costs.
    pub price: Price,
    /// The tax within the price.
    pub tax: Option<Decimal>,
    /// Words to find it by.
    pub tags: Vec<Tag>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts the changes, for optimistic locking.
    pub version: u64,
}

/// A price: more than nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[schema(value_type = f64, exclusive_minimum = 0, example = 9.5)]
pub struct Price(Decimal);

impl Price {
    /// The amount.
    pub fn amount(self) -> Decimal {
        self.0
    }

    /// A price that was stored, and so has been checked before.
    pub fn from_stored(amount: Decimal) -> Self {
        Self(amount)
    }
}

impl Validate for Price {
    fn validate(input: &Input, _: &Constraints, report: &mut Report<'_>) -> Option<Self> {
        let text = float_text(input, report)?;
        // Python compares what it sees, a double: `nan`, `-inf` and `1e-400` are no more than zero to it.
        if text.parse::<f64>().is_ok_and(|amount| amount > 0.0) {
            return text
                .parse()
                .map_or_else(|error: DecimalError| error.report(input, report), |amount| Some(Self(amount)));
        }
        let context = Context::of("gt", Input::number("0.0"));
        report.fault("greater_than", "Input should be greater than 0", input, Some(context))
    }
}

/// A tax as it is sent. What is larger than all that can be stored, infinity among it, is read as the largest number,
/// which no price exceeds: the rule about tax and price refuses it then, as it does in FastAPI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tax(Decimal);

impl Tax {
    /// The amount.
    pub fn amount(self) -> Decimal {
        self.0
    }
}

impl Validate for Tax {
    fn validate(input: &Input, _: &Constraints, report: &mut Report<'_>) -> Option<Self> {
        let text = float_text(input, report)?;
        text.parse().map(Self).map_or_else(
            |error| match error {
                DecimalError::NotANumber | DecimalError::OutOfRange
                    if text.parse::<f64>().is_ok_and(|amount| amount > 1.0) =>
                {
                    Some(Self(Decimal::MAX))
                }
                error => error.report(input, report),
            },
            Some,
        )
    }
}

/// A word to find items by, of 1 to 50 characters. Case matters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema, Validate)]
#[schema(value_type = String, min_length = 1, max_length = 50, example = "red")]
pub struct Tag(String);

impl Tag {
    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there can be such a tag.
    pub fn is_possible(text: &str) -> bool {
        !text.is_empty() && text.chars().count() <= 50
    }

    /// A tag that was stored, and so has been checked before.
    pub fn from_stored(tag: String) -> Self {
        Self(tag)
    }
}

/// What POST creates and PUT replaces an item with.
#[derive(Debug, Clone, ToSchema, Validate)]
#[validate(check = Self::check_tax)]
pub struct NewItem {
    /// What it is called.
    #[schema(min_length = 1, max_length = 100, example = "Red widget")]
    pub name: String,
    /// What there is to say about it.
    #[schema(max_length = 10_000, example = "A widget that is red")]
    pub description: Option<String>,
    /// What it costs. Exact: up to 38 digits.
    pub price: Price,
    /// The tax within the price, less than it.
    #[schema(value_type = Option<Decimal>, example = 1.5)]
    pub tax: Option<Tax>,
    /// Words to find it by.
    #[schema(required = false, max_items = 20)]
    pub tags: Vec<Tag>,
}

/// What PATCH changes. A field that is left out stays as it is.
#[derive(Debug, Clone, Default, ToSchema, Validate)]
pub struct ItemPatch {
    /// What it is called. `null` leaves it as it is.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, example = "Blue widget")]
    pub name: Change<String>,
    /// What there is to say about it.
    #[schema(value_type = Option<String>, max_length = 10_000, example = "A widget that is blue")]
    pub description: Change<String>,
    /// What it costs. `null` leaves it as it is.
    #[schema(value_type = Option<Price>)]
    pub price: Change<Price>,
    /// The tax within the price, less than it.
    #[schema(value_type = Option<Decimal>, example = 1.5)]
    pub tax: Change<Tax>,
    /// Words to find it by. `null` leaves them as they are.
    #[schema(value_type = Option<Vec<Tag>>, max_items = 20)]
    pub tags: Change<Vec<Tag>>,
}

/// An item as answers show it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ItemView {
    /// Identifies the item for good.
    #[schema(example = "0198f3c5-7a4b-7cc3-8e6b-3f1d2a9b4c5d")]
    pub id: Uuid,
    /// What it is called.
    #[schema(example = "Red widget")]
    pub name: String,
    /// What there is to say about it.
    #[schema(required = true, example = "A widget that is red")]
    pub description: Option<String>,
    /// What it costs.
    pub price: Price,
    /// The tax within the price.
    #[schema(required = true, example = 1.5)]
    pub tax: Option<Decimal>,
    /// Words to find it by.
    pub tags: Vec<Tag>,
    /// When it was created.
    #[schema(example = "2026-01-31T12:00:00Z")]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(example = "2026-01-31T12:00:00Z")]
    pub updated_at: Timestamp,
    /// The user who created it.
    #[schema(example = "0198f3c4-12ab-7d10-9f3e-6b5a4c3d2e1f")]
    pub owner_id: Uuid,
}

/// The rule that a tax lies within its price.
pub const TAX_RULE: &str = "Tax must be less than price";

fn check_tax(price: Price, tax: Option<Decimal>) -> Result<(), &'static str> {
    if tax.is_some_and(|tax| tax >= price.amount()) { Err(TAX_RULE) } else { Ok(()) }
}

impl NewItem {
    fn check_tax(&self) -> Result<(), &'static str> {
        check_tax(self.price, self.tax.map(Tax::amount))
    }
}

impl Item {
    /// An item that `owner_id` has just created.
    pub fn new(owner_id: Uuid, new: NewItem, now: Timestamp, random: &Random) -> Self {
        Self {
            id: random.uuid(now),
            owner_id,
            name: new.name,
            description: new.description,
            price: new.price,
            tax: new.tax.map(Tax::amount),
            tags: new.tags,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// The item with all that its owner sets replaced.
    #[must_use]
    pub fn replaced_by(&self, new: &NewItem, now: Timestamp) -> Self {
        Self {
            name: new.name.clone(),
            description: new.description.clone(),
            price: new.price,
            tax: new.tax.map(Tax::amount),
            tags: new.tags.clone(),
            updated_at: now,
            version: self.version + 1,
            ..*self
        }
    }

    /// The item with the changes made.
    ///
    /// # Errors
    /// [`TAX_RULE`], if the result breaks it.
    pub fn patched_by(&self, patch: &ItemPatch, now: Timestamp) -> Result<Self, &'static str> {
        let mut item = self.clone();
        if let Some(name) = patch.name.clone().set() {
            item.name = name;
        }
        patch.description.clone().apply_to(&mut item.description);
        if let Some(price) = patch.price.clone().set() {
            item.price = price;
        }
        patch.tax.clone().map(Tax::amount).apply_to(&mut item.tax);
        if let Some(tags) = patch.tags.clone().set() {
            item.tags = tags;
        }
        item.updated_at = now;
        item.version += 1;
        check_tax(item.price, item.tax).map(|()| item)
    }

    /// The words that the item is found by: runs of three or more ASCII letters and digits of its name, in lower case.
    /// A name of 100 characters has 25 at most.
    pub fn words(&self) -> BTreeSet<String> {
        self.name
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| word.len() >= 3)
            .map(str::to_ascii_lowercase)
            .collect()
    }
}

impl From<Item> for ItemView {
    fn from(item: Item) -> Self {
        Self {
            id: item.id,
            name: item.name,
            description: item.description,
            price: item.price,
            tax: item.tax,
            tags: item.tags,
            created_at: item.created_at,
            updated_at: item.updated_at,
            owner_id: item.owner_id,
        }
    }
}

/// Which items a list shows. An empty filter shows all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemFilter {
    /// The beginning of a word of the name, in lower case.
    pub word: Option<String>,
    /// Tags that all must be there.
    pub tags: Vec<String>,
    /// The owner.
    pub owner_id: Option<Uuid>,
}

impl ItemFilter {
    /// Whether a list of candidates, by the first of word, tag and owner, contains some that do not belong: those that
    /// fail another criterion, and those that are listed at another of their words.
    pub fn passes_over_rows(&self) -> bool {
        self.word.is_some() || self.tags.len() + usize::from(self.owner_id.is_some()) > 1
    }

    /// Names the list, so that a cursor of one list is not taken for another's.
    pub fn list_name(&self) -> String {
        format!("items?{:?}", (&self.word, &self.tags, &self.owner_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::{Origin, Rules, json, validate};

    fn item(body: &str) -> Result<Item, Vec<crate::validation::Fault>> {
        let new = validate(&json::parse(body.as_bytes()).unwrap(), Origin::Json, "body", Rules::default())?;
        Ok(Item::new(Uuid::nil(), new, Timestamp::UNIX_EPOCH, &Random::from_fn(|bytes| bytes.fill(7))))
    }

    #[test]
    fn the_tax_rule_runs_only_on_sound_fields() {
        let kinds = |body| item(body).unwrap_err().into_iter().map(|fault| fault.kind).collect::<Vec<_>>();
        assert_eq!(kinds(r#"{"name": "a", "price": 9.5, "tax": 9.5}"#), ["value_error"]);
        assert_eq!(kinds(r#"{"name": "a", "price": -1, "tax": 5}"#), ["greater_than"]);
        assert_eq!(kinds(r#"{"price": "nan", "tax": "inf"}"#), ["missing", "greater_than"]);
        assert_eq!(kinds(r#"{"name": "a", "price": 9.5, "tax": "inf"}"#), ["value_error"]);
        assert_eq!(kinds(r#"{"name": "a", "price": 9.5, "tax": 1e126}"#), ["value_error"]);
        assert_eq!(kinds(r#"{"name": "a", "price": 1e-400, "tax": "-inf"}"#), ["greater_than", "finite_number"]);
        assert_eq!(kinds(r#"{"name": "a", "price": 1e-131, "tax": 1e-131}"#), ["decimal_out_of_range"; 2]);
    }

    #[test]
    fn a_patch_may_not_leave_a_tax_above_its_price() {
        let item = item(r#"{"name": "a", "price": 9.5, "tax": 9}"#).unwrap();
        let cheaper: ItemPatch =
            validate(&json::parse(br#"{"price": 9}"#).unwrap(), Origin::Json, "body", Rules::default()).unwrap();
        assert_eq!(item.patched_by(&cheaper, Timestamp::UNIX_EPOCH), Err(TAX_RULE));
    }

    #[test]
    fn words_are_runs_of_three_or_more_ascii_letters_and_digits() {
        let item = item(r#"{"name": "The RED-widget2, a café no. 12x", "price": 1}"#).unwrap();
        assert_eq!(item.words().into_iter().collect::<Vec<_>>(), ["12x", "caf", "red", "the", "widget2"]);
    }

    #[test]
    fn money_is_exact() {
        let price = "1234567890123456789012345678901.2345670";
        let item = item(&format!(r#"{{"name": "a", "price": {price}}}"#)).unwrap();
        let shown = serde_json::to_string(&ItemView::from(item)).unwrap();
        assert!(shown.contains(r#""price":1.234567890123456789012345678901234567e+30,"#), "{shown}");
    }
}
