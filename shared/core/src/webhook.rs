//! Webhooks as [Standard Webhooks] has them: what a receiver is told, and how it knows that we say so.
//!
//! [Standard Webhooks]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ring::hmac;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde_json::json;
use uuid::Uuid;

use crate::job::{Job, JobView};
use crate::seal;

/// The header field with the message's id, the same at every attempt: receivers know a repetition by it.
pub const ID_HEADER: &str = "webhook-id";
/// The header field with the time of the attempt, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header field with the signature.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// Makes everybody's secret from the deployment's one, so that none is stored.
#[derive(Debug, Clone)]
pub struct WebhookSecrets {
    key: hmac::Key,
}

/// What a user's webhooks are signed with. The user knows it too, and nobody else.
#[derive(Debug, Clone)]
pub struct WebhookSecret(SecretSlice<u8>);

impl WebhookSecrets {
    /// Secrets derived from `secret`.
    pub fn new(secret: &SecretString) -> Self {
        Self { key: seal::key_for("webhooks", secret) }
    }

    /// The secret of a user: 32 bytes, of the 24 to 64 that the specification allows.
    pub fn of(&self, owner: Uuid) -> WebhookSecret {
        WebhookSecret(hmac::sign(&self.key, owner.as_bytes()).as_ref().to_vec().into())
    }
}

impl WebhookSecret {
    /// The secret as its owner gives it to a library that verifies: `whsec_` and base64.
    pub fn expose(&self) -> String {
        format!("whsec_{}", STANDARD.encode(self.0.expose_secret()))
    }

    /// The value of [`SIGNATURE_HEADER`] for a message that is sent `at` this time: `v1,` and base64. The `id` has no
    /// full stop in it, or two messages could share a signature.
    pub fn sign(&self, id: &str, at: Timestamp, body: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.expose_secret());
        let signed = format!("{id}.{}.{body}", at.as_second());
        format!("v1,{}", STANDARD.encode(hmac::sign(&key, signed.as_bytes())))
    }
}

/// The JSON that tells a job's owner how it stands, usually that it has ended: the state is the second half of the
/// event's type, as in `job.succeeded`. What the job is about is left out; it could be somebody's mail.
pub fn event_of(job: &Job) -> String {
    json!({
        "type": format!("job.{}", job.state),
        "timestamp": job.finished_at.unwrap_or(job.updated_at),
        "data": JobView::from(job),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use standardwebhooks::Webhook;

    use super::*;
    use crate::email::Email;
    use crate::job::{JobState, Task};
    use crate::mail::{Content, Letter};
    use crate::random::Random;

    fn secrets(secret: &str) -> WebhookSecrets {
        WebhookSecrets::new(&secret.into())
    }

    #[test]
    fn a_signature_is_that_of_the_specification() {
        let key = STANDARD.decode("C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let signature = WebhookSecret(key.into()).sign(
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            Timestamp::from_second(1_649_367_553).unwrap(),
            r#"{"email":"test@example.com","username":"test_user"}"#,
        );
        assert_eq!(signature, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    #[test]
    fn the_owners_secret_makes_the_same_signature_in_the_specifications_library() {
        let secret = secrets("a").of(Uuid::from_u128(1));
        let theirs = Webhook::new(&secret.expose()).unwrap().sign("id", 1_700_000_000, b"{}").unwrap();
        assert_eq!(secret.sign("id", Timestamp::from_second(1_700_000_000).unwrap(), "{}"), theirs);
    }

    #[test]
    fn everybody_has_a_secret_of_their_own_and_always_the_same() {
        let (ann, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let secret = secrets("a").of(ann).expose();
        assert_eq!(secret, secrets("a").of(ann).expose());
        assert_ne!(secret, secrets("a").of(bob).expose());
        assert_ne!(secret, secrets("b").of(ann).expose());
        assert_eq!(STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap().len(), 32);
    }

    #[test]
    fn a_secret_is_not_shown_unless_asked_for() {
        let secret = secrets("a").of(Uuid::from_u128(1));
        assert_eq!(format!("{secret:?}"), "WebhookSecret(SecretBox<[u8]>([REDACTED]))");
    }

    #[test]
    fn an_event_says_how_the_job_ended_and_not_what_it_was_about() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let letter = Letter {
            to: Email::parse("ann@example.com").unwrap(),
            base_url: "https://api.example.com".to_owned(),
            content: Content::Notification { subject: "Hello".to_owned(), message: "Secret".to_owned() },
        };
        let task = Task::Email(letter);
        let mut job = Job {
            state: JobState::Failed,
            attempts: 12,
            last_error: Some("the mailbox does not exist".to_owned()),
            run_at: at(1_700_000_001),
            unique_key: Some("welcome".to_owned()),
            updated_at: at(1_700_000_003),
            finished_at: Some(at(1_700_000_002)),
            ..Job::new(task, Uuid::nil(), at(1_700_000_000), &Random::from_fn(|bytes| bytes.fill(0)))
        };
        let told = |job: &Job| serde_json::from_str::<Value>(&event_of(job)).unwrap();
        assert_eq!(
            told(&job),
            json!({
                "type": "job.failed",
                "timestamp": "2023-11-14T22:13:22Z",
                "data": {
                    "id": job.id,
                    "kind": "email",
                    "state": "failed",
                    "attempts": 12,
                    "last_error": "the mailbox does not exist",
                    "run_at": "2023-11-14T22:13:21Z",
                    "created_at": "2023-11-14T22:13:20Z",
                    "updated_at": "2023-11-14T22:13:23Z",
                    "finished_at": "2023-11-14T22:13:22Z",
                },
            })
        );
        for (state, kind) in [(JobState::Succeeded, "job.succeeded"), (JobState::Cancelled, "job.cancelled")] {
            job.state = state;
            assert_eq!(told(&job)["type"], kind);
        }
    }
}
