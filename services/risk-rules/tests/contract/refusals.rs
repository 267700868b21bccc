//! What is refused, and that it says why.

use lutong_chassis::on_both_engines;
use lutong_chassis::testing::{self, Bed};
use lutong_kernel::Fault;
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::types::v1 as types;

use crate::mesh::{Mesh, fault, fever, staff, subject};
use crate::recomparison;

on_both_engines!(
    a_batch_beyond_its_limits_is_refused_whole,
    all_or_nothing_stores_nothing_when_a_row_is_bad,
    a_subject_has_at_most_five_thousand_facts,
    a_decision_is_its_persons_own,
    entries_are_asked_for_by_a_subject_id,
    the_log_is_read_on_and_says_what_it_keeps_no_more,
    a_run_that_is_none_is_not_found,
    a_persons_own_decisions_are_listed_and_nobody_elses,
    an_auditor_who_asks_wrongly_is_told_what,
);

fn named(fault: &Fault) -> Vec<String> {
    let wrong = fault.violations.iter();
    wrong.map(|one| format!("{} {}", one.field, one.reason)).collect()
}

async fn a_batch_beyond_its_limits_is_refused_whole(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let many = (0..1_001).map(|n| fever(1, &format!("f{n}"))).collect();
    let refused = mesh.append(many, &[1]).await.unwrap_err();
    assert_eq!(named(&refused), ["statements TOO_MANY"]);
    assert_eq!(mesh.decision(1).await.unwrap_err().reason, "DECISION_NOT_FOUND");
}

async fn all_or_nothing_stores_nothing_when_a_row_is_bad(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let mut bad = fever(2, "f2");
    bad.statement = None;
    let batch = wire::AppendFactsRequest {
        statements: vec![fever(1, "f1"), bad],
        all_or_nothing: true,
    };
    let refused = mesh.append_batch(batch).await.unwrap_err();
    assert_eq!(refused.reason, "ROWS_REFUSED");
    assert_eq!(named(&refused), ["statements[1].statement MISSING"]);
    assert_eq!(mesh.decision(1).await.unwrap_err().reason, "DECISION_NOT_FOUND");
    // The key is free: nothing of the batch was stored.
    assert!(mesh.stored(vec![fever(3, "f1")], &[3]).await);
}

async fn a_subject_has_at_most_five_thousand_facts(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    for chunk in 0..5 {
        let facts = (0..1_000).map(|n| fever(1, &format!("{chunk}-{n}"))).collect();
        mesh.stored(facts, &[]).await;
    }
    let refused = mesh
        .append(vec![fever(1, "one more"), fever(2, "f")], &[2])
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "TOO_MANY_FACTS");
    let mut own = fever(1, "own");
    "self".clone_into(&mut own.source);
    let refused = mesh.enrol(1, vec![own]).await.unwrap_err();
    assert_eq!(refused.reason, "TOO_MANY_FACTS");
    assert_eq!(mesh.decision(1).await.unwrap_err().reason, "DECISION_NOT_FOUND");
    assert_eq!(mesh.decision(2).await.unwrap_err().reason, "DECISION_NOT_FOUND");
}

async fn a_decision_is_its_persons_own(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![], &[1]).await;
    let asked = async |who, about: &str| mesh.decision_of(who, about).await.unwrap_err();
    assert_eq!(asked(Some(2), &subject(1).to_string()).await.reason, "NOT_YOURS");
    assert_eq!(asked(None, "").await.reason, "CODE_NOT_FOUND");
    assert_eq!(named(&asked(Some(1), "nobody").await), ["subject_id UUID_SHAPE"]);
}

async fn entries_are_asked_for_by_a_subject_id(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    assert_eq!(
        mesh.missing_of_entry(&subject(1).to_string())
            .await
            .unwrap()
            .len(),
        3
    );
    let refused = mesh.missing_of_entry("nobody").await.unwrap_err();
    assert_eq!(named(&refused), ["subject_id UUID_SHAPE"]);
}

async fn the_log_is_read_on_and_says_what_it_keeps_no_more(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![], &[1, 2, 3]).await;
    mesh.until("three events", async || {
        mesh.events("", 0).await.unwrap().0.len() == 3
    })
    .await;
    let (_, first) = mesh.events("", 1).await.unwrap();
    let (second, second_cursor) = mesh.events(&first, 1).await.unwrap();
    assert_eq!(second[0].sequence, 2);
    let refused = mesh.events("1", 0).await.unwrap_err();
    assert_eq!(named(&refused), ["cursor CURSOR_FOREIGN"]);
    testing::meddle(&mesh.storage, "DELETE FROM outbox WHERE sequence < 3").await;
    assert_eq!(mesh.events("", 0).await.unwrap_err().reason, "EVENTS_EXPIRED");
    assert_eq!(mesh.events(&second_cursor, 0).await.unwrap().0.len(), 1);
    testing::meddle(&mesh.storage, "DELETE FROM outbox").await;
    assert_eq!(
        mesh.events(&second_cursor, 0).await.unwrap_err().reason,
        "LOG_REPLACED"
    );
}

