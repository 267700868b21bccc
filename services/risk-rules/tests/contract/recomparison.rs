//! Runs over everyone.

use std::collections::BTreeSet;

use lutong_chassis::on_both_engines;
use lutong_chassis::testing::Bed;
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1::{self as wire, FindingKind};
use lutong_proto::types::v1::Colour;

use crate::mesh::{Mesh, fever, staff, subject};

on_both_engines!(
    a_run_looks_at_everybody_once_and_finds_exactly_what_was_planted,
    somebody_who_is_missing_makes_a_run_incomplete,
    the_daily_run_begins_by_itself,
);

pub async fn start(mesh: &Mesh) -> i64 {
    let request = mesh.purposeful(&staff("op-1", Role::Operator), wire::StartRecomparisonRequest {});
    let answer = mesh.recomparisons().start_recomparison(request).await.unwrap();
    answer.into_inner().recomparison.unwrap().recomparison_id
}

async fn get(mesh: &Mesh, run: i64) -> Option<wire::Recomparison> {
    let get = wire::GetRecomparisonRequest { recomparison_id: run };
    let request = mesh.purposeful(&staff("op-1", Role::Operator), get);
    mesh.recomparisons()
        .get_recomparison(request)
        .await
        .ok()?
        .into_inner()
        .recomparison
}

pub async fn finished(mesh: &Mesh, run: i64) -> wire::Recomparison {
    mesh.until("the end of the run", async || {
        get(mesh, run).await.is_some_and(|run| run.finish_time.is_some())
    })
    .await;
    get(mesh, run).await.unwrap()
}

async fn people(bed: Bed) -> Mesh {
    let mesh = Mesh::start(bed).await;
    let everybody: Vec<u32> = (1..=300).collect();
    let facts = (1..=90).map(|n| fever(n, &format!("f{n}"))).collect();
    mesh.stored(facts, &everybody).await;
    mesh
}

async fn a_run_looks_at_everybody_once_and_finds_exactly_what_was_planted(bed: Bed) {
    let mesh = people(bed).await;
    let clean = finished(&mesh, start(&mesh).await).await;
    assert!(clean.complete && clean.findings.is_empty(), "{clean:?}");
    assert_eq!((clean.expected, clean.seen), (300, 300));
    let colours: Vec<_> = clean
        .colours
        .iter()
        .map(|one| (one.colour(), one.count))
        .collect();
    assert_eq!(
        colours,
        [(Colour::Green, 210), (Colour::Yellow, 90), (Colour::Red, 0)]
    );
    // Somebody with the database's password makes two people green and one red.
    let (one, two, three) = (mesh.literal(5), mesh.literal(6), mesh.literal(200));
    let planted = [
        format!("UPDATE subjects SET colour = 0, rules = 0 WHERE subject_id IN ({one}, {two})"),
        format!("UPDATE subjects SET colour = 10, rules = 1 WHERE subject_id = {three}"),
    ];
    for sql in planted {
        mesh.tamper(&sql).await;
    }
    let run = finished(&mesh, start(&mesh).await).await;
    assert!(run.complete, "{run:?}");
    let list = wire::ListRecomparisonFindingsRequest {
        recomparison_id: run.recomparison_id,
        ..wire::ListRecomparisonFindingsRequest::default()
    };
    let request = mesh.purposeful(&staff("audit-1", Role::Auditor), list);
    let found = mesh
        .recomparisons()
        .list_recomparison_findings(request)
        .await
        .unwrap()
        .into_inner();
    let named: BTreeSet<_> = found.findings.iter().map(|one| one.subject_id.clone()).collect();
    assert_eq!(named, [5, 6, 200].map(|n| subject(n).to_string()).into());
    assert!(
        found
            .findings
            .iter()
            .all(|one| one.kind() == FindingKind::Mismatch)
    );
    // And each is what the facts say again.
    let shown = [5, 6, 200].map(|n| mesh.shown(n).unwrap());
    assert_eq!(shown, [Colour::Yellow, Colour::Yellow, Colour::Green]);
    let after = finished(&mesh, start(&mesh).await).await;
    assert!(after.complete && after.findings.is_empty(), "{after:?}");
}

async fn somebody_who_is_missing_makes_a_run_incomplete(bed: Bed) {
    let mesh = people(bed).await;
    let gone = mesh.literal(250);
    mesh.tamper(&format!("DELETE FROM subjects WHERE subject_id = {gone}"))
        .await;
    let run = finished(&mesh, start(&mesh).await).await;
    assert_eq!((run.expected, run.seen, run.complete), (300, 299, false));
    assert_ne!(run.expected_digest, run.seen_digest);
}

async fn the_daily_run_begins_by_itself(bed: Bed) {
    let mesh = people(bed).await;
    mesh.until("the day's run", async || {
        get(&mesh, 0).await.is_some_and(|run| !run.day.is_empty())
    })
    .await;
    mesh.bed.clock.advance(std::time::Duration::from_secs(86_400));
    mesh.until("the next day's run", async || {
        get(&mesh, 0)
            .await
            .is_some_and(|run| run.day == "2022-11-27" && run.complete)
    })
    .await;
}
