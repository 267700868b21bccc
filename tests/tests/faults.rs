//! Processes killed at any point, in both shapes: everything acknowledged exists afterwards, exactly once, and its code
//! follows. Flushing Redis loses nothing. Rounds: `LUTONG_TEST_ROUNDS`, default 50.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use lutong_kernel::Secret;
use lutong_storage::{Database, StorageConfig};
use lutong_tests::journal::Journal;
use lutong_tests::mesh::{Mesh, Shape};
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

/// The failpoints and the service that reaches each; the last entries are kills at a random moment.
const FAILPOINTS: [(&str, &str); 13] = [
    ("identity.registered", "identity"),
    ("declaration.before_commit", "declaration"),
    ("declaration.committed", "declaration"),
    ("outbox.sequenced", "declaration"),
    ("risk_rules.committed", "risk-rules"),
    ("risk_rules.applied", "risk-rules"),
    ("outbox.sequenced", "risk-rules"),
    ("follower.before_commit", "risk-rules"),
    ("code_rendering.committed", "code-rendering"),
    ("follower.before_commit", "code-rendering"),
    ("follower.before_commit", "identity"),
    ("", "gateway"),
    ("", "declaration"),
];

fn rounds() -> usize {
    std::env::var("LUTONG_TEST_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(50)
}

/// The number of rows in a table.
async fn count(url: &str, table: &str) -> i64 {
    let config = StorageConfig {
        url: Secret::new(url.to_owned()),
        ..StorageConfig::default()
    };
    let database = Database::connect(&config).await.unwrap();
    let backend = if url.starts_with("sqlite") {
        DbBackend::Sqlite
    } else {
        DbBackend::Postgres
    };
    let query = Statement::from_string(backend, format!("SELECT count(*) AS n FROM {table}"));
    database
        .reader()
        .query_one_raw(query)
        .await
        .unwrap()
        .unwrap()
        .try_get("", "n")
        .unwrap()
}

async fn killed(shape: Shape) {
    let mut mesh = Mesh::start(shape).await;
    let journal = Journal::create(mesh.folder.path());
    let mut checked = 0;
    let mut died_by_itself = 0;
    for round in 0..rounds() {
        let (place, service) = FAILPOINTS[round % FAILPOINTS.len()];
        let name = match shape {
            Shape::OneProcess => "lutong",
            Shape::Mesh => service,
        };
        // The first, second, … time that the failpoint is reached.
        let failpoint = (!place.is_empty()).then(|| format!("{place}:{}", 1 + round % 3));
        let process = mesh.processes.get_mut(name).unwrap();
        process.again(failpoint.as_deref());
        process.ready().await;
        let load = (0..3).map(|_| tokio::spawn(journal.clone().people_apply(mesh.gateway.clone(), 12)));
        let load: Vec<_> = load.collect();
        tokio::time::sleep(Duration::from_millis(40 + 17 * (round as u64 % 11))).await;
        let process = mesh.processes.get_mut(name).unwrap();
        for _ in 0..40 {
            if failpoint.is_none() || !process.is_running() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        died_by_itself += usize::from(!process.is_running());
        process.again(None);
        for task in load {
            task.await.unwrap();
        }
        mesh.all_ready().await;
        journal.settle().await;
        journal.holds(checked).await;
        checked = journal.acknowledged().len();
    }
    assert!(
        checked >= rounds(),
        "only {checked} applications in {} rounds",
        rounds()
    );
    assert!(
        died_by_itself * 2 >= rounds(),
        "only {died_by_itself} rounds reached their failpoint"
    );
    // Exactly once: each person has one declaration and one code.
    let expected = i64::try_from(checked).unwrap();
    assert_eq!(
        count(&mesh.storage["declaration"], "declarations").await,
        expected
    );
    assert_eq!(count(&mesh.storage["code-rendering"], "codes").await, expected);
    eprintln!(
        "{checked} applications, {died_by_itself} of {} rounds died at their failpoint",
        rounds()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_when_the_one_process_is_killed() {
    killed(Shape::OneProcess).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_when_a_service_of_the_mesh_is_killed() {
    killed(Shape::Mesh).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_emptied_between_relay_and_follower_loses_nothing() {
    let mut mesh = Mesh::start(Shape::Mesh).await;
    // Code-rendering is away: decisions wait in risk-rules' log, and nothing receives the doorbell.
    mesh.processes.get_mut("code-rendering").unwrap().kill();
    let mut waiting = Vec::new();
    for _ in 0..5 {
        let person = mesh.gateway.person().await;
        let application = person.apply().await;
        assert_eq!(
            application["state"], "DECLARATION_STATE_PENDING",
            "nobody shows it yet"
        );
        assert_eq!(person.colour().await, "PART_UNAVAILABLE");
        waiting.push((person, application["name"].as_str().unwrap().to_owned()));
    }
    let client = redis::Client::open(mesh.redis.clone().unwrap()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("FLUSHALL")
        .query_async::<()>(&mut connection)
        .await
        .unwrap();
    mesh.processes.get_mut("code-rendering").unwrap().again(None);
    mesh.all_ready().await;
    for (person, name) in waiting {
        person.becomes("green").await;
        let application = person.get(&format!("/v1/{name}")).await.expect()["application"].clone();
        assert_eq!(application["state"], "DECLARATION_STATE_IN_FORCE");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_identity_an_application_is_refused_and_stores_nothing() {
    let mut mesh = Mesh::start(Shape::Mesh).await;
    let person = mesh.gateway.person().await;
    mesh.processes.get_mut("identity").unwrap().kill();
    let refused = person.apply_with(person.form()).await;
    assert_eq!(
        (refused.status.as_u16(), refused.reason()),
        (503, "PART_UNAVAILABLE")
    );
    assert!(refused.body["retry_after_s"].is_number());
    assert_eq!(count(&mesh.storage["declaration"], "declarations").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_makes_the_service_not_ready_and_it_does_not_end() {
    let mut mesh = Mesh::start(Shape::Mesh).await;
    let process = mesh.processes.get_mut("complaint").unwrap();
    process.again_with("LUTONG_STORAGE__URL", "postgres://lutong@127.0.0.1:1/none");
    let says_why = |log: &str| log.contains("not ready") && log.contains("complaint storage");
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while !says_why(&process.log()) && std::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let log = process.log();
    assert!(says_why(&log), "{log}");
    assert!(process.is_running(), "{log}");
    assert!(!process.answers_ready().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_term_signal_drains_and_ends_well() {
    let mut mesh = Mesh::start(Shape::OneProcess).await;
    mesh.gateway.person().await.apply().await;
    // A silent connection must not keep the process alive.
    let address = mesh.gateway.base.trim_start_matches("http://").to_owned();
    let silent = tokio::net::TcpStream::connect(address).await.unwrap();
    let started = std::time::Instant::now();
    let ended = mesh.processes.get_mut("lutong").unwrap().terminate();
    assert!(ended.success(), "{ended}");
    assert!(started.elapsed() < Duration::from_secs(15));
    drop(silent);
}
