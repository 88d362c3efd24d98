//! Source changes: build again, and replace the functions whose executable changed.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Display, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::cargo::{Artifacts, Cargo};
use crate::console::{Console, seconds};
use crate::error::StartError;
use crate::executables::Executables;
use crate::functions::Pool;

/// A change is complete when nothing has followed it for this long; editors and version control write many files.
const QUIET: Duration = Duration::from_millis(200);

/// Files of the workspace's root and of its `.cargo` that decide how functions are built.
const BUILD_FILES: &[&str] =
    &["Cargo.lock", "Cargo.toml", "config.toml", "openapi.json", "rust-toolchain", "rust-toolchain.toml"];

/// The sources of a workspace.
#[derive(Debug)]
pub(crate) struct Sources {
    cargo: Cargo,
    template: PathBuf,
    /// The packages that functions are made of.
    folders: HashSet<PathBuf>,
    /// The package of the local cloud itself.
    local: Option<PathBuf>,
}

/// What a changed file calls for.
#[derive(Debug, PartialEq, Eq, Hash, Clone, Copy)]
enum Change {
    Build,
    /// It is read at the start only.
    Restart,
    Nothing,
}

impl Sources {
    pub(crate) fn new(cargo: Cargo, template: PathBuf) -> Self {
        Self { cargo, template, folders: HashSet::new(), local: None }
    }

    fn change(&self, path: &Path) -> Change {
        if path == self.template || path == self.cargo.root.join(".env") {
            return Change::Restart;
        }
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Change::Nothing };
        if path.parent() == Some(&self.cargo.root) || path.parent() == Some(&self.cargo.root.join(".cargo")) {
            return if BUILD_FILES.contains(&name) { Change::Build } else { Change::Nothing };
        }
        let functions = self.folders.iter().map(|folder| (folder, Change::Build));
        let mut packages = functions.chain(self.local.iter().map(|folder| (folder, Change::Restart)));
        let Some((inside, change)) =
            packages.find_map(|(folder, change)| Some((path.strip_prefix(folder).ok()?, change)))
        else {
            return Change::Nothing;
        };
        // Editors' temporary files, and what builds make.
        let hidden = inside.components().any(|part| part.as_os_str().to_string_lossy().starts_with('.'));
        if hidden || inside.starts_with("target") || name.ends_with('~') { Change::Nothing } else { change }
    }

    /// What people call the file.
    fn name<'p>(&self, path: &'p Path) -> Display<'p> {
        path.strip_prefix(&self.cargo.root).unwrap_or(path).display()
    }
}

/// Watched sources. What changes from here on is built, though what it replaces may not run yet.
pub(crate) struct Watch {
    sources: Sources,
    watcher: RecommendedWatcher,
    events: UnboundedReceiver<PathBuf>,
    console: Console,
}

/// What a build replaces.
pub(crate) struct Running {
    pub(crate) executables: Arc<Executables>,
    pub(crate) pools: HashMap<String, Arc<Pool>>,
}

