//! Source changes: build again, and replace the functions whose executable changed.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Display, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::task::JoinHandle;

use crate::cargo::{Artifacts, Cargo};
use crate::console::{Console, seconds};
use crate::error::StartError;
use crate::executables::Executables;
use crate::functions::Pool;

/// A change is complete when nothing has followed it for this long; editors and version control write many files.
const QUIET: Duration = Duration::from_millis(200);

/// Files of the workspace's root and of its `.cargo` that decide how functions are built.
const BUILD_FILES: &[&str] = &["Cargo.lock", "Cargo.toml", "config.toml", "rust-toolchain", "rust-toolchain.toml"];

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

/// Starts watching. The task ends when it is aborted, together with a build that is under way.
pub(crate) async fn start(
    mut sources: Sources,
    executables: Arc<Executables>,
    pools: HashMap<String, Arc<Pool>>,
    console: Console,
) -> Result<JoinHandle<()>, StartError> {
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
    let mut watch = Watch { sources, executables, pools, console, watcher };
    watch.follow_packages().await?;
    Ok(tokio::spawn(watch.run(events)))
}

struct Watch {
    sources: Sources,
    executables: Arc<Executables>,
    pools: HashMap<String, Arc<Pool>>,
    console: Console,
    watcher: RecommendedWatcher,
}

impl Watch {
    async fn run(mut self, mut events: UnboundedReceiver<PathBuf>) {
        // What changes during a build stays in the channel and is built after it.
        while let Some(first) = events.recv().await {
            if self.sources.change(&first) == Change::Nothing {
                continue;
            }
            let mut paths = BTreeSet::from([first]);
            while let Ok(Some(next)) = tokio::time::timeout(QUIET, events.recv()).await {
                paths.insert(next);
            }
            let of = |wanted: Change| paths.iter().find(|path| self.sources.change(path) == wanted);
            if let Some(path) = of(Change::Restart) {
                let name = self.sources.name(path);
                self.console.say(format!("{name} changed: restart the local cloud to apply it"));
            }
            if let Some(path) = of(Change::Build) {
                self.console.say(format!("{} changed; building", self.sources.name(path)));
                self.rebuild().await;
            }
        }
    }

    async fn rebuild(&mut self) {
        let began = Instant::now();
        let result = match self.sources.cargo.build().await {
            Ok(artifacts) => self.replace(artifacts).await,
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

    /// Puts the executables that changed to work. Returns the functions' names.
    async fn replace(&self, artifacts: Artifacts) -> Result<Vec<String>, StartError> {
        let executables = Arc::clone(&self.executables);
        let copying = tokio::task::spawn_blocking(move || {
            let mut updated = Vec::new();
            for (name, artifact) in artifacts {
                let path = executables.update(&name, &artifact).map_err(StartError::file(artifact))?;
                updated.extend(path.map(|path| (name, path)));
            }
            Ok::<_, StartError>(updated)
        });
        let updated = copying.await.map_err(|error| StartError::Watch(error.to_string()))??;
        let mut replaced = Vec::new();
        for (name, path) in updated {
            if let Some(pool) = self.pools.get(&name) {
                pool.replace(path);
                replaced.push(name);
            }
        }
        self.executables.remove_replaced();
        Ok(replaced)
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
