//! The OpenAPI document as third parties use it: two validators, schemathesis against a running mesh, and generated,
//! unedited clients in TypeScript and Python that perform a person's journey (`clients/`). The test vectors of tokens and the guide for partners, too.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use http::Method;
use lutong_federation::trust_list::of_one_partner;
use lutong_kernel::Timestamp;
use lutong_kernel::random::SeededRandom;
use lutong_operating::tls::development::{write_development_certificates, write_partner_certificate};
use lutong_tests::instants::now;
use lutong_tests::mesh::{Mesh, Setting, Shape};
use lutong_tests::process::free_port;
use lutong_token::{Algorithm, Issuer, SigningKey};
use serde_json::{Value, json};

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// Runs a command that must succeed; returns its output.
fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}\n{}\n{}",
        said(&output.stdout),
        said(&output.stderr)
    );
    said(&output.stdout)
}

/// The folder of the tools, which are installed once per machine.
fn tools() -> PathBuf {
    PathBuf::from(run(&mut Command::new(here().join("tools"))).trim())
}

/// A mesh with limits for a client that tries everything, and its OpenAPI description in a file.
async fn described() -> (Mesh, PathBuf) {
    let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mesh = Mesh::start_with(
        Shape::OneProcess,
        Setting {
            environment: vec![
                setting("LUTONG_GATEWAY__RATE_PER_SUBJECT", "100000"),
                setting("LUTONG_GATEWAY__RATE_PER_ADDRESS", "100000"),
            ],
            ..Setting::default()
        },
    )
    .await;
    let document = mesh
        .gateway
        .call(Method::GET, "/openapi.json", None, None)
        .await
        .unwrap()
        .expect();
    let file = mesh.folder.path().join("openapi.json");
    std::fs::write(&file, document.to_string()).unwrap();
    (mesh, file)
}

#[tokio::test]
async fn two_validators_find_the_description_valid() {
    let (_mesh, file) = described().await;
    let tools = tools();
    let said = run(Command::new(tools.join("bin/openapi-spec-validator")).arg(&file));
    assert!(said.contains("OK"), "{said}");
    let script = tools.join("validate.mjs");
    std::fs::copy(here().join("validate.mjs"), &script).unwrap();
    assert!(run(Command::new("node").arg(script).arg(&file)).contains("valid 3.1"));
}

#[tokio::test]
async fn nothing_that_schemathesis_sends_breaks_a_promise_of_the_description() {
    let (mesh, file) = described().await;
    let session = mesh.gateway.session("wx-schemathesis").await;
    let said = run(Command::new(tools().join("bin/schemathesis"))
        .args([
            "run",
            "--url",
            &mesh.gateway.base,
            "--no-color",
            "--seed",
            "20221126",
        ])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            "3",
            "--max-time",
            "40",
        ])
        .args(["--workers", "1", "--generation-database", "none"])
        .args([
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance",
        ])
        .args([
            "--checks",
            "response_headers_conformance,response_schema_conformance",
        ])
        .args(["--header", &format!("Authorization: Bearer {session}")])
        .arg(&file)
        .current_dir(mesh.folder.path()));
    let generated = said
        .lines()
        .find(|line| line.contains(" generated, "))
        .unwrap_or_default();
    let passed: usize = generated
        .split_whitespace()
        .next()
        .and_then(|count| count.parse().ok())
        .unwrap_or(0);
    assert!(passed > 200, "{said}");
}

