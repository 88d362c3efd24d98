//! How a local cloud is started.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::console::Console;

/// What a [`Cloud`](crate::Cloud) is started with. Begin with [`CloudOptions::persistent`] or
/// [`CloudOptions::ephemeral`].
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own, as on the command line")]
pub struct CloudOptions {
    /// The workspace that the functions belong to.
    pub root: PathBuf,
    /// The template, relative to `root` or absolute.
    pub template: PathBuf,
    /// Where the HTTP API listens; 0 is any free port.
    pub http_port: u16,
    /// Where the AWS services listen; 0 is any free port.
    pub aws_port: u16,
    /// Where data and secrets are kept, relative to `root`; `None` keeps nothing.
    pub data_dir: Option<PathBuf>,
    /// Whether the functions are built with `--release`.
    pub release: bool,
    /// Whether functions get `STRICT_LIMITS=true`, with which they limit rates as in production, or `false`.
    pub strict_limits: bool,
    /// Whether a `.env` file in `root` replaces values of the functions' environment variables.
    pub dotenv: bool,
    /// Whether changed sources are built again and replace the functions.
    pub watch: bool,
    /// Values that replace those of the functions' environment variables of the same name. They win over `.env`.
    pub overrides: BTreeMap<String, String>,
    /// How many sandboxes a function may have.
    pub max_sandboxes: usize,
    /// Where the local cloud says what it does.
    pub console: Console,
}

impl CloudOptions {
    /// The port of the HTTP API.
    pub const HTTP_PORT: u16 = 8000;
    /// The port of the WebSocket API.
    pub const WS_PORT: u16 = 8001;
    /// The port of the AWS services.
    pub const AWS_PORT: u16 = 4566;
    /// How many sandboxes a function may have.
    pub const MAX_SANDBOXES: usize = 8;

    /// A cloud for working with: well-known ports, data in `.local`, sources watched.
    pub fn persistent(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            template: "template.yaml".into(),
            http_port: Self::HTTP_PORT,
            aws_port: Self::AWS_PORT,
            data_dir: Some(".local".into()),
            release: false,
            strict_limits: false,
            dotenv: true,
            watch: true,
            overrides: BTreeMap::new(),
            max_sandboxes: Self::MAX_SANDBOXES,
            console: Console::Stdout,
        }
    }

    /// A cloud for a test: free ports, nothing kept, nothing printed. Many can run at once; they build once.
    pub fn ephemeral(root: impl Into<PathBuf>) -> Self {
        Self {
            http_port: 0,
            aws_port: 0,
            data_dir: None,
            dotenv: false,
            watch: false,
            console: Console::Quiet,
            ..Self::persistent(root)
        }
    }
}
