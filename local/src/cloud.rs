//! The local cloud as a whole: how it starts, what it consists of, how it ends.

use std::collections::{BTreeMap, HashMap};
use std::fs::{DirBuilder, File, TryLockError};
use std::net::TcpListener as StdListener;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::aws::{EmbeddedAws, Faults, Storage};
use crate::cargo::{Artifacts, Cargo};
use crate::console::{Console, seconds};
use crate::environment::{self, Overrides};
use crate::error::StartError;
use crate::executables::Executables;
use crate::functions::{FunctionConfig, Pool};
use crate::gateway::Gateway;
use crate::inspect::Inspector;
use crate::invocations::Invocations;
use crate::mail::{CapturedMail, Mailbox};
use crate::options::CloudOptions;
use crate::secrets::Secrets;
use crate::server;
use crate::sources::{self, EventSources, Invoker, QueuePoller, ScheduleError, Schedules};
use crate::template::{Template, TemplateError};
use crate::topics::{Publications, Topics};
use crate::watch::{Running, Sources, Watch};

/// A running local cloud.
///
/// [`stop`](Self::stop) ends it in order. Dropping it kills what it runs.
pub struct Cloud {
    http_url: String,
    aws: EmbeddedAws,
    /// By function, then by variable.
    variables: BTreeMap<String, BTreeMap<String, String>>,
    pools: Vec<Arc<Pool>>,
    schedules: Arc<Schedules>,
    sources: EventSources,
    gateway: JoinHandle<()>,
    watcher: Option<JoinHandle<()>>,
    _executables: Arc<Executables>,
    _data_dir: Option<DataDir>,
}

/// Without the functions' variables, which hold secrets.
impl std::fmt::Debug for Cloud {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Cloud").field("http_url", &self.http_url).finish_non_exhaustive()
    }
}

impl Cloud {
    /// Builds the functions and starts everything. When this returns, requests are answered.
    ///
    /// Dropping the future gives the start up; nothing it started is left behind.
    pub async fn start(options: CloudOptions) -> Result<Self, StartError> {
        let began = Instant::now();
        let console = options.console;
        let template = load(&options)?;
        if template.functions().is_empty() {
            return Err(TemplateError::NoFunction.into());
        }
        let names: Vec<String> = template.functions().iter().map(|function| function.name().to_owned()).collect();
        let dotenv = options.dotenv.then(|| options.root.join(".env"));
        let overrides = Overrides::read(dotenv.as_deref(), &options.overrides)?;

        let http = server::bind(options.http_port, "--http-port")?;
        let aws = server::bind(options.aws_port, "--aws-port")?;
        let data_dir = options.data_dir.as_ref().map(|folder| DataDir::lock(options.root.join(folder))).transpose()?;
        let secrets = match &data_dir {
            Some(data_dir) => Secrets::kept_in(&data_dir.path.join("secrets"), template.secrets())?,
            None => Secrets::ephemeral(template.secrets())?,
        };

        let cargo = Cargo { root: options.root.clone(), release: options.release, functions: names };
        let watch = if options.watch {
            let sources = Sources::new(cargo.clone(), options.root.join(&options.template));
            Some(Watch::begin(sources, console).await?)
        } else {
            None
        };
        let artifacts = build(&cargo, &options).await?;
        let share = !options.watch;
        let executables =
            blocking(
                move || {
                    if share { Executables::shared(&artifacts) } else { Executables::copy(&artifacts).map(Arc::new) }
                },
            )
            .await?;

        let storage = data_dir.as_ref().map_or(Storage::Memory, |data_dir| Storage::Folder(data_dir.path.clone()));
        let (topics, publications) = Topics::new();
        let (template, aws) = blocking(move || {
            let aws = EmbeddedAws::start_with(Some(aws), &storage, &template, &topics)?;
            Ok((template, aws))
        })
        .await?;
        describe_data(console, &template, data_dir.as_ref());
        for name in overrides.effective(template.functions()) {
            console.say(format!("{name} is set by .env or the caller, not by the template"));
        }

        let mut variables = BTreeMap::new();
        let mut pools = HashMap::new();
        for function in template.functions() {
            let name = function.name();
            let executable = executables.path(name).ok_or_else(|| StartError::NoSuchBinary(name.to_owned()))?;
            let own = environment::variables(function, aws.url(), &secrets, &overrides);
            let config = FunctionConfig {
                name: name.to_owned(),
                arn: function.arn(),
                timeout: function.timeout(),
                environment: environment::complete(function, &own, aws.url(), options.strict_limits),
                max_sandboxes: options.max_sandboxes.max(1),
            };
            variables.insert(name.to_owned(), own);
            pools.insert(name.to_owned(), Pool::new(config, executable, console));
        }

        let port = http.local_addr().map(|address| address.port()).unwrap_or_default();
        let in_order: Vec<_> =
            template.functions().iter().filter_map(|function| pools.get(function.name()).cloned()).collect();
        let invocations = Arc::new(Invocations::default());
        let invoker = Invoker::new(Arc::clone(&invocations), console, template.functions(), aws.queues());
        let schedules =
            Arc::new(Schedules::new(template.schedules(), |function| pools.get(function).cloned(), &invoker));
        let sources = event_sources(&template, &aws, &pools, publications, &schedules, &invoker);
        let inspector = Arc::new(Inspector {
            functions: in_order.clone(),
            aws_url: aws.url().to_owned(),
            invocations,
            queues: Arc::clone(aws.queues()),
            schedules: Arc::clone(&schedules),
            mailbox: aws.mailbox().clone(),
        });
        let gateway = Gateway::new(template.routes().clone(), pools.clone(), inspector, console, port);
        let listener = listener(http, options.http_port)?;
        let running = Running { executables: Arc::clone(&executables), pools };
        let cloud = Self {
            http_url: format!("http://127.0.0.1:{port}"),
            variables,
            pools: in_order,
            schedules,
            sources,
            gateway: tokio::spawn(gateway.serve(listener)),
            watcher: watch.map(|watch| tokio::spawn(watch.run(running))),
            aws,
            _executables: executables,
            _data_dir: data_dir,
        };
        cloud.announce(console, began);
        Ok(cloud)
    }

