//! What the worker asks AWS, and what it makes of the answers. The real SDK talks to servers.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails where it finds something else than it expects")]

mod links;
mod scripted;
mod ses;
mod suppressions;

use email_worker::EmailWork;
use jiff::{SignedDuration, Timestamp};
use peregrine_core::aws::AwsSettings;
use peregrine_core::clock::Clock;
use peregrine_core::email::Email;
use peregrine_core::job::{Job, Task};
use peregrine_core::mail::{Content, Letter, Notice};
use peregrine_core::random::Random;
use peregrine_core::settings::Environment;
use peregrine_worker::{Failure, Work};
use uuid::Uuid;

/// The worker, with AWS at this address.
fn work(url: &str) -> EmailWork {
    let mut environment = Environment::from_fn(|name| match name {
        "MAIL_FROM" => Some("Bob <bob@example.com>".to_owned()),
        "CONFIGURATION_SET" => Some("mail".to_owned()),
        "USERS_TABLE" => Some("UsersTable".to_owned()),
        "ONE_TIME_TOKENS_TABLE" => Some("OneTimeTokensTable".to_owned()),
        "AUDIT_TABLE" => Some("AuditTable".to_owned()),
        "SUPPRESSION_TABLE" => Some("SuppressionTable".to_owned()),
        "SEAL_SECRET" => Some("0123456789abcdef0123456789abcdef".to_owned()),
        _ => None,
    });
    let work = EmailWork::from_env(&mut environment, &AwsSettings::at(url).sdk_config());
    environment.finish().unwrap();
    work.with_clock(Clock::from_fn(noon))
}

/// What comes of a job to send this letter, with so much time left.
async fn send_within(url: &str, letter: Letter, left: SignedDuration) -> Result<(), Failure> {
    work(url).perform(&job(letter), noon() + left).await
}

/// What comes of a job to send this letter.
async fn send(url: &str, letter: Letter) -> Result<(), Failure> {
    send_within(url, letter, SignedDuration::from_secs(30)).await
}

fn noon() -> Timestamp {
    "2030-01-01T12:00:00Z".parse().unwrap()
}

fn email(address: &str) -> Email {
    Email::parse(address).unwrap()
}

fn letter(to: &str, content: Content) -> Letter {
    Letter { to: email(to), base_url: "https://api.example.com".to_owned(), content }
}

/// A mail about an account, for which nobody need be looked up.
fn notice() -> Letter {
    letter("ann@example.com", Content::Notice { what: Notice::PasswordChanged })
}

fn notification(to: &str) -> Letter {
    letter(to, Content::Notification { subject: "Größe".to_owned(), message: "Hello".to_owned() })
}

fn job(letter: Letter) -> Job {
    Job { id: Uuid::nil(), ..Job::new(Task::Email(letter), Uuid::nil(), noon(), &Random::system()) }
}
