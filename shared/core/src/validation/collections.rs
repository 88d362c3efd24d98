use super::{Constraints, Context, Enforces, Input, Report, Segment, Validate};

impl<T: Validate> Validate for Option<T> {
    const REPEATED: bool = T::REPEATED;
    const SECRET: bool = T::SECRET;
    const ENFORCES: Enforces = T::ENFORCES;

    fn validate(input: &Input, constraints: &Constraints, report: &mut Report<'_>) -> Option<Self> {
        match input {
            Input::Null => Some(None),
            _ => T::validate(input, constraints, report).map(Some),
        }
    }

    fn when_absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Validate> Validate for Vec<T> {
    const REPEATED: bool = true;
    const SECRET: bool = T::SECRET;
    const ENFORCES: Enforces = Enforces { items: true, ..T::ENFORCES };

    fn validate(input: &Input, constraints: &Constraints, report: &mut Report<'_>) -> Option<Self> {
        let Input::Array(items) = input else {
            return report.fault("list_type", "Input should be a valid list", input, None);
        };
        let mut values = Vec::new();
        let mut sound = true;
        for (index, item) in items.iter().enumerate() {
            match report.at(Segment::Index(index), T::SECRET, |report| T::validate(item, constraints, report)) {
                Some(value) => values.push(value),
                None => sound = false,
            }
            if let Some(most) = constraints.max_items.filter(|most| values.len() > *most) {
                return report.fault(
                    "too_long",
                    format!("List should have at most {most} items after validation, not {}", items.len()),
                    input,
                    Some(Context::of("max_length", Input::integer(most as i128))),
                );
            }
        }
        sound.then_some(values)
    }
}