    /// Where the HTTP API answers: `http://127.0.0.1:PORT`.
    pub fn http_url(&self) -> &str {
        &self.http_url
    }

    /// Where the AWS services answer: `http://127.0.0.1:PORT`.
    pub fn aws_url(&self) -> &str {
        self.aws.url()
    }

    /// The mails that were sent, in their order.
    pub fn mail(&self) -> Vec<CapturedMail> {
        self.aws.mail()
    }

    /// Where these mails are, to wait for them or to forget them.
    pub fn mailbox(&self) -> &Mailbox {
        self.aws.mailbox()
    }

    /// The value of an environment variable that the template gives `function`, for example a generated password.
    pub fn environment(&self, function: &str, name: &str) -> Option<&str> {
        self.variables.get(function)?.get(name).map(String::as_str)
    }

    /// What goes wrong with the calls of functions to AWS, for tests.
    pub fn faults(&self) -> &Faults {
        self.aws.faults()
    }

    /// Runs the schedule of `function` now, and returns the function's answer when it has ended.
    pub async fn run_schedule(&self, function: &str) -> Result<serde_json::Value, ScheduleError> {
        self.schedules.run(function).await
    }

    /// Ends everything: first the gateway and the other sources of events, with what they have begun, then the
    /// functions' processes, asked before they are killed, then the services.
    pub async fn stop(mut self) {
        self.gateway.abort();
        let _ = (&mut self.gateway).await;
        if let Some(mut watcher) = self.watcher.take() {
            watcher.abort();
            // Waiting for it ends a build that is under way.
            let _ = (&mut watcher).await;
        }
        std::mem::take(&mut self.sources).stop().await;
        futures_util::future::join_all(self.pools.iter().map(|pool| pool.close())).await;
    }

    fn announce(&self, console: Console, began: Instant) {
        console.say(format!("HTTP API      {}", self.http_url));
        console.say(format!("AWS services  {} (DynamoDB, SQS, SES; any credentials)", self.aws_url()));
        console.say(format!("look inside   {}/_local/", self.http_url));
        console.say(format!("mail          {}/_local/mail", self.http_url));
        let admin = self
            .variables
            .values()
            .find_map(|variables| Some((variables.get("FIRST_ADMIN_EMAIL")?, variables.get("FIRST_ADMIN_PASSWORD")?)));
        if let Some((email, password)) = admin {
            console.say(format!("first admin   {email} / {password}"));
        }
        console.say(format!("ready after {}; Ctrl-C ends it", seconds(began.elapsed())));
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.gateway.abort();
        if let Some(watcher) = &self.watcher {
            watcher.abort();
        }
        self.pools.iter().for_each(|pool| pool.kill());
    }
}

