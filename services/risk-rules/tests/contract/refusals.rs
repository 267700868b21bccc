//! What is refused, and that it says why.

use lutong_kernel::Fault;
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::types::v1 as types;
use lutong_testing::Bed;
use lutong_testing::on_both_engines;

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
        ..wire::AppendFactsRequest::default()
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
    mesh.stored(vec![fever(1, "f1")], &[]).await;
    let named_by = |n: u32, version: &str| format!("subjects/{}/decisions/{version}", subject(n));
    let asked = async |who, name: &str| mesh.decision_of(who, name).await.unwrap_err();
    for name in [named_by(1, "latest"), named_by(1, "1"), named_by(99, "1")] {
        assert_eq!(asked(Some(2), &name).await.reason, "DECISION_NOT_FOUND");
    }
    assert_eq!(asked(None, "").await.reason, "CODE_NOT_FOUND");
    assert_eq!(
        asked(Some(1), &named_by(1, "9")).await.reason,
        "DECISION_NOT_FOUND"
    );
    assert_eq!(named(&asked(Some(1), "nobody").await), ["name NAME_SHAPE"]);
    // In force, by any of its names; and a past one.
    let latest = mesh.decision(1).await.unwrap();
    assert_eq!((&latest.name, latest.version), (&named_by(1, "2"), 2));
    for name in [
        "subjects/me/decisions/latest",
        &named_by(1, "latest"),
        &latest.name,
    ] {
        assert_eq!(mesh.decision_of(Some(1), name).await.unwrap(), latest, "{name}");
    }
    let past = mesh
        .decision_of(Some(1), "subjects/me/decisions/1")
        .await
        .unwrap();
    assert_eq!((past.version, past.colour()), (1, types::Colour::Green));
    let id = mesh.literal(1);
    mesh.tamper(&format!(
        "UPDATE decisions SET citations = NULL, citation_count = 0 WHERE subject_id = {id} AND version = 1"
    ))
    .await;
    let erased = asked(Some(1), "subjects/me/decisions/1").await;
    assert_eq!(erased.reason, "DECISION_ERASED");
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
    lutong_testing::meddle(&mesh.storage, "DELETE FROM outbox WHERE sequence < 3").await;
    assert_eq!(mesh.events("", 0).await.unwrap_err().reason, "EVENTS_EXPIRED");
    assert_eq!(mesh.events(&second_cursor, 0).await.unwrap().0.len(), 1);
    lutong_testing::meddle(&mesh.storage, "DELETE FROM outbox").await;
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
        let request = mesh.asking(&lutong_testing::citizen("wx-1", who.map(subject)), request);
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
    assert_eq!(refused.reason, "CODE_NOT_FOUND");
    let refused = list(None, of(String::new(), "")).await.unwrap_err();
    assert_eq!(refused.reason, "CODE_NOT_FOUND");
    let refused = list(Some(1), of(String::new(), "-1")).await.unwrap_err();
    assert_eq!(named(&refused), ["page_token PAGE_TOKEN_FOREIGN"]);
}

async fn an_auditor_who_asks_wrongly_is_told_what(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let auditor = staff("audit-1", Role::Auditor);
    let nobody = || "nobody".to_owned();
    let purpose = Some(types::Purpose {
        code: types::PurposeCode::Audit.into(),
        reference: String::new(),
    });
    let mut history = mesh.history();
    let inspect = wire::InspectDecisionsRequest {
        subject_id: nobody(),
        purpose: purpose.clone(),
        ..wire::InspectDecisionsRequest::default()
    };
    let inspect = history.inspect_decisions(mesh.asking(&auditor, inspect)).await;
    assert_eq!(named(&fault(&inspect.unwrap_err())), ["subject_id UUID_SHAPE"]);
    let aimless = wire::InspectDecisionsRequest {
        subject_id: subject(1).to_string(),
        ..wire::InspectDecisionsRequest::default()
    };
    let aimless = history.inspect_decisions(mesh.asking(&auditor, aimless)).await;
    assert_eq!(named(&fault(&aimless.unwrap_err())), ["purpose MISSING"]);
    for name in ["subjects/nobody/decisions/1", "subjects/me/decisions/1"] {
        let replay = wire::ReplayDecisionRequest {
            name: name.to_owned(),
            purpose: purpose.clone(),
        };
        let inspect = wire::InspectDecisionRequest {
            name: name.to_owned(),
            purpose: purpose.clone(),
        };
        let inspect = history.inspect_decision(mesh.asking(&auditor, inspect)).await;
        assert_eq!(
            named(&fault(&inspect.unwrap_err())),
            ["name NAME_SHAPE"],
            "{name}"
        );
        let replay = history.replay_decision(mesh.asking(&auditor, replay)).await;
        assert_eq!(named(&fault(&replay.unwrap_err())), ["name NAME_SHAPE"], "{name}");
    }
    let verify = wire::StartHistoryVerificationRequest {
        request_id: String::new(),
        subject_id: nobody(),
        purpose: None,
    };
    let verify = history
        .start_history_verification(mesh.asking(&auditor, verify))
        .await;
    assert_eq!(
        named(&fault(&verify.unwrap_err())),
        ["request_id MISSING", "subject_id UUID_SHAPE", "purpose MISSING"]
    );
    let day = wire::VerifyDayRequest {
        decision_date: "26.11.2022".to_owned(),
    };
    let day = history.verify_day(mesh.asking(&auditor, day)).await;
    assert_eq!(named(&fault(&day.unwrap_err())), ["decision_date DATE_SHAPE"]);
}
