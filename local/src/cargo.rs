//! Building the functions with cargo.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::error::StartError;
use crate::process::ProcessGroup;

/// What cargo sets for the programs that it runs, and a cargo below them must not see: crates with build scripts would
/// be compiled again because of it. What people set for cargo (`CARGO_HOME`, `CARGO_INCREMENTAL`, …) stays.
const SET_BY_CARGO: &[&str] = &[
    "CARGO",
    "CARGO_BIN_",
    "CARGO_CFG_",
    "CARGO_CRATE_NAME",
    "CARGO_FEATURE_",
    "CARGO_MAKEFLAGS",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_TMPDIR",
    "OUT_DIR",
];

/// The functions of a workspace, as cargo builds them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Cargo {
    pub(crate) root: PathBuf,
    pub(crate) release: bool,
    /// Packages, each with a binary of the same name.
    /// At least one: without a `--bin`, cargo would build everything there is.
    pub(crate) functions: Vec<String>,
}

/// The folders of packages.
#[derive(Debug)]
pub(crate) struct SourceFolders {
    /// The functions' packages and all packages of the workspace that they depend on.
    pub(crate) functions: Vec<PathBuf>,
    /// The local cloud's own package, if it belongs to the workspace.
    pub(crate) local: Option<PathBuf>,
}

/// The executables that a build made, by function.
pub(crate) type Artifacts = BTreeMap<String, PathBuf>;

impl Cargo {
    /// Builds the functions. Cargo's messages go to standard error. Dropping the future ends cargo and its compilers.
    pub(crate) async fn build(&self) -> Result<Artifacts, StartError> {
        let mut command = self.command();
        command.args(["build", "--message-format=json-render-diagnostics"]);
        if self.release {
            // Without the rest of the workspace: what it asks of common dependencies must not get into functions.
            command.arg("--release");
            command.args(self.functions.iter().flat_map(|name| ["--package", name]));
        } else {
            // With the whole workspace, so that features are the same as for its tests and nothing is built twice.
            command.arg("--workspace");
        }
        command.args(self.functions.iter().flat_map(|name| ["--bin", name]));

        let mut child = command.spawn().map_err(StartError::Cargo)?;
        let group = ProcessGroup::of(&child);
        let mut artifacts = Artifacts::new();
        if let Some(output) = child.stdout.take() {
            let mut lines = BufReader::new(output).lines();
            while let Some(line) = lines.next_line().await.map_err(StartError::Cargo)? {
                if let Some((name, executable)) = executable(&line) {
                    artifacts.insert(name, executable);
                }
            }
        }
        let status = child.wait().await.map_err(StartError::Cargo)?;
        group.forget();
        if !status.success() {
            return Err(StartError::Build);
        }
        match self.functions.iter().find(|name| !artifacts.contains_key(*name)) {
            Some(missing) => Err(StartError::NoSuchBinary(missing.clone())),
            None => Ok(artifacts),
        }
    }

    /// Like [`build`](Self::build), but a build that has succeeded in this process is not repeated.
    pub(crate) async fn build_once(&self) -> Result<Artifacts, StartError> {
        static BUILDS: Mutex<Option<HashMap<Cargo, Arc<OnceCell<Artifacts>>>>> = Mutex::new(None);
        let build = {
            let mut builds = BUILDS.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(builds.get_or_insert_default().entry(self.clone()).or_default())
        };
        build.get_or_try_init(|| self.build()).await.cloned()
    }

    /// Where the sources are.
    pub(crate) async fn source_folders(&self) -> Result<SourceFolders, StartError> {
        let mut command = self.command();
        command.args(["metadata", "--no-deps", "--format-version=1"]);
        let output = command.output().await.map_err(StartError::Cargo)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(StartError::Watch(format!("`cargo metadata` failed ({}): {}", output.status, said.trim())));
        }
        let metadata: Metadata =
            serde_json::from_slice(&output.stdout).map_err(|error| StartError::Watch(error.to_string()))?;
        Ok(SourceFolders {
            functions: metadata.folders_of(&self.functions),
            local: metadata.folders_of(&[env!("CARGO_PKG_NAME").to_owned()]).into_iter().next(),
        })
    }

    fn command(&self) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_set_by_cargo(name)) {
            command.env_remove(name);
        }
        command.current_dir(&self.root).stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0).kill_on_drop(true);
        command
    }
}

