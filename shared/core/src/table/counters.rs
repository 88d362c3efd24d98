mod counter;
mod leases;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use self::counter::Counter;
use self::leases::{Leases, Step};
use super::TableError;
use super::row::Row;
use crate::clock::Clock;
use crate::limit::{Limits, Policy, Standing, Subject};
use crate::settings::Environment;

/// The shape of a counter's row that is written here.
const SCHEMA: u32 = 1;

/// How long a request waits for its counter. DynamoDB takes a few milliseconds.
const PATIENCE: Duration = Duration::from_millis(300);

/// When to try again if DynamoDB throttles, in seconds. That passes long before a window does.
const THROTTLED_RESET: u32 = 5;

/// How long a row outlives its window, in seconds, for sandboxes whose clock is behind.
const SLACK: i64 = 300;

/// Counts requests in DynamoDB, so that all sandboxes limit them together. Cheap to clone; the clones share what they
/// remember.
///
/// - A policy that is counted exactly takes one conditional update at every request. Never more than the quota passes,
///   however many sandboxes ask at once.
/// - A leased one (reads) takes one update per block of requests, the first block of a window is free, and the over-run
///   is bounded: see [`Quota::block`](crate::limit::Quota::block).
/// - A refusal is remembered until the window ends, so that a flood of refused requests costs no call.
/// - If DynamoDB throttles, requests are refused: a flood must not open the gate. If the counter can't be reached at
///   all, they pass: the limits protect the service and must not take it down.
#[derive(Clone)]
pub struct RateLimiter {
    client: Client,
    table: String,
    limits: Limits,
    clock: Clock,
    leases: Arc<Mutex<Leases>>,
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whom it remembers is nobody's business.
        formatter.debug_struct("RateLimiter").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The client with the patience that a request has. It tries twice, for a sandbox that wakes up finds its connection
/// closed. Made once: to override the settings of a call costs each call.
fn impatient(client: &Client) -> Client {
    let timeouts = client.config().timeout_config().map(TimeoutConfig::to_builder).unwrap_or_default();
    let config = client
        .config()
        .to_builder()
        .timeout_config(timeouts.operation_timeout(PATIENCE).build())
        .retry_config(RetryConfig::standard().with_max_attempts(2).with_initial_backoff(Duration::from_millis(20)));
    Client::from_conf(config.build())
}

/// What came of an attempt to increase a counter.
enum Counted {
    /// It was below the quota, and stands at this now.
    Used(u32),
    /// It had reached the quota, and stays.
    Full,
    /// DynamoDB has too much to do.
    Throttled,
}

impl RateLimiter {
    /// A limiter that counts in the table of this name, and waits as long as the client does.
    pub fn new(client: Client, table: String, limits: Limits, clock: Clock) -> Self {
        Self { client, table, limits, clock, leases: Arc::new(Mutex::new(Leases::new())) }
    }

    /// A limiter as `RATE_LIMITS_TABLE`, `RATE_LIMITS` and `STRICT_LIMITS` say, see [`Limits::from_env`], over the
    /// connections of the client but with less patience: a request waits 300 ms for its counter, and then passes.
    pub fn from_env(environment: &mut Environment, client: &Client, clock: Clock) -> Self {
        let table = environment.text("RATE_LIMITS_TABLE");
        Self::new(impatient(client), table, Limits::from_env(environment), clock)
    }

    /// Takes one request of the subject's quota, and says where that leaves it. `None` if the counter can't be reached:
    /// the request should pass, and a line in the log says so.
    pub async fn take(&self, policy: Policy, subject: &Subject) -> Option<Standing> {
        let counter = Counter::at(self.clock.now().as_second(), policy, subject, self.limits.quota_of(policy));
        let step = self.leases().begin(&counter);
        let claim = match step {
            Step::Decided(verdict) => return Some(counter.standing(verdict)),
            Step::Count(claim) => claim,
        };
        let counted = self.count(&counter, claim.amount()).await;
        let verdict = match counted {
            Ok(Counted::Used(used)) => self.leases().settle(&counter, claim, used),
            Ok(Counted::Full) => self.leases().refuse(&counter),
            Ok(Counted::Throttled) | Err(_) => self.leases().give_back(&counter, claim),
        };
        let standing = counter.standing(verdict);
        match counted {
            Ok(Counted::Throttled) => Some(Standing { reset: standing.reset.min(THROTTLED_RESET), ..standing }),
            Ok(_) => Some(standing),
            Err(error) => {
                tracing::warn!(policy = policy.as_str(), %error, "the rate limit can't be counted; the request passes");
                None
            }
        }
    }

    /// Increases the counter, unless it has reached the quota.
    ///
    /// A failed attempt may be made again. Should DynamoDB have counted the first one, the request counts twice: an
    /// error on the safe side.
    async fn count(&self, counter: &Counter, amount: u32) -> Result<Counted, TableError> {
        let number = |number: i64| AttributeValue::N(number.to_string());
        let call = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(counter.row_id()))
            .update_expression("SET #schema = :schema, #expires_at = :expires_at ADD #used :amount")
            .condition_expression("attribute_not_exists(#used) OR #used < :quota")
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_names("#expires_at", "expires_at")
            .expression_attribute_names("#used", "used")
            .expression_attribute_values(":schema", number(SCHEMA.into()))
            .expression_attribute_values(":expires_at", number(counter.ends + SLACK))
            .expression_attribute_values(":amount", number(amount.into()))
            .expression_attribute_values(":quota", number(counter.quota.requests.into()))
            .return_values(ReturnValue::UpdatedNew);
        // On the heap: every request is limited, and its future would have to have room for the call.
        match Box::pin(call.send()).await {
            Ok(answer) => {
                let used: u64 = Row::read("rate limits", answer.attributes.unwrap_or_default()).take_parsed("used")?;
                Ok(Counted::Used(u32::try_from(used).unwrap_or(u32::MAX)))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(Counted::Full),
                Some(
                    UpdateItemError::ProvisionedThroughputExceededException(_)
                    | UpdateItemError::RequestLimitExceeded(_)
                    | UpdateItemError::ThrottlingException(_),
                ) => Ok(Counted::Throttled),
                _ => Err(TableError::call("UpdateItem", &error)),
            },
        }
    }

    /// What this sandbox remembers. Never held across a call.
    fn leases(&self) -> MutexGuard<'_, Leases> {
        // Nothing in there panics half-way, so a poisoned memory is as good as any.
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::AwsSettings;

    #[test]
    fn a_request_waits_three_tenths_of_a_second_for_its_counter() {
        let client = impatient(&Client::new(&AwsSettings::at("http://127.0.0.1:1").sdk_config()));
        let timeouts = client.config().timeout_config().unwrap();
        assert_eq!(timeouts.operation_timeout(), Some(Duration::from_millis(300)));
        assert_eq!(timeouts.connect_timeout(), Some(Duration::from_secs(1)), "so that connections are shared");
    }
}
