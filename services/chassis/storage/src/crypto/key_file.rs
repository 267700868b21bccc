//! Keys in a file of mode 0600, beside the databases and not inside them: one `name = hex` per line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use lutong_kernel::{Random, Secret};

/// A symmetric key of 256 bits.
pub type Key = Secret<[u8; 32]>;

#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("{path}: {reason}")]
    Io { path: PathBuf, reason: String },
    #[error("{path}: may be read by others (mode {mode:o}); make it 0600, or 0640 at the most")]
    Open { path: PathBuf, mode: u32 },
    #[error("{path}, line {line}: a line is `name = 64 hex digits`")]
    Shape { path: PathBuf, line: usize },
    #[error("{path}: the key {name:?} is missing")]
    Missing { path: PathBuf, name: String },
    #[error(
        "密钥文件{path}不存在：请从备份恢复；全新安装请运行 lutong keys init / the key file {path} is not there: restore it from its backup, or for a new installation run `lutong keys init`"
    )]
    Absent { path: PathBuf },
}

/// The named keys of one service.
#[derive(Debug, Clone)]
pub struct KeyFile {
    path: PathBuf,
    keys: BTreeMap<String, Key>,
}

impl KeyFile {
    /// Reads `path`, or creates the file with a new key for each of `names`. An existing file that lacks one of them is
    /// an error: a new key could not decrypt what the lost one encrypted.
    pub fn open(path: &Path, names: &[&str], random: &dyn Random) -> Result<Self, KeyFileError> {
        if !path.exists() {
            Self::create(path, names, random)?;
        }
        Self::open_existing(path, names)
    }

    /// Reads `path`; a missing file is an error.
    pub fn open_existing(path: &Path, names: &[&str]) -> Result<Self, KeyFileError> {
        if !path.exists() {
            return Err(KeyFileError::Absent {
                path: path.to_owned(),
            });
        }
        let this = Self::read(path)?;
        for name in names {
            this.key(name)?;
        }
        Ok(this)
    }

    fn create(path: &Path, names: &[&str], random: &dyn Random) -> Result<(), KeyFileError> {
        let io = |error: std::io::Error| KeyFileError::Io {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let mut text = String::new();
        for name in names {
            let _ = writeln!(text, "{name} = {}", hex(&random.bytes::<32>()));
        }
        if let Some(dir) = path.parent() {
            lutong_operating::private::create_folder(dir).map_err(io)?;
        }
        // Written to a temporary file, then hard-linked into place: nobody sees a half-written key file, and if two
        // processes start together, one wins and both read the same file.
        let mut suffix = [0_u8; 4];
        random.fill(&mut suffix);
        let beside = path.with_extension(format!("{}.new", hex(&suffix)));
        lutong_operating::private::write(&beside, text.as_bytes()).map_err(io)?;
        let linked = std::fs::hard_link(&beside, path);
        std::fs::remove_file(&beside).map_err(io)?;
        match linked {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(io(error)),
            _ => Ok(()),
        }
    }

    fn read(path: &Path) -> Result<Self, KeyFileError> {
        let io = |error: std::io::Error| KeyFileError::Io {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let mode = std::fs::metadata(path).map_err(io)?.permissions().mode() & 0o777;
        // The group may read: that is how Kubernetes mounts secrets into a pod that does not run as root.
        if mode & 0o037 != 0 {
            return Err(KeyFileError::Open {
                path: path.to_owned(),
                mode,
            });
        }
        let mut keys = BTreeMap::new();
        for (number, line) in std::fs::read_to_string(path).map_err(io)?.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let parsed = line
                .split_once('=')
                .and_then(|(name, hex)| Some((name.trim(), unhex(hex.trim())?)));
            let (name, key) = parsed.ok_or_else(|| KeyFileError::Shape {
                path: path.to_owned(),
                line: number + 1,
            })?;
            keys.insert(name.to_owned(), Secret::new(key));
        }
        Ok(Self {
            path: path.to_owned(),
            keys,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every key with its name, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Key)> {
        self.keys.iter().map(|(name, key)| (name.as_str(), key))
    }

    pub fn key(&self, name: &str) -> Result<Key, KeyFileError> {
        let missing = || KeyFileError::Missing {
            path: self.path.clone(),
            name: name.to_owned(),
        };
        self.keys.get(name).cloned().ok_or_else(missing)
    }

    /// Every key-encryption key, `kek.1`, `kek.2`, …; the highest is the current one.
    pub fn key_encryption_keys(&self) -> BTreeMap<u32, Key> {
        let numbered =
            |(name, key): (&String, &Key)| Some((name.strip_prefix("kek.")?.parse().ok()?, key.clone()));
        self.keys.iter().filter_map(numbered).collect()
    }
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut key = [0_u8; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lutong_kernel::random::SeededRandom;

    #[test]
    fn a_key_file_is_private_survives_reopening_and_is_never_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys/x.keys");
        let random = SeededRandom::new(1);
        let first = KeyFile::open(&path, &["kek.1", "index"], &random).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let second = KeyFile::open(&path, &["kek.1", "index"], &random).unwrap();
        assert_eq!(first.key("index").unwrap(), second.key("index").unwrap());
        assert!(matches!(
            KeyFile::open(&path, &["kek.1", "other"], &random),
            Err(KeyFileError::Missing { .. })
        ));
    }

    #[test]
    fn a_key_file_that_others_may_read_or_that_is_damaged_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.keys");
        let random = SeededRandom::new(1);
        KeyFile::open(&path, &["kek.1"], &random).unwrap();
        std::fs::write(&path, "kek.1 = 12\n").unwrap();
        assert!(matches!(
            KeyFile::open(&path, &[], &random),
            Err(KeyFileError::Shape { line: 1, .. })
        ));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(
            KeyFile::open(&path, &[], &random),
            Err(KeyFileError::Open { mode: 0o644, .. })
        ));
    }
}
