//! Two replicas of code-rendering over mTLS, one of which is killed, paused and restarted while people show codes and
//! apply and a feed reports: hardly a call fails, nothing acknowledged is lost, and no older colour is shown.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use lutong_kernel::Clock as _;
use lutong_proto::declaration::v1::FactRow;
use lutong_tests::feed::{Feed, fact, is_in_force, row};
use lutong_tests::journal::Journal;
use lutong_tests::mesh::{Mesh, Setting, Shape};
use lutong_tests::people::{Person, request_id};
use serde_json::json;

const REPLICA: &str = "code-rendering-2";
const SHOWING: usize = 4;

/// Counts of the calls that show codes.
#[derive(Default)]
struct ShowCounts {
    shown: AtomicUsize,
    failed: AtomicUsize,
    late: AtomicUsize,
}

impl ShowCounts {
    fn take(&self) -> (usize, usize, usize) {
        let take = |count: &AtomicUsize| count.swap(0, Ordering::SeqCst);
        (take(&self.shown), take(&self.failed), take(&self.late))
    }
}

/// Shows codes over a kept connection until stopped; all of them must be green.
async fn show(people: Vec<Person>, seen: Arc<ShowCounts>, stop: Arc<AtomicBool>) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    for person in people.iter().cycle() {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let begun = Instant::now();
        let answer = person
            .gateway
            .call_over(&client, Method::GET, "/v1/code", Some(&person.session), None)
            .await;
        match answer {
            Ok(answer) if answer.status == StatusCode::OK => {
                assert_eq!(answer.body["colour"], "COLOUR_GREEN", "{}", answer.body);
                seen.shown.fetch_add(1, Ordering::SeqCst);
            }
            other => {
                eprintln!("not shown: {other:?}");
                seen.failed.fetch_add(1, Ordering::SeqCst);
            }
        }
        if begun.elapsed() > Duration::from_secs(1) {
            seen.late.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// People apply, and a feed reports close contacts; once a report is acknowledged as IN_FORCE, that person must not be
/// green at any replica.
async fn apply_and_report(mesh: &Mesh, journal: &Journal, feed: &Feed, time: Duration) -> usize {
    let until = Instant::now() + time;
    let mut in_force = 0;
    while Instant::now() < until {
        journal.clone().people_apply(mesh.gateway.clone(), 1).await;
        let person = mesh.gateway.person().await;
        let applied = person.apply_with(person.form()).await;
        if applied.body["application"]["state"] != "DECLARATION_STATE_IN_FORCE" {
            continue;
        }
        let reported = feed.report(close_contact(feed.source, &person)).await;
        if reported.is_ok_and(|answer| is_in_force(&answer)) {
            in_force += 1;
            for _ in 0..4 {
                let colour = person.colour().await;
                assert_ne!(colour, "green", "an older colour is shown");
            }
        }
    }
    in_force
}

fn close_contact(source: &str, person: &Person) -> FactRow {
    let met = lutong_operating::wall_clock::WallClock
        .now()
        .plus_seconds(-86_400);
    let contact = fact("close_contact", &json!({"last_contact_at": met.to_rfc3339()}));
    row(source, &request_id(), &person.number, contact)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_killed_held_still_or_rolled_costs_hardly_a_call_and_nothing_that_was_acknowledged()
{
    let setting = Setting {
        two_of_code_rendering: true,
        ..Setting::default()
    };
    let mut mesh = Mesh::start_with(Shape::Mesh, setting).await;
    let journal = Journal::create(mesh.folder.path());
    let mut people = Vec::new();
    for _ in 0..8 {
        let person = mesh.gateway.person().await;
        person.apply().await;
        person.becomes("green").await;
        people.push(person);
    }
    let (seen, stop) = (Arc::<ShowCounts>::default(), Arc::<AtomicBool>::default());
    let showing: Vec<_> = (0..SHOWING)
        .map(|n| {
            let mut people = people.clone();
            people.rotate_left(n * 2);
            tokio::spawn(show(people, Arc::clone(&seen), Arc::clone(&stop)))
        })
        .collect();
    let feed = Feed::sign_in(&mesh.gateway, "cdc-370200").await;
    let (mut all, mut all_failed, mut in_force) = (0, 0, 0);
    for trouble in [
        "none",
        "killed",
        "back",
        "held still",
        "let go on",
        "rolled",
        "rolled again",
    ] {
        let process = mesh.processes.get_mut(REPLICA).unwrap();
        match trouble {
            "killed" => process.kill(),
            "back" => process.again(None),
            "held still" => process.stop(),
            "let go on" => process.go_on(),
            "rolled" => {
                process.terminate();
                process.again(None);
            }
            "rolled again" => {
                let first = mesh.processes.get_mut("code-rendering").unwrap();
                first.terminate();
                first.again(None);
            }
            _ => {}
        }
        in_force += apply_and_report(&mesh, &journal, &feed, Duration::from_secs(3)).await;
        let (shown, failed, late) = seen.take();
        eprintln!("{trouble}: {shown} shown, {failed} failed, {late} later than a second");
        assert!(shown > 100, "{trouble}: {shown}");
        all += shown;
        all_failed += failed;
    }
    stop.store(true, Ordering::SeqCst);
    for one in showing {
        one.await.unwrap();
    }
    mesh.all_ready().await;
    journal.settle().await;
    journal.holds(0).await;
    let applied = journal.acknowledged().len();
    eprintln!(
        "{all} shown, {all_failed} failed; {applied} applications and {in_force} reports acknowledged, all there"
    );
    assert!(all_failed * 1_000 <= all, "{all_failed} of {all} failed");
    assert!(applied > 10 && in_force > 5, "{applied} {in_force}");
}
