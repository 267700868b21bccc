//! Checks that the examples of the OpenAPI description (`gateway/examples.json`) match the requests and answers of a
//! walk over a running mesh. `LUTONG_TEST_RECORD=1 tests/run -E 'binary(examples) and test(one_process)'` rewrites
//! them.

#![allow(clippy::unwrap_used)]

mod appeals;
mod audit;
mod cards;
mod cases;
mod citizens;
mod comparing;
mod complaints;
mod doors;
mod federation;
mod feeds;
mod organisations;
mod papers;
mod persons;
mod places;
mod refusals;
mod rules;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lutong_tests::examples::Walk;
use lutong_tests::mesh::{Mesh, Setting, Shape};
use serde_json::{Map, Value};

const RECORD: &str = "LUTONG_TEST_RECORD";

fn file() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap().join("gateway/examples.json")
}

async fn walked(shape: Shape) -> Map<String, Value> {
    let database = feeds::EmptyDatabase::start();
    let platform = cards::CardPlatform::start().await;
    let setting = Setting {
        environment: vec![
            ("LUTONG_DECLARATION__PULL".to_owned(), database.config()),
            ("LUTONG_IDENTITY__CARD_PLATFORM".to_owned(), platform.config()),
        ],
        ..Setting::default()
    };
    let mesh = Mesh::start_with(shape, setting).await;
    let mut walk = Walk::start(&mesh).await;
    let subject = citizens::walk(&mut walk).await;
    papers::walk(&mut walk).await;
    doors::walk(&mut walk).await;
    cards::walk(&mut walk).await;
    feeds::walk(&mut walk, &database).await;
    organisations::walk(&mut walk).await;
    persons::walk(&mut walk).await;
    persons::counter(&mut walk).await;
    citizens::decisions(&mut walk, &subject).await;
    complaints::walk(&mut walk).await;
    appeals::walk(&mut walk).await;
    refusals::walk(&mut walk).await;
    places::walk(&mut walk).await;
    federation::walk(&mut walk).await;
    cases::merges(&mut walk).await;
    cases::key_areas(&mut walk).await;
    audit::logs(&mut walk).await;
    cases::risk_areas(&mut walk).await;
    cases::designations(&mut walk, &subject).await;
    cases::rollbacks(&mut walk).await;
    audit::decisions(&mut walk, &subject).await;
    audit::lookups(&mut walk, &subject, "wx-1").await;
    comparing::walk(&mut walk, &subject).await;
    rules::walk(&mut walk).await;
    audit::sealed_day(&mut walk).await;
    let (recorded, without) = walk.finish();
    assert!(without.is_empty(), "operations without an example: {without:?}");
    recorded
}

fn compared(recorded: Map<String, Value>) {
    let kept = serde_json::from_slice(&std::fs::read(file()).unwrap()).unwrap();
    let mut differing = Vec::new();
    differences("", &kept, &Value::Object(recorded), &mut differing);
    assert!(
        differing.is_empty(),
        "written anew with {RECORD}=1 once it is right:\n{}",
        differing.join("\n")
    );
}

/// The differences of two documents, by path.
fn differences(at: &str, kept: &Value, now: &Value, found: &mut Vec<String>) {
    match (kept, now) {
        (Value::Object(kept), Value::Object(now)) => {
            let names: BTreeSet<_> = kept.keys().chain(now.keys()).collect();
            for name in names {
                let of = |members: &Map<String, Value>| members.get(name).cloned().unwrap_or_default();
                differences(&format!("{at}/{name}"), &of(kept), &of(now), found);
            }
        }
        (Value::Array(kept), Value::Array(now)) if kept.len() == now.len() => {
            for (index, (kept, now)) in kept.iter().zip(now).enumerate() {
                differences(&format!("{at}/{index}"), kept, now, found);
            }
        }
        _ if kept == now => {}
        _ => found.push(format!("{at}: kept {kept}, now {now}")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_answers_every_operation_as_its_example_says() {
    let recorded = walked(Shape::OneProcess).await;
    if std::env::var_os(RECORD).is_some() {
        let text = serde_json::to_string_pretty(&Value::Object(recorded)).unwrap();
        std::fs::write(file(), text + "\n").unwrap();
    } else {
        compared(recorded);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mesh_answers_every_operation_as_its_example_says() {
    compared(walked(Shape::Mesh).await);
}
