//! Full and faulty disks under one process, and cut PostgreSQL connections under seven: every acknowledgement holds,
//! readiness and metrics report refused writes, and writing resumes by itself. The client's journal of acknowledgements
//! decides; a build that trusts its driver about commits must fail.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use lutong_tests::disk::{EIO, ENOSPC, Errors};
use lutong_tests::feed::Feed;
use lutong_tests::journal::Journal;
use lutong_tests::mesh::{Disk, Mesh, Setting, Shape};
use lutong_tests::wires::WireState;

const SOURCE: &str = "cdc-370200";

/// People apply, are reported and file feedback until the disk has been full for a while; returns the number of failed
/// calls.
async fn fill(mesh: &Mesh, journal: &Journal, feed: &Feed) -> usize {
    let ballast = mesh.folder.path().join("data/ballast");
    let (mut full, mut refused) = (0, 0);
    while full < 5 {
        let grown = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&ballast)
            .and_then(|mut file| std::io::Write::write_all(&mut file, &vec![1; 1_024 * 1_024]));
        full += usize::from(grown.is_err());
        let before = journal.acknowledged().len();
        let load = (0..4).map(|_| {
            let journal = journal.clone();
            tokio::spawn(journal.people_apply_and_are_reported(mesh.gateway.clone(), feed.clone(), 3))
        });
        for task in load.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        journal.reuse_a_request_id().await;
        refused += before + 12 - journal.acknowledged().len();
    }
    refused
}

async fn full(environment: &[(&str, &str)], rounds: usize) -> (Vec<String>, usize) {
    let setting = Setting {
        disk: Disk::Small("20m"),
        environment: environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Setting::default()
    };
    let mut mesh = Mesh::start_with(Shape::OneProcess, setting).await;
    let journal = Journal::create(mesh.folder.path());
    let feed = Feed::sign_in(&mesh.gateway, SOURCE).await;
    for round in 0..rounds {
        let refused = fill(&mesh, &journal, &feed).await;
        assert!(refused > 0, "the disk was never full for the database");
        if environment.is_empty() {
            refusal_is_said(&mesh).await;
        }
        std::fs::remove_file(mesh.folder.path().join("data/ballast")).unwrap();
        mesh.disk
            .as_ref()
            .unwrap()
            .resize(&format!("{}m", 60 + 40 * round));
        let again = journal.clone();
        again
            .people_apply_and_are_reported(mesh.gateway.clone(), feed.clone(), 8)
            .await;
        if environment.is_empty() {
            mesh.all_ready().await;
        }
        let process = mesh.processes.get_mut("lutong").unwrap();
        if round % 2 == 0 {
            process.kill();
        } else {
            process.terminate();
        }
        process.again(None);
        mesh.all_ready().await;
        let losses = journal.losses().await;
        if !losses.is_empty() {
            return (losses, journal.acknowledged().len());
        }
        journal.settle().await;
        journal.settle_contacts(&feed).await;
        journal.holds(0).await;
    }
    let (contacts, feedback) = journal.others();
    assert!(
        contacts > 5 && feedback > 5,
        "{contacts} contacts, {feedback} feedback"
    );
    (Vec::new(), journal.acknowledged().len())
}

