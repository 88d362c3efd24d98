//! Learns from bounces and complaints which addresses get no mail any more.

mod notification;

use aws_lambda_events::sns::SnsEvent;
use peregrine_core::aws::AwsSettings;
use peregrine_core::clock::Clock;
use peregrine_core::email::Email;
use peregrine_core::settings::{Environment, SettingsError};
use peregrine_core::suppression::{Reason, Suppression};
use peregrine_core::table::{Client, Suppressions, TableError};

use notification::Finding;

/// What this function works with.
#[derive(Debug, Clone)]
pub struct MailEvents {
    /// The addresses that get no mail.
    pub suppressions: Suppressions,
    /// The time.
    pub clock: Clock,
}

/// What was in an event. Counts only: addresses stand in no log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Addresses that mail came back from for good.
    pub bounces: usize,
    /// Addresses that called a mail spam.
    pub complaints: usize,
    /// Addresses that were put on the list, or there for a weaker reason before.
    pub suppressed: usize,
    /// Addresses that are none that we could have sent to.
    pub unreadable: usize,
    /// Records that say nothing against an address.
    pub ignored: usize,
    /// Records that are no notifications.
    pub malformed: usize,
}

impl MailEvents {
    /// Reads the settings.
    ///
    /// # Errors
    /// Settings that are missing or malformed.
    pub fn from_env(mut environment: Environment) -> Result<Self, SettingsError> {
        let client = Client::new(&AwsSettings::from_env(&mut environment).sdk_config());
        let suppressions = Suppressions::new(client, environment.text("SUPPRESSION_TABLE"));
        environment.finish()?;
        Ok(Self { suppressions, clock: Clock::system() })
    }

    /// Puts the addresses of all permanent bounces and complaints on the list. To do so again changes nothing.
    ///
    /// Each record is read for itself: a malformed one is logged and passed over, because it would be no better if it
    /// came again.
    ///
    /// # Errors
    /// What the table failed with last, after all records have been tried. The event must then come again.
    pub async fn handle(&self, event: SnsEvent) -> Result<Summary, TableError> {
        let (mut summary, mut failed) = (Summary::default(), None);
        for record in event.records {
            match notification::read(&record.sns.message) {
                Ok(Some(finding)) => {
                    failed = self.suppress(finding, &mut summary).await.err().or(failed);
                }
                Ok(None) => summary.ignored += 1,
                Err(error) => {
                    summary.malformed += 1;
                    tracing::warn!(message_id = record.sns.message_id, %error, "passed over a message");
                }
            }
        }
        let Summary { bounces, complaints, suppressed, unreadable, ignored, malformed } = summary;
        tracing::info!(bounces, complaints, suppressed, unreadable, ignored, malformed, "mail events");
        failed.map_or(Ok(summary), Err)
    }

    /// Tries all addresses, also after one has failed.
    async fn suppress(&self, finding: Finding, summary: &mut Summary) -> Result<(), TableError> {
        let mut result = Ok(());
        for (address, detail) in finding.recipients {
            match finding.reason {
                Reason::Complaint => summary.complaints += 1,
                Reason::Bounce | Reason::Unsubscribed => summary.bounces += 1,
            }
            // The domain comes in Punycode, and an address is compared in the form in which it was sent to.
            let Ok(email) = Email::parse(&address) else {
                summary.unreadable += 1;
                continue;
            };
            let suppression = Suppression { reason: finding.reason, since: self.clock.now(), detail };
            match self.suppressions.put(&email, &suppression).await {
                Ok(changed) => summary.suppressed += usize::from(changed),
                Err(error) => result = Err(error),
            }
        }
        result
    }
}
