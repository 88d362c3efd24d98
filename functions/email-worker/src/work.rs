use std::borrow::Cow;
use std::time::Duration;

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::Builder;
use aws_sdk_sesv2::config::retry::RetryConfig;
use aws_sdk_sesv2::config::timeout::TimeoutConfig;
use aws_sdk_sesv2::error::BuildError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message, MessageHeader, MessageTag};
use jiff::Timestamp;
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::aws::SdkConfig;
use peregrine_core::clock::Clock;
use peregrine_core::job::{Job, Task};
use peregrine_core::mail::links::MailLinks;
use peregrine_core::mail::{self, Letter};
use peregrine_core::one_time::OneTimeToken;
use peregrine_core::random::Random;
use peregrine_core::settings::Environment;
use peregrine_core::table::{self, Audit, OneTimeTokens, Suppressions, TableError, Users};
use peregrine_core::user::User;
use peregrine_mail::{Rendered, Renderer};
use peregrine_worker::{Failure, Work};

use crate::failure;
use crate::mailbox::Mailbox;
use crate::recipient::{self, Recipient};

/// The longest that SES is waited for.
const LONGEST_CALL: Duration = Duration::from_secs(10);
/// A call that might be cut off before SES has answered is not begun: nobody would know whether the mail is sent.
const SHORTEST_CALL: Duration = Duration::from_secs(3);
/// By what SES's events tell which job a mail belongs to.
const JOB_TAG: &str = "job";

/// Sends mails.
#[derive(Debug, Clone)]
pub struct EmailWork {
    ses: Client,
    users: Users,
    one_time_tokens: OneTimeTokens,
    audit: Audit,
    suppressions: Suppressions,
    renderer: Renderer,
    from: Mailbox,
    configuration_set: Option<String>,
    clock: Clock,
    random: Random,
}

impl EmailWork {
    /// Reads the settings:
    ///
    /// - `MAIL_FROM`: whom mails are from, `Name <address>` or an address alone;
    /// - `CONFIGURATION_SET`, which may be left out: what SES does about mails besides, such as telling how they fared;
    /// - `USERS_TABLE`, `ONE_TIME_TOKENS_TABLE`, `AUDIT_TABLE`, `SUPPRESSION_TABLE` and `SEAL_SECRET`.
    ///
    /// What is wrong with them stands in `environment`, which must be finished before any work.
    pub fn from_env(environment: &mut Environment, config: &SdkConfig) -> Self {
        let ses = Builder::from(config).retry_config(RetryConfig::disabled()).build();
        environment.text("MAIL_FROM");
        let from: Mailbox = environment.parsed("MAIL_FROM").unwrap_or_default();
        let links = MailLinks::new(&environment.secret("SEAL_SECRET", 32));
        let client = table::Client::new(config);
        Self {
            ses: Client::from_conf(ses),
            users: Users::new(client.clone(), environment.text("USERS_TABLE")),
            one_time_tokens: OneTimeTokens::new(client.clone(), environment.text("ONE_TIME_TOKENS_TABLE")),
            audit: Audit::new(client.clone(), environment.text("AUDIT_TABLE")),
            suppressions: Suppressions::new(client, environment.text("SUPPRESSION_TABLE")),
            renderer: Renderer::new(from.display_name(), links),
            from,
            configuration_set: environment.optional("CONFIGURATION_SET"),
            clock: Clock::system(),
            random: Random::system(),
        }
    }

    /// The same by another clock, for tests.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Makes the token that the mail's link holds, if it holds one. It is stored before the mail is sent, so that a
    /// link that somebody has is never ahead of it. An attempt that follows on a failed one makes another.
    async fn token_for(&self, letter: &Letter, user: &User) -> Result<Option<OneTimeToken>, TableError> {
        let Some(purpose) = letter.content.purpose() else { return Ok(None) };
        let token = OneTimeToken::new(purpose, user.id, &self.random);
        self.one_time_tokens.put(&token, &letter.to, self.clock.now()).await?;
        Ok(Some(token))
    }

    /// Keeps on record that somebody asked to reset the password of an account: here, where it is known whose it is.
    /// The event has the job's id, so that an attempt that is made again writes the same row.
    async fn record(&self, job: &Job, letter: &Letter, user: &User) -> Result<(), TableError> {
        let mail::Content::PasswordReset { asked_from } = letter.content else { return Ok(()) };
        let action = AuditAction::PasswordResetRequested;
        let event = AuditEvent::new(action, user.id, asked_from, job.created_at, &self.random).by(None);
        self.audit.insert(&AuditEvent { id: job.id, ..event }).await
    }