async fn a_run_that_is_none_is_not_found(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let nobodys = "recomparisons/00000000-0000-7000-8000-000000000099";
    let get = async |name: &str| recomparison::get(&mesh, name).await.unwrap_err();
    assert_eq!(get(nobodys).await.reason, "RECOMPARISON_NOT_FOUND");
    assert_eq!(named(&get("recomparisons/1").await), ["name NAME_SHAPE"]);
    let inspect = async |request| recomparison::inspect(&mesh, request).await.unwrap_err();
    let refused = inspect(recomparison::findings_of(nobodys)).await;
    assert_eq!(refused.reason, "RECOMPARISON_NOT_FOUND");
    let latest = recomparison::findings_of("recomparisons/latest");
    let aimless = wire::InspectRecomparisonFindingsRequest {
        purpose: None,
        ..latest.clone()
    };
    assert_eq!(named(&inspect(aimless).await), ["purpose MISSING"]);
    let foreign = wire::InspectRecomparisonFindingsRequest {
        page_token: "x".to_owned(),
        ..latest.clone()
    };
    assert_eq!(named(&inspect(foreign).await), ["page_token PAGE_TOKEN_FOREIGN"]);
    assert!(
        recomparison::inspect(&mesh, latest)
            .await
            .unwrap()
            .findings
            .is_empty()
    );
}

async fn a_persons_own_decisions_are_listed_and_nobody_elses(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![], &[1]).await;
    mesh.stored(vec![fever(1, "f1")], &[]).await;
    let list = async |who: Option<u32>, request: wire::ListDecisionsRequest| {
        let request = mesh.purposeful(&testing::citizen("wx-1", who.map(subject)), request);
        let answer = mesh.history().list_decisions(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    };
    let own = list(Some(1), wire::ListDecisionsRequest::default())
        .await
        .unwrap();
    let versions: Vec<_> = own
        .decisions
        .iter()
        .map(|one| (one.version, one.colour()))
        .collect();
    assert_eq!(versions, [(2, types::Colour::Yellow), (1, types::Colour::Green)]);
    let of = |subject_id: String, page_token: &str| wire::ListDecisionsRequest {
        subject_id,
        page_size: 0,
        page_token: page_token.to_owned(),
    };
    let refused = list(Some(2), of(subject(1).to_string(), "")).await.unwrap_err();
    assert_eq!(refused.reason, "NOT_YOURS");
    let refused = list(None, of(String::new(), "")).await.unwrap_err();
    assert_eq!(refused.reason, "CODE_NOT_FOUND");
    let refused = list(Some(1), of(String::new(), "-1")).await.unwrap_err();
    assert_eq!(named(&refused), ["page_token PAGE_TOKEN"]);
}

async fn an_auditor_who_asks_wrongly_is_told_what(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let auditor = staff("audit-1", Role::Auditor);
    let nobody = || "nobody".to_owned();
    let inspect = wire::InspectDecisionsRequest {
        subject_id: nobody(),
        ..wire::InspectDecisionsRequest::default()
    };
    let inspect = mesh
        .history()
        .inspect_decisions(mesh.purposeful(&auditor, inspect))
        .await
        .unwrap_err();
    let replay = wire::ReplayDecisionRequest {
        subject_id: nobody(),
        version: 1,
    };
    let replay = mesh
        .history()
        .replay_decision(mesh.purposeful(&auditor, replay))
        .await
        .unwrap_err();
    let verify = wire::VerifyHistoryRequest {
        subject_id: nobody(),
        ..wire::VerifyHistoryRequest::default()
    };
    let verify = mesh
        .history()
        .verify_history(mesh.purposeful(&auditor, verify))
        .await
        .unwrap_err();
    for refused in [inspect, replay, verify] {
        assert_eq!(named(&fault(&refused)), ["subject_id SUBJECT_ID_SHAPE"]);
    }
    let day = wire::VerifyDayRequest {
        day: "26.11.2022".to_owned(),
    };
    let day = mesh
        .history()
        .verify_day(mesh.purposeful(&auditor, day))
        .await
        .unwrap_err();
    assert_eq!(named(&fault(&day)), ["day DAY_SHAPE"]);
}
