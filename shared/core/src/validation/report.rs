use std::borrow::Cow;

use super::{Context, Fault, Input, Rules, Segment};

/// Most faults that one answer lists. A hostile body could hold a million.
const MAX_FAULTS: usize = 1_000;

/// Most characters of input, all faults of a request together, that are shown again. Without a bound, a body of one
/// megabyte with ten missing fields would be answered with ten.
const MAX_ECHO: usize = 64 * 1024;

/// Where input came from, which decides what a fault about an absent field shows as its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A JSON body: the object that lacks the field is shown.
    Json,
    /// Query, path, header or form parameters: nothing is shown.
    Parameters,
}

/// The place that validation has reached, and the faults found so far.
#[derive(Debug)]
pub struct Report<'a> {
    origin: Origin,
    location: Vec<Segment>,
    faults: &'a mut Vec<Fault>,
    echoed: usize,
    secret: bool,
    rules: Rules,
}

impl<'a> Report<'a> {
    /// A report at `root`, one of `body`, `query`, `path` and `header`. Faults about a `secret` don't show it.
    pub fn new(origin: Origin, root: &'static str, secret: bool, rules: Rules, faults: &'a mut Vec<Fault>) -> Self {
        Self { origin, location: vec![Segment::Name(Cow::Borrowed(root))], faults, echoed: 0, secret, rules }
    }

    /// Where the input came from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// What holds here and not everywhere.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// Reads something one step further down. Faults about `secret` input don't show it.
    pub fn at<T>(&mut self, segment: Segment, secret: bool, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.secret;
        self.secret |= secret;
        self.location.push(segment);
        let value = read(self);
        self.location.pop();
        self.secret = outer;
        value
    }

    /// Reports a fault about `input`, and is `None`, so that a reader can end with it.
    pub fn fault<T>(
        &mut self,
        kind: &'static str,
        message: impl Into<String>,
        input: &Input,
        context: Option<Context>,
    ) -> Option<T> {
        let input = self.echo(input);
        self.add(Fault { kind, location: self.location.clone(), message: message.into(), input, context })
    }

    /// Reports that a rule of ours is broken, and is `None`.
    pub fn rule_broken<T>(&mut self, reason: &str, input: &Input) -> Option<T> {
        let input = self.echo(input);
        self.add(Fault::of_rule(self.location.clone(), reason, input))
    }

    fn add<T>(&mut self, fault: Fault) -> Option<T> {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        }
        None
    }

    fn echo(&mut self, input: &Input) -> Input {
        if self.secret {
            return masked();
        }
        self.echoed += size(input, MAX_ECHO);
        if self.echoed > MAX_ECHO { Input::Null } else { input.clone() }
    }
}

/// What a fault shows in place of a secret, in the form of pydantic's `SecretStr`.
pub fn masked() -> Input {
    Input::text("**********")
}

/// Roughly the characters of `input` when written, counted up to `limit`.
fn size(input: &Input, limit: usize) -> usize {
    let mut total: usize = 2;
    match input {
        Input::Null | Input::Bool(_) => total += 4,
        Input::Number(number) => total += number.as_str().len(),
        Input::String(text) | Input::IllFormed(text) => total += text.len(),
        Input::Array(items) => {
            for item in items {
                if total > limit {
                    break;
                }
                total += size(item, limit);
            }
        }
        Input::Object(entries) => {
            for (key, value) in entries.iter() {
                if total > limit {
                    break;
                }
                total += key.len() + size(value, limit);
            }
        }
    }
    total
}