    async fn send(&self, job: &Job, to: String, mail: Rendered, deadline: Timestamp) -> Result<(), Failure> {
        let tag = MessageTag::builder().name(JOB_TAG).value(job.id.to_string()).build().map_err(Failure::permanent)?;
        let message = message_of(mail).map_err(Failure::permanent)?;
        let left = Duration::try_from(deadline.duration_since(self.clock.now())).unwrap_or_default();
        if left < SHORTEST_CALL {
            return Err(Failure::retry("there was too little time left to call SES"));
        }
        // Both, because the client's own limit of an attempt is shorter.
        let limit = left.min(LONGEST_CALL);
        let timeouts = TimeoutConfig::builder().operation_timeout(limit).operation_attempt_timeout(limit).build();
        let answer = self
            .ses
            .send_email()
            .from_email_address(self.from.to_string())
            .destination(Destination::builder().to_addresses(to).build())
            .content(EmailContent::builder().simple(message).build())
            .set_configuration_set_name(self.configuration_set.clone())
            .email_tags(tag)
            .customize()
            .config_override(Builder::new().timeout_config(timeouts))
            .send()
            .await
            .map_err(|error| failure::of_call(&error))?;
        tracing::info!(job = %job.id, message_id = answer.message_id(), "SES accepted the mail");
        Ok(())
    }
}

impl Work for EmailWork {
    async fn perform(&self, job: &Job, deadline: Timestamp) -> Result<(), Failure> {
        let Task::Email(letter) = &job.task else { return Err(Failure::permanent("the job is not to send a mail")) };
        let unreadable = |error: TableError| {
            tracing::warn!(job = %job.id, %error, "the accounts could not be asked about a mail");
            Failure::retry("the accounts could not be read or written")
        };
        let (user, letter) = match recipient::of(letter, &self.users).await.map_err(unreadable)? {
            Recipient::Address(letter) => (None, Cow::Borrowed(letter)),
            Recipient::User(user, letter) => (Some(user), letter),
            Recipient::Nobody => {
                tracing::info!(job = %job.id, "there is no account that the mail is for");
                return Ok(());
            }
        };
        let letter = letter.as_ref();
        let to = letter.to.for_smtp().map_err(Failure::permanent)?;
        let suppression = self.suppressions.find(&letter.to).await.map_err(|error| {
            tracing::warn!(job = %job.id, %error, "the list of suppressed addresses could not be read");
            Failure::retry("the list of addresses that get no mail could not be read")
        })?;
        if let Some(suppression) = suppression.filter(|suppression| suppression.forbids(&letter.content)) {
            // The reason is not for whoever asked for the mail: it says how the address's owner has dealt with others'.
            tracing::info!(job = %job.id, reason = suppression.reason.as_str(), "the address gets no such mail");
            return Err(Failure::permanent("the address is on the list of those that get no such mail"));
        }
        let mut token = None;
        if let Some(user) = &user {
            self.record(job, letter, user).await.map_err(unreadable)?;
            token = self.token_for(letter, user).await.map_err(unreadable)?;
        }
        let token = token.as_ref().map(OneTimeToken::text);
        let mail = self.renderer.render(letter, token.as_ref()).map_err(Failure::permanent)?;
        self.send(job, to, mail, deadline).await
    }
}

fn message_of(mail: Rendered) -> Result<Message, BuildError> {
    let content = |data: String| Content::builder().data(data).charset("UTF-8").build();
    let header = |name: &str, value: String| MessageHeader::builder().name(name).value(value).build();
    // So that nobody's automatic reply answers it (RFC 3834, section 5).
    let mut headers = vec![header("Auto-Submitted", "auto-generated".to_owned())?];
    if let Some(link) = mail.unsubscribe {
        // Mail programs show a button that unsubscribes by one POST (RFC 8058).
        headers.push(header("List-Unsubscribe", format!("<{link}>"))?);
        headers.push(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned())?);
    }
    let body = Body::builder().html(content(mail.html)?).text(content(mail.text)?).build();
    Ok(Message::builder().subject(content(mail.subject)?).body(body).set_headers(Some(headers)).build())
}
