//! A wrong set-up is refused or not ready, and reports all problems at once, each with its remedy.

#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use lutong_testing::fresh_postgres;
use lutong_tests::mesh::{Mesh, Shape};
use lutong_tests::process::{Process, binary};
use serde_json::Value;

/// Asserts that the start is refused and names all of these.
async fn refuses(process: &mut Process, settings: &[(&str, String)], named: &[&str]) {
    process.once_with(settings);
    let (status, log) = process.ended().await;
    assert_eq!(status.code(), Some(2), "{log}");
    for name in named {
        assert!(log.contains(name), "{name} is not in: {log}");
    }
}

fn command(arguments: &[&str], environment: &[(String, String)], settings: &[(&str, String)]) -> Output {
    Command::new(binary())
        .args(arguments)
        .envs(environment.iter().cloned())
        .envs(settings.iter().map(|(name, value)| (*name, value)))
        .output()
        .unwrap()
}

/// State and reason of a dependency.
fn stands<'a>(ready: &'a Value, name: &str) -> (&'a str, &'a str) {
    let dependencies = ready["dependencies"].as_array();
    let found = dependencies.and_then(|all| all.iter().find(|one| one["name"] == name));
    found.map_or(("", ""), |one| {
        (one["state"].as_str().unwrap(), one["reason"].as_str().unwrap())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_set_up_of_the_mesh_is_refused_and_named() {
    let mut mesh = Mesh::start(Shape::Mesh).await;
    let folder = mesh.folder.path().to_owned();
    let file = |name: &str| folder.join(name).display().to_string();
    let federations = [("LUTONG_STORAGE__URL", mesh.storage["federation"].clone())];
    let environment = mesh.processes["complaint"].environment().to_vec();
    let migrated = command(&["migrate", "complaint"], &environment, &federations);
    assert!(!migrated.status.success());
    let said = String::from_utf8_lossy(&migrated.stderr).into_owned();
    assert!(said.contains("belongs to federation"), "{said}");

    let complaint = mesh.processes.get_mut("complaint").unwrap();
    refuses(
        complaint,
        &federations,
        &["federation", "complaint", "storage.url"],
    )
    .await;
    // All problems at once, and `config check` reports the same.
    let many = [
        ("LUTONG_TLS__CERTIFICATE", file("certs/identity.pem")),
        ("LUTONG_STORAGE__URL", "sqlite:///tmp/complaint.db".to_owned()),
        ("LUTONG_KEYS", file("nowhere")),
    ];
    let named = [
        "identity.lutong.internal",
        "SQLite",
        "mesh.keys",
        "complaint.keys",
        "certs/complaint.key",
    ];
    refuses(complaint, &many, &named).await;
    let checked = command(&["config", "check", "complaint"], &environment, &many);
    assert_eq!(checked.status.code(), Some(2));
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(named.iter().all(|name| said.contains(name)), "{said}");
    assert!(!Path::new(&file("nowhere")).exists(), "the mesh makes no keys");
    assert!(
        command(&["config", "check", "complaint"], &environment, &[])
            .status
            .success()
    );
    // Another installation's keys.
    let other = file("other-keys");
    assert!(command(&["keys", "init", &other], &[], &[]).status.success());
    refuses(
        complaint,
        &[("LUTONG_KEYS", other.clone())],
        &["complaint.keys", "postgres://"],
    )
    .await;
    complaint.again(None);
    assert!(complaint.ready().await);

    let rules = mesh.processes.get_mut("risk-rules").unwrap();
    let plain = [("LUTONG_PEERS__IDENTITY", "http://127.0.0.1:1".to_owned())];
    refuses(rules, &plain, &["peers.identity", "https://"]).await;
    rules.again(None);
    assert!(rules.ready().await);

    // A lost key file is not recreated.
    let identity = mesh.processes.get_mut("identity").unwrap();
    let (keys, kept) = (file("keys/identity.keys"), file("kept"));
    std::fs::rename(&keys, &kept).unwrap();
    refuses(identity, &[], &["identity.keys", "postgres://"]).await;
    assert!(!Path::new(&keys).exists());
    std::fs::rename(&kept, &keys).unwrap();
    identity.again(None);
    assert!(identity.ready().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_says_what_it_means_per_dependency() {
    let mut mesh = Mesh::start(Shape::Mesh).await;
    let folder = mesh.folder.path().to_owned();
    let environment = mesh.processes["risk-rules"].environment().to_vec();
    let address = |name: &str| {
        let found = environment.iter().find(|(key, _)| key == name);
        found.unwrap().1.clone()
    };
    // Addresses of two peers exchanged.
    let swapped = [
        ("LUTONG_PEERS__IDENTITY", address("LUTONG_PEERS__CODE_RENDERING")),
        ("LUTONG_PEERS__CODE_RENDERING", address("LUTONG_PEERS__IDENTITY")),
    ];
    let rules = mesh.processes.get_mut("risk-rules").unwrap();
    rules.once_with(&swapped);
    let ready = rules
        .readiness_becomes(|ready| stands(ready, "peer identity").0 == "wrong")
        .await;
    assert_eq!(ready["ready"], false);
    let (_, reason) = stands(&ready, "peer identity");
    assert!(
        reason.contains("code-rendering.lutong.internal") && reason.contains("peers.identity"),
        "{reason}"
    );
    assert_eq!(stands(&ready, "risk-rules storage").0, "ready");
    let checked = command(&["config", "check", "risk-rules"], &environment, &swapped);
    assert_eq!(checked.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&checked.stderr).contains("code-rendering.lutong.internal"));

    // Another mesh's shared keys with the service's own keys: both ends report it.
    let keys = folder.join("mixed-keys");
    std::fs::create_dir(&keys).unwrap();
    let init = ["keys", "init", &folder.join("foreign").display().to_string()].map(str::to_owned);
    let init: Vec<_> = init.iter().map(String::as_str).collect();
    assert!(command(&init, &[], &[]).status.success());
    std::fs::copy(folder.join("keys/risk-rules.keys"), keys.join("risk-rules.keys")).unwrap();
    std::fs::copy(folder.join("foreign/mesh.keys"), keys.join("mesh.keys")).unwrap();
    rules.once_with(&[("LUTONG_KEYS", keys.display().to_string())]);
    let ready = rules
        .readiness_becomes(|ready| stands(ready, "peer identity").0 == "wrong")
        .await;
    let (_, reason) = stands(&ready, "peer identity");
    assert_eq!(ready["ready"], false);
    assert!(
        ["risk-rules", "identity", "mesh.keys"]
            .iter()
            .all(|name| reason.contains(name)),
        "{reason}"
    );
    rules.again(None);
    assert!(rules.ready().await);

    // A database that is away at the start: alive, not ready, and nothing is served.
    let complaint = mesh.processes.get_mut("complaint").unwrap();
    let nowhere = "postgres://lutong@127.0.0.1:1/complaint".to_owned();
    complaint.once_with(&[("LUTONG_STORAGE__URL", nowhere)]);
    let ready = complaint
        .readiness_becomes(|ready| stands(ready, "complaint storage").0 == "away")
        .await;
    assert_eq!(ready["ready"], false);
    assert!(complaint.is_running());
    // Nor with a database that is not migrated.
    let fresh = fresh_postgres().await;
    complaint.once_with(&[("LUTONG_STORAGE__URL", fresh.url.expose().clone())]);
    let ready = complaint
        .readiness_becomes(|ready| {
            stands(ready, "complaint storage")
                .1
                .contains("lutong migrate complaint")
        })
        .await;
    assert_eq!(ready["ready"], false);

    // The gateway does not become ready without code-rendering, but stays ready when it goes away later.
    mesh.processes.get_mut("code-rendering").unwrap().kill();
    mesh.processes.get_mut("gateway").unwrap().again(None);
    let gateway = &mesh.processes["gateway"];
    let ready = gateway
        .readiness_becomes(|ready| stands(ready, "peer code-rendering").0 == "away")
        .await;
    assert_eq!(ready["ready"], false);
    mesh.processes.get_mut("code-rendering").unwrap().again(None);
    let gateway = &mesh.processes["gateway"];
    // Complaint is still away, which does not prevent readiness.
    let ready = gateway.readiness_becomes(|ready| ready["ready"] == true).await;
    assert_eq!(
        (stands(&ready, "peer complaint").0, &ready["degraded"]),
        ("away", &Value::from(true))
    );
    mesh.processes.get_mut("code-rendering").unwrap().kill();
    let gateway = &mesh.processes["gateway"];
    let ready = gateway
        .readiness_becomes(|ready| stands(ready, "peer code-rendering").0 == "away")
        .await;
    assert_eq!(
        (&ready["ready"], &ready["degraded"]),
        (&Value::from(true), &Value::from(true))
    );
    assert!(
        gateway
            .metrics()
            .await
            .contains("lutong_certificate_expiry_seconds")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_makes_its_keys_once_and_what_it_keeps_is_its_own() {
    let mut mesh = Mesh::start(Shape::OneProcess).await;
    mesh.gateway.person().await.apply().await;
    let data = mesh.folder.path().join("data");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let listed = |folder: &str| {
        let entries = std::fs::read_dir(data.join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    assert_eq!(
        (mode(&data), mode(&data.join("db")), mode(&data.join("keys"))),
        (0o700, 0o700, 0o700)
    );
    let files = [listed("db"), listed("keys")].concat();
    assert!(
        files
            .iter()
            .any(|file| file.extension().is_some_and(|end| end == "db-wal")),
        "{files:?}"
    );
    for file in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    let lutong = mesh.processes.get_mut("lutong").unwrap();
    for lost in ["identity.keys", "risk-rules.keys", "mesh.keys"] {
        let (file, kept) = (data.join("keys").join(lost), mesh.folder.path().join("kept"));
        std::fs::rename(&file, &kept).unwrap();
        refuses(lutong, &[], &[lost]).await;
        assert!(!file.exists(), "{lost} was made anew");
        std::fs::rename(&kept, &file).unwrap();
    }
    // All key files: each is named, with its database.
    let (keys, kept) = (data.join("keys"), mesh.folder.path().join("kept-keys"));
    std::fs::rename(&keys, &kept).unwrap();
    refuses(
        lutong,
        &[],
        &[
            "identity.keys",
            "identity.db",
            "complaint.keys",
            "complaint.db",
            "mesh.keys",
        ],
    )
    .await;
    assert!(!keys.join("identity.keys").exists());
    let _ = std::fs::remove_dir_all(&keys);
    std::fs::rename(&kept, &keys).unwrap();
    // Loose permissions are tightened.
    std::fs::set_permissions(data.join("db"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(
        data.join("db/identity.db"),
        std::fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    lutong.again(None);
    assert!(lutong.ready().await);
    assert_eq!(
        (mode(&data.join("db")), mode(&data.join("db/identity.db"))),
        (0o700, 0o600)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_whose_output_nobody_reads_on_ends_quietly() {
    let mesh = Mesh::start(Shape::OneProcess).await;
    let notice = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .join("services/risk-rules/engine/data/notices/2022112608-e543b1b4.json.gz");
    let imported = mesh.command(&[
        "areas",
        "import",
        &notice.display().to_string(),
        "--account",
        "epidemiologist-1",
    ]);
    assert!(
        imported.status.success(),
        "{}",
        String::from_utf8_lossy(&imported.stderr)
    );
    for arguments in [
        &["areas", "list", "--account", "epidemiologist-1"][..],
        &["areas", "list", "--account", "epidemiologist-1", "--json"],
        &["audit", "list", "--account", "auditor-1"],
    ] {
        let mut child = Command::new(binary())
            .args(arguments)
            .args(["--endpoint", &mesh.gateway.base])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Not a byte is read.
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(
            (output.status.code(), said.as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
}
