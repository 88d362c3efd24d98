//! What can go wrong before the local cloud is ready, in words for the person who started it.

use std::path::PathBuf;

use thiserror::Error;

use crate::template::TemplateError;

/// Why the local cloud could not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The template has a fault.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Something else listens on a port.
    #[error("port {port} on 127.0.0.1 is taken; stop what uses it or choose another one with {option}")]
    PortTaken {
        /// The port.
        port: u16,
        /// The command-line option that changes it.
        option: &'static str,
    },
    /// A port cannot be listened on for another reason.
    #[error("cannot listen on 127.0.0.1:{port} ({option}): {source}")]
    Listen {
        /// The port.
        port: u16,
        /// The command-line option that changes it.
        option: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process works with the data directory.
    #[error("{} is in use by another local cloud; stop that one, or choose another with --data-dir or --ephemeral", .0.display())]
    DataDirInUse(PathBuf),
    /// A file or folder of the local cloud's own cannot be used.
    #[error("{}: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The `.env` file has a fault.
    #[error("{}: {message}", path.display())]
    Dotenv {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// Cargo could not be run.
    #[error("cargo could not be run: {0}")]
    Cargo(std::io::Error),
    /// Cargo ran and failed. Its own messages have been shown.
    #[error("the build failed: function(s) could not be compiled (see above)")]
    Build,
    /// A function of the template has no binary.
    #[error("the workspace has no binary `{0}`, which the template names as target/lambda/{0}/bootstrap.zip")]
    NoSuchBinary(String),
    /// The embedded database failed.
    #[error("the embedded DynamoDB: {0}")]
    Database(String),
    /// A table cannot be created.
    #[error("the table `{table}` of the template cannot be created: {message}")]
    Table {
        /// The table.
        table: String,
        /// What the database said.
        message: String,
    },
    /// The data directory holds a table that the template describes differently.
    #[error("the table `{table}` in {} differs from the template ({what}); remove that folder to start afresh, or use --ephemeral", path.display())]
    TableChanged {
        /// The table.
        table: String,
        /// Where its data is.
        path: PathBuf,
        /// The property that differs.
        what: &'static str,
    },
    /// The system has no randomness.
    #[error("no randomness from the system: {0}")]
    Randomness(String),
    /// A background thread or server could not be started.
    #[error("cannot start {what}: {source}")]
    Thread {
        /// What could not be started.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// Source files cannot be watched.
    #[error("cannot watch the sources: {0}")]
    Watch(String),
}

impl StartError {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