fn is_set_by_cargo(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    SET_BY_CARGO.iter().any(|set| if set.ends_with('_') { name.starts_with(set) } else { name == *set })
}

/// A line of cargo's JSON messages.
#[derive(Deserialize)]
struct Message {
    reason: String,
    executable: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// The binary that a message announces.
fn executable(line: &str) -> Option<(String, PathBuf)> {
    let message: Message = serde_json::from_str(line).ok()?;
    let target = message.target.filter(|target| target.kind.iter().any(|kind| kind == "bin"))?;
    (message.reason == "compiler-artifact").then_some((target.name, message.executable?))
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    /// The folder, if it is a package on this machine.
    path: Option<PathBuf>,
    /// `None` is a normal one.
    kind: Option<String>,
}

impl Metadata {
    fn folders_of(&self, functions: &[String]) -> Vec<PathBuf> {
        let folder = |package: &Package| package.manifest_path.parent().map(Path::to_owned);
        let starts = self.packages.iter().filter(|package| functions.contains(&package.name)).filter_map(folder);
        let mut found: Vec<PathBuf> = starts.collect();
        let mut next = 0;
        while let Some(current) = found.get(next).cloned() {
            let package = self.packages.iter().find(|package| folder(package).as_ref() == Some(&current));
            for dependency in package.iter().flat_map(|package| &package.dependencies) {
                let linked = dependency.kind.as_deref() != Some("dev");
                if let Some(path) = dependency.path.as_ref().filter(|path| linked && !found.contains(path)) {
                    found.push(path.clone());
                }
            }
            next += 1;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_an_outer_cargo_are_told_from_those_of_people() {
        for name in ["CARGO", "CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "CARGO_BIN_EXE_local", "OUT_DIR"] {
            assert!(is_set_by_cargo(OsStr::new(name)), "{name}");
        }
        for name in ["CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_INCREMENTAL", "RUSTFLAGS", "RUSTUP_TOOLCHAIN", "PATH"] {
            assert!(!is_set_by_cargo(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn executables_are_read_from_messages() {
        let line = r#"{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"items"},"executable":"/t/items"}"#;
        assert_eq!(executable(line), Some(("items".to_owned(), "/t/items".into())));
        let library = r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"items"},"executable":null}"#;
        assert_eq!(executable(library), None);
        assert_eq!(executable(r#"{"reason":"build-finished","success":true}"#), None);
        assert_eq!(executable("warning: not JSON"), None);
    }

    #[tokio::test]
    async fn what_cargo_says_about_a_faulty_manifest_is_passed_on() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("Cargo.toml"), "[no-such-table]\n").unwrap();
        let cargo = Cargo { root: folder.path().to_owned(), release: false, functions: Vec::new() };
        let error = cargo.source_folders().await.unwrap_err().to_string();
        assert!(error.starts_with("cannot watch the sources: `cargo metadata` failed (exit status: 101): "), "{error}");
        assert!(error.contains("Cargo.toml"), "{error}");
    }

    #[test]
    fn source_folders_follow_dependencies_within_the_workspace() {
        let metadata = r#"{"packages": [
            {"name": "items", "manifest_path": "/w/functions/items/Cargo.toml",
             "dependencies": [{"path": "/w/shared/http"}, {"path": null}]},
            {"name": "http", "manifest_path": "/w/shared/http/Cargo.toml", "dependencies": [{"path": "/w/shared/core"}, {"path": "/w/tests", "kind": "dev"}]},
            {"name": "core", "manifest_path": "/w/shared/core/Cargo.toml", "dependencies": []},
            {"name": "local", "manifest_path": "/w/local/Cargo.toml", "dependencies": [{"path": "/w/shared/core"}]}
        ]}"#;
        let metadata: Metadata = serde_json::from_str(metadata).unwrap();
        let folders = metadata.folders_of(&["items".to_owned()]);
        let expected: [PathBuf; 3] = ["/w/functions/items".into(), "/w/shared/http".into(), "/w/shared/core".into()];
        assert_eq!(folders, expected);
    }
}