#[tokio::test]
async fn a_generated_typescript_client_does_the_journey() {
    let (mesh, file) = described().await;
    let tools = tools();
    let folder = mesh.folder.path().join("typescript");
    std::fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink(tools.join("node_modules"), folder.join("node_modules")).unwrap();
    let bin = |name: &str| tools.join("node_modules/.bin").join(name);
    run(Command::new(bin("openapi-typescript"))
        .arg(&file)
        .arg("-o")
        .arg(folder.join("api.d.ts")));
    std::fs::write(folder.join("package.json"), r#"{"type": "module"}"#).unwrap();
    std::fs::copy(here().join("journey.ts"), folder.join("journey.ts")).unwrap();
    run(Command::new(bin("tsc"))
        .args([
            "--strict",
            "--target",
            "es2022",
            "--module",
            "esnext",
            "--moduleResolution",
            "bundler",
        ])
        .args(["--skipLibCheck", "--types", "node", "journey.ts"])
        .current_dir(&folder));
    let said = run(Command::new("node")
        .arg("journey.js")
        .arg(&mesh.gateway.base)
        .current_dir(&folder));
    assert!(said.contains("COLOUR_GREEN"), "{said}");
}

#[tokio::test]
async fn a_generated_python_client_does_the_journey() {
    let (mesh, file) = described().await;
    let tools = tools();
    let folder = mesh.folder.path().join("python");
    std::fs::create_dir(&folder).unwrap();
    let path = format!(
        "{}:{}",
        tools.join("bin").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let said = run(Command::new(tools.join("bin/openapi-python-client"))
        .args(["generate", "--meta", "none", "--path"])
        .arg(&file)
        .arg("--output-path")
        .arg(folder.join("lutong_client"))
        .env("PATH", path));
    // The generator omits what it does not support, with a warning.
    assert!(!said.contains("Warning"), "{said}");
    let said = run(Command::new(tools.join("bin/python3"))
        .arg(here().join("journey.py"))
        .arg(&mesh.gateway.base)
        .env("PYTHONPATH", &folder)
        .env("PYTHONDONTWRITEBYTECODE", "1"));
    assert!(said.contains("COLOUR_GREEN"), "{said}");
}

/// The accounts that try everything: a citizen, a door, each kind of staff, a feed, and an anonymous caller.
const EVERYBODY: [&str; 10] = [
    "wx-refused",
    "checkpoint-1",
    "officer-1",
    "supervisor-1",
    "epidemiologist-1",
    "rule-author-1",
    "rule-approver-1",
    "auditor-1",
    "operator-1",
    "cdc-370200",
];

#[tokio::test]
async fn every_refusal_is_one_that_the_description_lists_for_its_status() {
    let (mesh, file) = described().await;
    let document: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let mut sessions = vec![None];
    for account in EVERYBODY {
        sessions.push(Some(mesh.gateway.session(account).await));
    }
    let gateway = mesh.gateway.for_purpose("nothing in particular");
    let (mut refused, mut unlisted) = (0, Vec::new());
    for (template, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let has_body = operation.get("requestBody").is_some();
            for session in &sessions {
                for id in ["7", "0193a3c0-0000-7000-8000-00000000ffff"] {
                    for body in [json!({}), json!({"request_id": id}), json!({"colour": "pink"})] {
                        let path = filled(template, id);
                        let body = has_body.then_some(body);
                        let answer = gateway
                            .call(method.clone(), &path, session.as_deref(), body)
                            .await
                            .unwrap();
                        if answer.status == 200 {
                            continue;
                        }
                        refused += 1;
                        let listed = &operation["responses"][answer.status.as_str()]["x-lutong-reasons"];
                        let is_listed = listed
                            .as_array()
                            .is_some_and(|reasons| reasons.iter().any(|one| one == answer.reason()));
                        let line = format!("{method} {template}: {} {}", answer.status, answer.reason());
                        if !is_listed && !unlisted.contains(&line) {
                            unlisted.push(line);
                        }
                    }
                }
            }
        }
    }
    assert!(unlisted.is_empty(), "{unlisted:#?}");
    assert!(refused > 1_000, "{refused}");
}

/// The template's path with `id` for every variable.
fn filled(template: &str, id: &str) -> String {
    let mut parts = template.split('{');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |path, rest| path + id + rest.split_once('}').unwrap().1)
}

#[tokio::test]
async fn every_example_of_the_description_is_valid_by_its_own_schema() {
    let (_mesh, file) = described().await;
    let said = run(Command::new(tools().join("bin/python3"))
        .arg(here().join("examples.py"))
        .arg(file));
    assert!(said.contains("valid"), "{said}");
}

/// The test vectors of tokens, by a library that shares nothing with the product.
#[test]
fn an_independent_decoder_agrees_with_the_test_vectors_of_tokens() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../services/token/vectors");
    let said = run(Command::new(tools().join("bin/python3"))
        .arg(vectors.join("check_with_cwt.py"))
        .arg(vectors.join("outcomes.json"))
        .env("PYTHONDONTWRITEBYTECODE", "1"));
    assert_eq!(said.trim(), "65 decoded, 402 refused");
}

/// The partner's host, which its certificate names.
const HOST: &str = "federation.js.example";

/// The settings of a listener for partners, and the arguments of whoever comes to it with the certificate of the host.
fn listener_for_partners(folder: &Path, port: u16) -> (Vec<(String, String)>, [String; 6]) {
    write_development_certificates(folder).unwrap();
    let day = std::time::Duration::from_secs(86_400);
    let [certificate, key] = write_partner_certificate(folder, HOST, now(), day).unwrap();
    let of = |name: &str| folder.join(name).display().to_string();
    let settings = [
        ("LISTEN", format!("127.0.0.1:{port}")),
        ("TLS__CA", of("partners-ca.pem")),
        ("TLS__CERTIFICATE", of("gateway-partners.pem")),
        ("TLS__KEY", of("gateway-partners.key")),
    ];
    let settings = settings.map(|(name, value)| (format!("LUTONG_GATEWAY__PARTNER_{name}"), value));
    let arguments = [
        "--ca".to_owned(),
        of("partners-ca.pem"),
        "--certificate".to_owned(),
        certificate.display().to_string(),
        "--tls-key".to_owned(),
        key.display().to_string(),
    ];
    (settings.into(), arguments)
}