/// Asserts that the process is not ready and the metric names the database.
async fn refusal_is_said(mesh: &Mesh) {
    let process = &mesh.processes["lutong"];
    for _ in 0..50 {
        let metrics = process.metrics().await;
        let refused = metrics
            .lines()
            .any(|line| line.starts_with("lutong_storage_writable") && line.ends_with(" 0"));
        if refused && !process.answers_ready().await {
            assert!(
                metrics.contains("lutong_storage_refused_writes_total"),
                "{metrics}"
            );
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("a full disk is not seen from outside: {}", process.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_disk_fills_and_has_space_again() {
    let (losses, acknowledged) = full(&[], 2).await;
    assert_eq!(losses, Vec::<String>::new());
    eprintln!("{acknowledged} applications");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_that_believes_its_driver_about_commits_is_caught_by_a_full_disk() {
    let (losses, acknowledged) = full(&[("LUTONG_FAILPOINT_BREAK", "unproved-commit")], 3).await;
    assert!(!losses.is_empty(), "{acknowledged} applications, none lost");
    eprintln!(
        "caught: {} of {acknowledged}, such as {}",
        losses.len(),
        losses[0]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_writes_and_syncs_fail() {
    let setting = Setting {
        disk: Disk::Faulty,
        ..Setting::default()
    };
    let mut mesh = Mesh::start_with(Shape::OneProcess, setting).await;
    let journal = Journal::create(mesh.folder.path());
    let feed = Feed::sign_in(&mesh.gateway, SOURCE).await;
    let none = Errors {
        writes: 0,
        syncs: 0,
        lengthenings: 0,
        errno: EIO,
    };
    let kinds = [
        Errors { writes: 3, ..none },
        Errors { syncs: 20, ..none },
        Errors {
            writes: 3,
            errno: ENOSPC,
            ..none
        },
        Errors {
            writes: 2,
            syncs: 10,
            lengthenings: 30,
            errno: EIO,
        },
        Errors {
            writes: 100,
            errno: ENOSPC,
            ..none
        },
        Errors { syncs: 100, ..none },
    ];
    for (round, errors) in kinds.into_iter().cycle().take(12).enumerate() {
        let load = (0..3).map(|_| {
            let journal = journal.clone();
            tokio::spawn(journal.people_apply_and_are_reported(mesh.gateway.clone(), feed.clone(), 6))
        });
        let load: Vec<_> = load.collect();
        tokio::time::sleep(Duration::from_millis(30)).await;
        mesh.faulty_disk.as_ref().unwrap().err(errors);
        for task in load {
            task.await.unwrap();
        }
        let process = mesh.processes.get_mut("lutong").unwrap();
        // Killed while the disk fails, after it, or not at all, in which case it must recover by itself.
        if round % 3 == 0 {
            process.kill();
        }
        mesh.faulty_disk.as_ref().unwrap().work();
        if round % 3 == 1 {
            process.kill();
        }
        if round % 3 != 2 {
            process.again(None);
        }
        mesh.all_ready().await;
        journal.settle().await;
        journal.settle_contacts(&feed).await;
        assert_eq!(
            journal.losses().await,
            Vec::<String>::new(),
            "round {round}, {errors:?}"
        );
    }
    journal.holds(0).await;
    let (contacts, feedback) = journal.others();
    eprintln!(
        "{} applications, {contacts} contacts, {feedback} feedback",
        journal.acknowledged().len()
    );
    assert!(contacts > 12 && feedback > 12);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_connections_to_postgres_are_cut_at_any_message() {
    let setting = Setting {
        database_wires: true,
        ..Setting::default()
    };
    let mut mesh = Mesh::start_with(Shape::Mesh, setting).await;
    let journal = Journal::create(mesh.folder.path());
    let feed = Feed::sign_in(&mesh.gateway, SOURCE).await;
    let to_databases = |from, to| from == to;
    for one_in in [40, 20, 10, 60] {
        mesh.wires.set(WireState::Failing(one_in), to_databases);
        let load = (0..4).map(|_| {
            let journal = journal.clone();
            tokio::spawn(journal.people_apply_and_are_reported(mesh.gateway.clone(), feed.clone(), 8))
        });
        for task in load.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        mesh.wires.clear();
        mesh.all_ready().await;
        journal.settle().await;
        journal.settle_contacts(&feed).await;
        journal.holds(0).await;
        assert_eq!(journal.losses().await, Vec::<String>::new(), "one in {one_in}");
    }
    let (contacts, feedback) = journal.others();
    let applications = journal.acknowledged().len();
    eprintln!("{applications} applications, {contacts} contacts, {feedback} feedback");
    assert!(applications > 40 && contacts > 10 && feedback > 10);
}
