//! Private copies of the functions' executables: the next build must not pull a file from under a cold start.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;

use crate::cargo::Artifacts;
use crate::error::StartError;

const FOLDER_PREFIX: &str = "local-functions-";

/// Whoever holds this file's lock uses the folder; without a holder it is left over from a process that was killed.
const LOCK_FILE: &str = "lock";

/// A folder with copies, beside the originals, because executables may run there. It is removed at the end.
#[derive(Debug)]
pub(crate) struct Executables {
    folder: TempDir,
    _lock: File,
    current: Mutex<BTreeMap<String, Copy>>,
}

#[derive(Debug, Clone)]
struct Copy {
    path: PathBuf,
    generation: u64,
}

impl Executables {
    /// Copies `artifacts`.
    pub(crate) fn copy(artifacts: &Artifacts) -> Result<Self, StartError> {
        let place = artifacts.values().find_map(|path| path.parent()).unwrap_or(Path::new("."));
        remove_left_over(place);
        let folder =
            tempfile::Builder::new().prefix(FOLDER_PREFIX).tempdir_in(place).map_err(StartError::file(place))?;
        let lock = lock(folder.path()).map_err(StartError::file(folder.path()))?;
        let executables = Self { folder, _lock: lock, current: Mutex::default() };
        for (name, artifact) in artifacts {
            executables.update(name, artifact).map_err(StartError::file(artifact))?;
        }
        Ok(executables)
    }

    /// Copies `artifacts`, or shares a copy that this process has of them.
    pub(crate) fn shared(artifacts: &Artifacts) -> Result<Arc<Self>, StartError> {
        static SHARED: Mutex<Vec<(Artifacts, Weak<Executables>)>> = Mutex::new(Vec::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.retain(|(_, copies)| copies.strong_count() > 0);
        let existing = shared.iter().find(|(of, _)| of == artifacts).and_then(|(_, copies)| copies.upgrade());
        if let Some(existing) = existing {
            return Ok(existing);
        }
        let copies = Arc::new(Self::copy(artifacts)?);
        shared.push((artifacts.clone(), Arc::downgrade(&copies)));
        Ok(copies)
    }

    /// The copy that the function runs from.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).get(name).map(|copy| copy.path.clone())
    }

    /// Copies `artifact` if its content differs from the function's copy. Returns the new copy's path then.
    pub(crate) fn update(&self, name: &str, artifact: &Path) -> io::Result<Option<PathBuf>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let previous = current.get(name).cloned();
        if let Some(previous) = &previous
            && same_content(&previous.path, artifact)?
        {
            return Ok(None);
        }
        let generation = previous.map_or(1, |previous| previous.generation + 1);
        let path = self.folder.path().join(format!("{name}-{generation}"));
        std::fs::copy(artifact, &path)?;
        current.insert(name.to_owned(), Copy { path: path.clone(), generation });
        Ok(Some(path))
    }

    /// Removes the copies that nothing starts from any more.
    pub(crate) fn remove_replaced(&self) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(entries) = std::fs::read_dir(self.folder.path()) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let is_lock = path.file_name().is_some_and(|name| name == LOCK_FILE);
            if !is_lock && !current.values().any(|copy| copy.path == path) {
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

fn lock(folder: &Path) -> io::Result<File> {
    // It gets its name when it is locked already, so that nobody takes it for left over.
    let unnamed = folder.join("lock.new");
    let file = File::create(&unnamed)?;
    file.lock()?;
    std::fs::rename(unnamed, folder.join(LOCK_FILE))?;
    Ok(file)
}

fn remove_left_over(place: &Path) {
    let Ok(entries) = std::fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(FOLDER_PREFIX) {
            continue;
        }
        // A folder without a lock file is just being made by somebody else.
        let left_over = File::open(entry.path().join(LOCK_FILE)).is_ok_and(|lock| lock.try_lock().is_ok());
        if left_over {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn same_content(a: &Path, b: &Path) -> io::Result<bool> {
    let (a, b) = (File::open(a)?, File::open(b)?);
    if a.metadata()?.len() != b.metadata()?.len() {
        return Ok(false);
    }
    let (mut a, mut b) = (BufReader::new(a), BufReader::new(b));
    let (mut left, mut right) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let length = a.read(&mut left)?;
        if length == 0 {
            return Ok(true);
        }
        let (Some(left), Some(right)) = (left.get(..length), right.get_mut(..length)) else { return Ok(false) };
        b.read_exact(right)?;
        if left != right {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(folder: &Path, content: &str) -> Artifacts {
        let path = folder.join("items");
        std::fs::write(&path, content).unwrap();
        Artifacts::from([("items".to_owned(), path)])
    }

    #[test]
    fn only_a_changed_executable_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let artifacts = artifact(folder.path(), "one");
        let original = &artifacts["items"];
        let copies = Executables::copy(&artifacts).unwrap();
        let first = copies.path("items").unwrap();
        assert_eq!(copies.update("items", original).unwrap(), None);

        std::fs::write(original, "two").unwrap();
        let second = copies.update("items", original).unwrap().unwrap();
        assert_eq!(std::fs::read_to_string(&first).unwrap(), "one");
        assert_eq!(std::fs::read_to_string(&second).unwrap(), "two");
        copies.remove_replaced();
        assert!(!first.exists() && second.exists());
    }

    #[test]
    fn a_process_shares_copies_and_the_last_user_removes_them() {
        let folder = tempfile::tempdir().unwrap();
        let artifacts = artifact(folder.path(), "one");
        let (a, b) = (Executables::shared(&artifacts).unwrap(), Executables::shared(&artifacts).unwrap());
        assert!(Arc::ptr_eq(&a, &b));
        let path = a.path("items").unwrap();
        drop((a, b));
        assert!(!path.exists());
    }

    #[test]
    fn what_a_killed_process_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join("local-functions-old");
        std::fs::create_dir(&left).unwrap();
        drop(lock(&left).unwrap());
        let artifacts = artifact(folder.path(), "one");
        let first = Executables::copy(&artifacts).unwrap();
        assert!(!left.exists());
        let _second = Executables::copy(&artifacts).unwrap();
        assert!(first.path("items").unwrap().exists());
    }
}
