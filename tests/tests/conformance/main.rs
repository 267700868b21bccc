//! The conformance kit by its commands: against ourselves in both shapes, and against the mock.

#![allow(clippy::unwrap_used)]

mod by_command;
mod ourselves;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use lutong_kernel::random::SeededRandom;
use lutong_tests::process::binary;
use lutong_token::{Algorithm, SigningKey};

/// A folder with the files of a run.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Writes both halves of a key: `NAME.pem` and `NAME.pub`.
    fn write_key(&self, name: &str, key: &SigningKey) {
        self.write(&format!("{name}.pem"), key.to_pkcs8_pem().unwrap().expose());
        self.write(&format!("{name}.pub"), &key.verifying_key().to_pem().unwrap());
    }

    /// Runs `lutong federation …` in the folder.
    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(binary())
            .arg("federation")
            .args(arguments)
            .env("LANG", "C")
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }
}

fn key(seed: u64) -> SigningKey {
    SigningKey::generate(Algorithm::Ed25519, &SeededRandom::new(seed)).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn said(output: &Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}

fn report(folder: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(folder.join("report.json")).unwrap()).unwrap()
}