impl Watch {
    /// Begins to watch, before the first build, which takes minutes: what is saved meanwhile counts too.
    pub(crate) async fn begin(mut sources: Sources, console: Console) -> Result<Self, StartError> {
        let fault = |error: notify::Error| StartError::Watch(error.to_string());
        // Events carry real paths.
        sources.cargo.root = real(&sources.cargo.root);
        sources.template = real(&sources.template);
        let (sender, events) = mpsc::unbounded_channel();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if !matches!(event.kind, EventKind::Access(_)) {
                event.paths.into_iter().for_each(|path| drop(sender.send(path)));
            }
        })
        .map_err(fault)?;
        watcher.watch(&sources.cargo.root, RecursiveMode::NonRecursive).map_err(fault)?;
        let config = sources.cargo.root.join(".cargo");
        let template = sources.template.parent().filter(|folder| *folder != sources.cargo.root);
        for folder in template.into_iter().chain(config.is_dir().then_some(config.as_path())) {
            watcher.watch(folder, RecursiveMode::NonRecursive).map_err(fault)?;
        }
        let mut watch = Self { sources, watcher, events, console };
        watch.follow_packages().await?;
        Ok(watch)
    }

    /// Builds what changes and replaces what runs. Ends when the future is dropped, together with a build that is under
    /// way.
    pub(crate) async fn run(mut self, running: Running) {
        // What changes during a build stays in the channel and is built after it.
        while let Some(first) = self.events.recv().await {
            if self.sources.change(&first) == Change::Nothing {
                continue;
            }
            let mut paths = BTreeSet::from([first]);
            while let Ok(Some(next)) = tokio::time::timeout(QUIET, self.events.recv()).await {
                paths.insert(next);
            }
            let of = |wanted: Change| paths.iter().find(|path| self.sources.change(path) == wanted);
            if let Some(path) = of(Change::Restart) {
                let name = self.sources.name(path);
                self.console.say(format!("{name} changed: restart the local cloud to apply it"));
            }
            if let Some(path) = of(Change::Build) {
                self.console.say(format!("{} changed; building", self.sources.name(path)));
                self.rebuild(&running).await;
            }
        }
    }

    async fn rebuild(&mut self, running: &Running) {
        let began = Instant::now();
        let result = match self.sources.cargo.build().await {
            Ok(artifacts) => running.replace(artifacts).await,
            Err(error) => Err(error),
        };
        match result {
            Ok(replaced) if replaced.is_empty() => self.console.say("no function changed"),
            Ok(replaced) => {
                self.console.say(format!("replaced {} after {}", replaced.join(", "), seconds(began.elapsed())));
            }
            Err(error) => self.console.say(format!("{error}; the functions stay as they are")),
        }
        if let Err(error) = self.follow_packages().await {
            self.console.say(error.to_string());
        }
    }

    /// Watches the packages that the functions consist of now: a manifest may have brought another one.
    async fn follow_packages(&mut self) -> Result<(), StartError> {
        let fault = |error: notify::Error| StartError::Watch(error.to_string());
        let found = self.sources.cargo.source_folders().await?;
        let folders: HashSet<PathBuf> = found.functions.iter().map(|folder| real(folder)).collect();
        for folder in folders.difference(&self.sources.folders) {
            self.watcher.watch(folder, RecursiveMode::Recursive).map_err(fault)?;
        }
        for folder in self.sources.folders.difference(&folders) {
            let _ = self.watcher.unwatch(folder);
        }
        self.sources.folders = folders;
        if self.sources.local.is_none()
            && let Some(folder) = found.local
        {
            let folder = real(&folder);
            self.watcher.watch(&folder, RecursiveMode::Recursive).map_err(fault)?;
            self.sources.local = Some(folder);
        }
        Ok(())
    }
}

impl Running {
    /// Puts the executables that changed to work. Returns the functions' names. What could be copied is used, also if
    /// something else could not.
    async fn replace(&self, artifacts: Artifacts) -> Result<Vec<String>, StartError> {
        let executables = Arc::clone(&self.executables);
        let copying = tokio::task::spawn_blocking(move || {
            let update = |(name, artifact): (String, PathBuf)| match executables.update(&name, &artifact) {
                Ok(path) => Ok(path.map(|path| (name, path))),
                Err(error) => Err(StartError::file(artifact)(error)),
            };
            artifacts.into_iter().map(update).collect::<Vec<_>>()
        });
        let updates = copying.await.map_err(|error| StartError::Watch(error.to_string()))?;
        let (mut replaced, mut failure) = (Vec::new(), None);
        for update in updates {
            match update {
                Ok(Some((name, path))) => {
                    if let Some(pool) = self.pools.get(&name) {
                        pool.replace(path);
                        replaced.push(name);
                    }
                }
                Ok(None) => {}
                Err(error) => failure = Some(error),
            }
        }
        self.executables.remove_replaced();
        failure.map_or(Ok(replaced), Err)
    }
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_apart() {
        let cargo = Cargo { root: "/w".into(), release: false, functions: Vec::new() };
        let mut sources = Sources::new(cargo, "/w/template.yaml".into());
        sources.folders.insert("/w/functions/items".into());
        sources.local = Some("/w/local".into());
        for (path, change) in [
            ("/w/functions/items/src/main.rs", Change::Build),
            ("/w/functions/items/Cargo.toml", Change::Build),
            ("/w/functions/items/src/words.txt", Change::Build),
            ("/w/functions/items/src/.main.rs.swp", Change::Nothing),
            ("/w/functions/items/src/main.rs~", Change::Nothing),
            ("/w/functions/items/target/debug/items", Change::Nothing),
            ("/w/Cargo.lock", Change::Build),
            ("/w/.cargo/config.toml", Change::Build),
            ("/w/template.yaml", Change::Restart),
            ("/w/local/src/main.rs", Change::Restart),
            ("/w/.env", Change::Restart),
            ("/w/README.md", Change::Nothing),
            ("/w/tests/src/lib.rs", Change::Nothing),
            ("/w/.local/dynamodb.sqlite-wal", Change::Nothing),
        ] {
            assert_eq!(sources.change(Path::new(path)), change, "{path}");
        }
    }
}
