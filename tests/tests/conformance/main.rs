//! The conformance kit by its commands: against ourselves in both shapes, and against the mock.

#![allow(clippy::unwrap_used)]

mod by_command;
mod origin;
mod ourselves;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use lutong_federation::trust_list::{of_one_partner, sign};
use lutong_kernel::Timestamp;
use lutong_kernel::random::SeededRandom;
use lutong_tests::instants::now;
use lutong_tests::mesh::Mesh;
use lutong_tests::people::request_id;
use lutong_tests::process::binary;
use lutong_token::{Algorithm, Issuer, SigningKey};
use serde_json::{Value, json};

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

    /// Starts a mock of `jiangsu.toml` that answers Shandong, at this address.
    fn mock_at(&self, listen: &str, more: &[&str]) -> MockProcess {
        let mut child = Command::new(binary())
            .args([
                "federation",
                "mock",
                "--declaration",
                "jiangsu.toml",
                "--key",
                "jiangsu.pem",
            ])
            .args([
                "--partner",
                "37",
                "--partner-key",
                "shandong.pub",
                "--listen",
                listen,
            ])
            .args(more)
            .current_dir(self.folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        MockProcess {
            child,
            address: line.trim().to_owned(),
        }
    }

    fn mock(&self, more: &[&str]) -> MockProcess {
        self.mock_at("127.0.0.1:0", more)
    }
}

/// A mock that ends with its test.
struct MockProcess {
    child: Child,
    address: String,
}

impl Drop for MockProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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

fn report(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("report.json")).unwrap()).unwrap()
}

async fn operate(mesh: &Mesh, operator: &str, path: &str, body: Value) -> Value {
    let session = mesh.gateway.session(operator).await;
    let answer = mesh.gateway.call(Method::POST, path, Some(&session), Some(body));
    answer.await.unwrap().expect()
}

/// Two operators bring a list into force in which Jiangsu stands with these fields, and one key.
async fn agree(mesh: &Mesh, fields: &str) {
    let since = Timestamp::parse("2022-01-01T00:00:00+08:00").unwrap();
    let jiangsu = (Issuer::parse("32").unwrap(), "江苏省");
    let list = of_one_partner("conformance", jiangsu, mesh.partner.verifying_key(), since).unwrap();
    let list =
        list.replacen("name = ", &format!("{fields}\nname = "), 1) + "purposes = [\"CODES\", \"MESSAGES\"]\n";
    let (from, until) = (now().plus_seconds(-60), now().plus_seconds(90 * 86_400));
    let list = format!("sequence = 1\nissued_at = \"{from}\"\nexpires_at = \"{until}\"\n{list}");
    let document = STANDARD.encode(sign(&mesh.trust_root, &list, now()).unwrap());
    let staged = json!({"request_id": request_id(), "document": document});
    let staged = operate(mesh, "operator-1", "/v1/trust-lists", staged).await;
    let name = staged["trust_list"]["name"].as_str().unwrap();
    let body = json!({"request_id": request_id()});
    operate(mesh, "operator-2", &format!("/v1/{name}:activate"), body).await;
}