/// Starts what invokes functions beside the gateway.
fn event_sources(
    template: &Template,
    aws: &EmbeddedAws,
    pools: &HashMap<String, Arc<Pool>>,
    publications: Publications,
    schedules: &Schedules,
    invoker: &Invoker,
) -> EventSources {
    let mut sources = EventSources::default();
    for source in template.queue_sources().iter().filter(|source| source.enabled()) {
        if let (Some(queue), Some(pool)) = (aws.queues().get(source.queue()), pools.get(source.function())) {
            let (source, queue, pool) = (source.clone(), Arc::clone(queue), Arc::clone(pool));
            let poller = QueuePoller { source, queue, pool, invoker: invoker.clone() };
            sources.run(|stop| poller.run(stop));
        }
    }
    for schedule in schedules.enabled() {
        sources.run(|stop| Arc::clone(schedule).run(stop));
    }
    let subscriptions = template.subscriptions().iter();
    let subscriptions =
        subscriptions.filter_map(|one| Some((one.clone(), Arc::clone(pools.get(one.function())?)))).collect();
    sources.run(|stop| sources::deliver(publications, subscriptions, invoker.clone(), stop));
    sources
}

/// The folder that a cloud keeps its data in, to itself.
#[derive(Debug)]
struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    fn lock(path: PathBuf) -> Result<Self, StartError> {
        // Its owner's alone: the tables hold what people entrusted to the API.
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(StartError::file(&path))?;
        let file = path.join("lock");
        let lock = File::create(&file).map_err(StartError::file(&file))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StartError::DataDirInUse(path)),
            Err(TryLockError::Error(source)) => Err(StartError::File { path: file, source }),
        }
    }
}

fn load(options: &CloudOptions) -> Result<Template, StartError> {
    let path = options.root.join(&options.template);
    // Messages call it what people call it, wherever they are.
    let text =
        std::fs::read_to_string(&path).map_err(|source| TemplateError::Unreadable { path: path.clone(), source })?;
    let template = Template::parse(&text, &options.template)?;
    options.console.say(format!(
        "{}: {}, {}, {}, {}, {}",
        options.template.display(),
        count(template.functions().len(), "function"),
        count(template.routes().iter().count(), "route"),
        count(template.tables().len(), "table"),
        count(template.queues().len(), "queue"),
        count(template.secrets().len(), "secret"),
    ));
    Ok(template)
}

async fn build(cargo: &Cargo, options: &CloudOptions) -> Result<Artifacts, StartError> {
    let console = options.console;
    let began = Instant::now();
    let profile = if options.release { "release" } else { "debug" };
    console.say(format!("building {} ({profile})", cargo.functions.join(", ")));
    // Whoever watches sources wants to see their latest state; tests agree on one.
    let artifacts = if options.watch { cargo.build().await? } else { cargo.build_once().await? };
    console.say(format!("built after {}", seconds(began.elapsed())));
    Ok(artifacts)
}

fn describe_data(console: Console, template: &Template, data_dir: Option<&DataDir>) {
    let place = match data_dir {
        Some(data_dir) => format!("kept in {}", data_dir.path.display()),
        None => "kept in memory only".to_owned(),
    };
    let tables: Vec<&str> = template.tables().iter().map(crate::template::Table::name).collect();
    console.say(format!("DynamoDB has {}; data is {place}", tables.join(", ")));
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn listener(listener: StdListener, port: u16) -> Result<TcpListener, StartError> {
    TcpListener::from_std(listener).map_err(|source| StartError::Listen { port, option: "--http-port", source })
}

/// Runs what would hold up other tasks.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StartError> + Send + 'static,
) -> Result<T, StartError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| StartError::Thread {
        what: "a part of the local cloud",
        source: std::io::Error::other(error),
    })?
}

/// The nearest folder at or above `from` that has the file `template`.
pub fn workspace_root(from: &Path, template: &Path) -> Option<PathBuf> {
    from.ancestors().find(|folder| folder.join(template).is_file()).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::CloudOptions;

    #[test]
    fn a_template_may_lie_outside_of_the_workspace() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("variant.yaml");
        std::fs::write(&path, "Resources:\n  Jobs: { Type: 'AWS::SQS::Queue' }\n").unwrap();
        let options = CloudOptions { template: path, ..CloudOptions::ephemeral("/nowhere") };
        assert_eq!(load(&options).unwrap().queues().len(), 1);
    }
}
