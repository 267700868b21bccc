//! Folders and files accessible to their owner only: databases, keys.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

const FOLDER: u32 = 0o700;
const FILE: u32 = 0o600;

/// Creates a folder and its missing parents with mode 0700. An existing folder is left as it is.
pub fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER).create(path)
}

/// Removes the permissions of group and others from a folder and its files, left by an older version or a loose umask.
/// Returns the paths it changed.
pub fn tighten(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut changed = Vec::new();
    tighten_one(folder, FOLDER, &mut changed)?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // A symlink is deliberate; its target is outside this folder.
        if entry.file_type()?.is_file() {
            match tighten_one(&entry.path(), FILE, &mut changed) {
                // SQLite may remove a journal file meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                done => done?,
            }
        }
    }
    Ok(changed)
}

/// Like [`tighten`], for the folder only.
pub fn tighten_folder(folder: &Path) -> io::Result<Option<PathBuf>> {
    let mut changed = Vec::new();
    tighten_one(folder, FOLDER, &mut changed)?;
    Ok(changed.pop())
}

fn tighten_one(path: &Path, most: u32, changed: &mut Vec<PathBuf>) -> io::Result<()> {
    let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
    if mode & !most != 0 {
        std::fs::set_permissions(path, Permissions::from_mode(mode & most))?;
        changed.push(path.to_owned());
    }
    Ok(())
}

/// Creates an empty file with mode 0600 if there is none, so that whatever opens it later, and the files that SQLite
/// creates beside it with the same mode, are private from the first byte.
pub fn touch(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE)
        .open(path);
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Creates a file that only its owner may read.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_made_is_private_and_what_was_wide_is_tightened_once() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, file) = (dir.path().join("a/b"), dir.path().join("a/b/x.db"));
        create_folder(&folder).unwrap();
        touch(&file).unwrap();
        assert_eq!(
            (mode(&folder), mode(folder.parent().unwrap()), mode(&file)),
            (0o700, 0o700, 0o600)
        );
        std::fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(tighten(&folder).unwrap(), [folder.clone(), file.clone()]);
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
        assert!(tighten(&folder).unwrap().is_empty());
        std::fs::write(&file, "kept").unwrap();
        touch(&file).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept");
    }
}