/// The guide for partners: its two programs ask a running system about a code, over gRPC and mutual TLS, and refuse what it has not signed for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_verifies_a_code_with_the_programs_of_the_guide() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let generate = |seed| SigningKey::generate(Algorithm::Ed25519, &SeededRandom::new(seed)).unwrap();
    let (partner, stranger) = (generate(32), generate(33));
    let since = Timestamp::parse("2022-01-01T00:00:00+08:00").unwrap();
    let jiangsu = (Issuer::parse("32").unwrap(), "江苏省");
    let list = of_one_partner("guide", jiangsu, partner.verifying_key(), since).unwrap();
    let answered = "directions = [\"INBOUND\", \"OUTBOUND\"]\nquota = { requests_per_minute = 600, requests_per_day = 100000 }\nname = ";
    let answered = format!("tls_names = [\"{HOST}\"]\n{answered}");
    let list = list.replacen("name = ", &answered, 1) + "purposes = [\"MESSAGES\"]\n";
    let port = free_port();
    let (mut environment, tls) = listener_for_partners(&folder.path().join("certs"), port);
    environment.push((
        "LUTONG_FEDERATION__TRUST_LIST".to_owned(),
        file("trust-list.toml", &list),
    ));
    let setting = Setting {
        environment,
        ..Setting::default()
    };
    let mesh = Mesh::start_with(Shape::OneProcess, setting).await;
    let person = mesh.gateway.person().await;
    person.apply().await;
    let token = person.get("/v1/code").await.expect()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let tools = tools();
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/partners");
    // Node finds packages beside the program.
    std::os::unix::fs::symlink(tools.join("node_modules"), folder.path().join("node_modules")).unwrap();
    let script = folder.path().join("verify.mjs");
    std::fs::copy(guide.join("verify.mjs"), &script).unwrap();
    let public = mesh.gateway.base.trim_start_matches("http://").to_owned();
    // Both programs compare the certificate with the name by which they call.
    let endpoint = format!("localhost:{port}");
    let tls: Vec<&str> = tls.iter().map(String::as_str).collect();
    let keys = [&partner, &stranger].map(|key| key.to_pkcs8_pem().unwrap());
    let own = file("messages.pem", keys[0].expose());
    let foreign = file("stranger.pem", keys[1].expose());
    let other = file("other.pub", &stranger.verifying_key().to_pem().unwrap());
    let ask_at = |endpoint: &str, program: &mut Command, key: &str, audience: &str, more: &[&str]| {
        let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto");
        program.args([
            "--endpoint",
            endpoint,
            "--key",
            key,
            "--sender",
            "32",
            "--audience",
            audience,
        ]);
        program.args(["--token", &token, "--proto"]).arg(proto).args(more);
        program.env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap()
    };
    let ask = |program: &mut Command, key: &str, audience: &str, more: &[&str]| {
        ask_at(&endpoint, program, key, audience, &[&tls[..], more].concat())
    };
    let python = || {
        let mut program = Command::new(tools.join("bin/python3"));
        program.arg(guide.join("verify.py"));
        program
    };
    let node = || {
        let mut program = Command::new("node");
        program.arg(&script);
        program
    };
    let programs: [&dyn Fn() -> Command; 2] = [&python, &node];
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    for program in programs {
        let good = ask(&mut program(), &own, "37", &[]);
        assert!(said(&good.stdout).starts_with("GREEN "), "{good:?}");
        for (key, audience, more, word) in [
            (&foreign, "37", &[][..], "WRONG_KEY"),
            (&own, "33", &[], "WRONG_AUDIENCE"),
            // An answer that somebody else signed.
            (&own, "37", &["--message-key", &other], "another key"),
        ] {
            let refused = ask(&mut program(), key, audience, more);
            let error = said(&refused.stderr);
            assert!(
                !refused.status.success() && error.contains(word),
                "{word}: {refused:?}"
            );
        }
        // Without the certificate: not even a handshake at the listener for partners, and a reason at the public one.
        let [ca, own_ca] = [tls[0], tls[1]];
        let refused = ask_at(&endpoint, &mut program(), &own, "37", &[ca, own_ca]);
        assert!(!refused.status.success(), "{refused:?}");
        let refused = ask_at(&public, &mut program(), &own, "37", &[]);
        let error = said(&refused.stderr);
        assert!(
            !refused.status.success() && error.contains("PARTNER_CERTIFICATE_REFUSED NO_CERTIFICATE"),
            "{refused:?}"
        );
    }
}
