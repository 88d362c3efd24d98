//! Reads untrusted input into types the way pydantic's lax mode does, and reports **every** fault of it at once.
//!
//! A type that can be read implements [`Validate`]; structs derive it. The derive macro reads the very attributes that
//! utoipa publishes in the OpenAPI document (`#[schema(min_length = 3)]`, `#[param(maximum = 100)]`), and refuses to
//! compile where it meets one that it cannot enforce, so the documentation cannot lie.
//!
//! The stages, from bytes to a value:
//!
//! 1. [`json::parse`] or [`urlencoded::parse`] turn bytes into an [`Input`], a tree that keeps numbers as written;
//! 2. [`Validate::validate`] walks it with a [`Report`], which knows where it is and collects [`Fault`]s;
//! 3. a struct's cross-field rule (`#[validate(check = …)]`) runs only if all its fields are sound, as in pydantic.

mod change;
mod choices;
mod collections;
mod encoding;
mod fault;
mod identifiers;
mod input;
pub mod json;
mod model;
mod numbers;
mod report;
mod scalars;
mod times;
pub mod urlencoded;

pub use change::Change;
pub(crate) use choices::one_of;
pub use fault::{Context, Fault, Segment};
pub use input::{Input, Number};
#[doc(hidden)]
pub use model::Fields;
pub use model::{Field, Model};
pub use numbers::float_text;
pub use peregrine_derive::Validate;
pub use report::{Origin, Report, masked};

/// What a schema says about a value beyond its type. The derive macro fills it from `#[schema(…)]` and `#[param(…)]`.
///
/// `Option` hands it to its content and `Vec` to its items, apart from the two about the number of items.
#[derive(Debug, Clone, Copy)]
pub struct Constraints {
    /// Fewest Unicode characters of a string.
    pub min_length: Option<usize>,
    /// Most Unicode characters of a string.
    pub max_length: Option<usize>,
    /// What a string must match.
    pub pattern: Option<Pattern>,
    /// Smallest integer.
    pub minimum: Option<i64>,
    /// Largest integer.
    pub maximum: Option<i64>,
    /// Most items of a list.
    pub max_items: Option<usize>,
}

impl Constraints {
    /// Anything of the right type will do.
    pub const NONE: Self =
        Self { min_length: None, max_length: None, pattern: None, minimum: None, maximum: None, max_items: None };
}

/// A regular expression, compiled at its first use.
#[derive(Debug, Clone, Copy)]
pub struct Pattern {
    /// As published in the schema and quoted in faults.
    pub source: &'static str,
    /// `source`, compiled. The derive macro has checked that it compiles.
    pub regex: &'static std::sync::LazyLock<Regex>,
}

/// For the code that the derive macro generates.
#[doc(hidden)]
pub use regex_lite::Regex;

/// Which [`Constraints`] a type enforces. The derive macro refuses others.
#[derive(Debug, Clone, Copy)]
pub struct Enforces {
    /// Length and pattern of a string.
    pub text: bool,
    /// Smallest and largest integer.
    pub range: bool,
    /// Number of items.
    pub items: bool,
}

impl Enforces {
    /// None: the type has its own rules, or none.
    pub const NOTHING: Self = Self { text: false, range: false, items: false };
}

/// A type that can be read from untrusted [`Input`].
pub trait Validate: Sized {
    /// Whether a parameter of this type takes all values of a repeated key (`?tags=a&tags=b`) or the last one only.
    const REPEATED: bool = false;
    /// Whether the input may be shown again, in a fault. Passwords may not.
    const SECRET: bool = false;
    /// Which constraints of a field of this type are enforced.
    const ENFORCES: Enforces = Enforces::NOTHING;

    /// Reads the value, or reports to `report` all that is wrong with it and returns `None`.
    fn validate(input: &Input, constraints: &Constraints, report: &mut Report<'_>) -> Option<Self>;

    /// The value of a field that was not sent. `None` makes its absence a fault.
    fn when_absent() -> Option<Self> {
        None
    }
}

/// What holds for some deployments and not for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// Whether sign-in follows OWASP where the guides do not.
    pub hardened: bool,
}

/// Reads a whole model that was sent as `origin`, at the location `root` (`body`, `query`, `path`, …), by these rules.
///
/// # Errors
/// All faults, in the order of the model's fields.
pub fn validate<T: Validate>(input: &Input, origin: Origin, root: &'static str, rules: Rules) -> Result<T, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut report = Report::new(origin, root, T::SECRET, rules, &mut faults);
    T::validate(input, &Constraints::NONE, &mut report).ok_or(faults)
}
