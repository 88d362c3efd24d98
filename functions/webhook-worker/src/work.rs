use std::time::Duration;

use jiff::Timestamp;
use peregrine_core::cause::with_causes;
use peregrine_core::clock::Clock;
use peregrine_core::job::{Delivery, Job, Task};
use peregrine_core::outbound::OutboundRules;
use peregrine_core::webhook::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, WebhookSecrets};
use peregrine_fetch::{Fetcher, Method, Outgoing};
use peregrine_worker::{Failure, Work};

use crate::outcome::{failure, outcome};

/// How long a receiver may take, the lower end of what the specification advises.
const LONGEST: Duration = Duration::from_secs(15);
/// Less time than this would not do for a receiver that is well.
const SHORTEST: Duration = Duration::from_secs(1);
const USER_AGENT: &str = concat!("Peregrine-Webhooks/", env!("CARGO_PKG_VERSION"));

/// Delivers webhooks: one POST per attempt, with the JSON that was written when the job ended, signed anew each time.
/// The id is that of the delivery's own job, the same at every attempt, so that a receiver knows a repetition.
#[derive(Debug)]
pub struct WebhookWork {
    secrets: WebhookSecrets,
    fetcher: Fetcher,
    clock: Clock,
}

impl WebhookWork {
    /// Deliveries that are signed with these secrets and go where the rules allow, by `https` unless they except a
    /// host.
    ///
    /// # Errors
    /// A system without certificate authorities.
    pub fn new(secrets: WebhookSecrets, rules: OutboundRules, clock: Clock) -> Result<Self, lambda_runtime::Error> {
        Ok(Self { secrets, fetcher: Fetcher::new(rules.https_only())?, clock })
    }

    fn request(&self, job: &Job, delivery: &Delivery, now: Timestamp, time: Duration) -> Outgoing {
        let id = job.id.to_string();
        let signature = self.secrets.of(delivery.owner_id).sign(&id, now, &delivery.body);
        Outgoing {
            method: Method::POST,
            url: delivery.url.clone(),
            headers: vec![
                ("content-type", "application/json".to_owned()),
                ("user-agent", USER_AGENT.to_owned()),
                (ID_HEADER, id),
                (TIMESTAMP_HEADER, now.as_second().to_string()),
                (SIGNATURE_HEADER, signature),
            ],
            body: delivery.body.clone(),
            time,
        }
    }
}

impl Work for WebhookWork {
    async fn perform(&self, job: &Job, deadline: Timestamp) -> Result<(), Failure> {
        let Task::Webhook(delivery) = &job.task else {
            return Err(Failure::permanent("the job is not a webhook"));
        };
        let now = self.clock.now();
        let left = Duration::try_from(deadline.duration_since(now)).unwrap_or_default();
        if left < SHORTEST {
            return Err(Failure::retry("there was no time left to deliver it"));
        }
        match self.fetcher.send(self.request(job, delivery, now, left.min(LONGEST))).await {
            // The body is of no interest, so it is not read, however long it is.
            Ok(answer) => outcome(answer.status(), answer.headers(), self.clock.now()),
            Err(error) => {
                tracing::info!(job = %job.id, cause = with_causes(&error), "a webhook was not delivered");
                Err(failure(&error))
            }
        }
    }
}
