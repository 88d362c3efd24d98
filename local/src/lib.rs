//! The local cloud: everything that `template.yaml` names, on one machine, in one process.
//!
//! [`Cloud::start`] builds the functions and runs them as Lambda would, behind an HTTP gateway that speaks payload
//! format 2.0, next to the AWS services that they use. `cargo dev` is its command line, tests use it as a library.
//! [`EmbeddedAws`] is the services alone.
//!
//! Nothing in here knows the API that is served: it all comes from the [`Template`].

mod ambient;
mod cargo;
mod cloud;
mod console;
mod environment;
mod error;
#[cfg(test)]
mod exchange;
mod executables;
mod functions;
mod gateway;
mod identifiers;
mod inspect;
mod invocations;
mod mail;
mod options;
mod process;
mod secrets;
mod server;
mod sources;
mod topics;
mod watch;

pub mod aws;
pub mod template;

pub use aws::{EmbeddedAws, Faults, Held};
pub use cloud::{Cloud, workspace_root};
pub use console::Console;
pub use error::StartError;
pub use mail::{CapturedMail, MailAttachment, MailHeader, Mailbox, TooFewMails};
pub use options::CloudOptions;
pub use sources::ScheduleError;
pub use template::Template;
