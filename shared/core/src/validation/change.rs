use super::{Constraints, Enforces, Input, Report, Validate};

/// What a PATCH says about a field: nothing, `null`, or a new value (JSON Merge Patch, RFC 7396).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Change<T> {
    /// The field was not sent.
    #[default]
    Keep,
    /// The field was sent as `null`.
    Clear,
    /// The field was sent with this value.
    Set(T),
}

impl<T> Change<T> {
    /// Applies the change to a field that may be empty.
    pub fn apply_to(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }

    /// The same change of another type.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Change<U> {
        match self {
            Self::Keep => Change::Keep,
            Self::Clear => Change::Clear,
            Self::Set(value) => Change::Set(convert(value)),
        }
    }

    /// The new value. For a field that can't be empty `null` means "leave it", as in the FastAPI original.
    pub fn set(self) -> Option<T> {
        match self {
            Self::Keep | Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }
}

impl<T: Validate> Validate for Change<T> {
    const REPEATED: bool = T::REPEATED;
    const SECRET: bool = T::SECRET;
    const ENFORCES: Enforces = T::ENFORCES;

    fn validate(input: &Input, constraints: &Constraints, report: &mut Report<'_>) -> Option<Self> {
        Option::<T>::validate(input, constraints, report).map(|value| value.map_or(Self::Clear, Self::Set))
    }

    fn when_absent() -> Option<Self> {
        Some(Self::Keep)
    }
}
