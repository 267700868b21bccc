//! Decisions: made from facts, brought into force, and readable by their person only.

use std::sync::atomic::Ordering;

use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::types::v1::{self as types, Colour, EffectState, OperationState};
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};

use crate::mesh::{Mesh, confirmed, fault, fever, in_force, subject};
use crate::operations;

on_both_engines!(
    a_fact_turns_whom_it_concerns_and_the_decision_says_why,
    while_code_rendering_is_away_decisions_are_pending,
    what_is_pending_is_left_to_one_operation_of_the_feed,
    a_case_is_acknowledged_only_once_its_colour_is_in_force,
    a_large_import_is_in_force_with_its_answer_and_when_it_was_not_by_sending_it_again,
    reading_a_decision_asks_code_rendering_only_where_its_effect_is_not_known,
    a_decision_is_its_persons_own,
    a_persons_own_decisions_are_listed_and_nobody_elses,
);

pub fn rules(decision: &wire::Decision) -> Vec<&str> {
    decision
        .citations
        .iter()
        .map(|citation| citation.rule_id.as_str())
        .collect()
}

async fn a_fact_turns_whom_it_concerns_and_the_decision_says_why(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    assert!(mesh.stored(vec![], &[1, 2]).await);
    assert_eq!(mesh.decision(1).await.unwrap().colour(), Colour::Green);
    assert!(mesh.stored(vec![confirmed(1, "c1"), fever(1, "f1")], &[]).await);
    let decision = mesh.decision(1).await.unwrap();
    assert_eq!((decision.colour(), decision.version), (Colour::Red, 2));
    assert_eq!(rules(&decision), ["red.confirmed", "yellow.fever-clinic"]);
    let explanation = decision.citations[1].explanation.clone().unwrap();
    for part in ["发热门诊", "疾控机构", "2022-11-26", "2022-12-04 24时"] {
        assert!(explanation.zh.contains(part), "{}", explanation.zh);
    }
    let fact = &decision.citations[0].facts[0];
    assert_eq!((fact.kind.as_str(), fact.source.as_str()), ("case", "cdc-370200"));
    assert_eq!(
        (mesh.shown(1), mesh.shown(2)),
        (Some(Colour::Red), Some(Colour::Green))
    );
}

async fn while_code_rendering_is_away_decisions_are_pending(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![], &[1]).await;
    mesh.codes.away.store(true, Ordering::SeqCst);
    assert!(!mesh.stored(vec![fever(1, "f1")], &[]).await);
    assert_eq!(mesh.shown(1), Some(Colour::Green));
    mesh.codes.away.store(false, Ordering::SeqCst);
    // Sending the same statement again brings it into force: the current decision is delivered again.
    assert!(mesh.stored(vec![fever(1, "f1")], &[]).await);
    assert_eq!(mesh.shown(1), Some(Colour::Yellow));
}

async fn what_is_pending_is_left_to_one_operation_of_the_feed(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![], &[1, 2]).await;
    mesh.codes.away.store(true, Ordering::SeqCst);
    let part = async |statement, earlier: &str| {
        let batch = wire::AppendFactsRequest {
            statements: vec![statement],
            effect_operation: earlier.to_owned(),
            ..wire::AppendFactsRequest::default()
        };
        let answer = mesh.append_batch(batch).await.unwrap();
        let effect = answer.effect.unwrap();
        assert_eq!((effect.redecided, effect.state()), (1, EffectState::Pending));
        effect.operation
    };
    let operation = part(fever(1, "f1"), "").await;
    assert_eq!(part(fever(2, "f2"), &operation).await, operation);
    let feed = lutong_testing::feed("cdc-370200", &["fever_clinic_visit"]);
    let found = operations::get(&mesh, &feed, &operation).await.unwrap();
    let progress = found.progress.unwrap();
    assert_eq!(
        (found.finish_time, progress.done, progress.total),
        (None, 0, Some(2))
    );
    let other = lutong_testing::feed("cdc-370300", &["fever_clinic_visit"]);
    let refused = operations::get(&mesh, &other, &operation).await.unwrap_err();
    assert_eq!(refused.reason, "OPERATION_NOT_FOUND");
    mesh.codes.away.store(false, Ordering::SeqCst);
    let ended = operations::ended(&mesh, &feed, &operation).await;
    assert_eq!(ended.state(), OperationState::Succeeded);
    assert_eq!(ended.progress.unwrap().done, 2);
    for n in [1, 2] {
        assert_eq!(mesh.shown(n), Some(Colour::Yellow));
    }
    // An operation that has ended accepts no more subjects.
    mesh.stored(vec![], &[3]).await;
    mesh.codes.away.store(true, Ordering::SeqCst);
    assert_ne!(part(fever(3, "f3"), &operation).await, operation);
    let batch = wire::AppendFactsRequest {
        effect_operation: "operations/7".to_owned(),
        ..wire::AppendFactsRequest::default()
    };
    let refused = mesh.append_batch(batch).await.unwrap_err();
    assert_eq!(violations(&refused), ["effect_operation NAME_SHAPE"]);
}

async fn a_case_is_acknowledged_only_once_its_colour_is_in_force(bed: Bed) {
    use wire::statement_result::Outcome;
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![], &[1, 2]).await;
    mesh.codes.away.store(true, Ordering::SeqCst);
    let answer = mesh
        .append(vec![confirmed(1, "c1"), fever(2, "f2")], &[])
        .await
        .unwrap();
    let Some(Outcome::Error(error)) = &answer.results[0].outcome else {
        panic!("a green code may be shown over it: {answer:?}")
    };
    assert_eq!(error.reason, "CASE_NOT_IN_FORCE");
    assert!(matches!(answer.results[1].outcome, Some(Outcome::FactId(_))) && !in_force(&answer));
    let batch = wire::AppendFactsRequest {
        statements: vec![confirmed(2, "c2")],
        all_or_nothing: true,
        ..wire::AppendFactsRequest::default()
    };
    assert_eq!(
        mesh.append_batch(batch).await.unwrap_err().reason,
        "PART_UNAVAILABLE"
    );
    mesh.codes.away.store(false, Ordering::SeqCst);
    let answer = mesh.append(vec![confirmed(1, "c1")], &[]).await.unwrap();
    assert!(matches!(answer.results[0].outcome, Some(Outcome::UnchangedFactId(_))) && in_force(&answer));
    assert_eq!(mesh.shown(1), Some(Colour::Red));
}

async fn a_large_import_is_in_force_with_its_answer_and_when_it_was_not_by_sending_it_again(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let people: Vec<u32> = (1..=900).collect();
    mesh.stored(vec![], &people).await;
    let shown = |n: &u32| mesh.shown(*n) == Some(if *n == 1 { Colour::Red } else { Colour::Yellow });
    let rows = |people: &[u32]| -> Vec<_> {
        let row = |n: &u32| match n {
            1 => confirmed(1, "c1"),
            n => fever(*n, &format!("f{n}")),
        };
        people.iter().map(row).collect()
    };
    mesh.codes.away.store(true, Ordering::SeqCst);
    let answer = mesh.append(rows(&people[..600]), &[]).await.unwrap();
    assert!(!in_force(&answer));
    let refused = |result: &wire::StatementResult| {
        matches!(result.outcome, Some(wire::statement_result::Outcome::Error(_)))
    };
    assert_eq!(
        answer.results.iter().position(refused),
        Some(0),
        "the case is not acknowledged while green may be shown over it"
    );
    assert_eq!(answer.results.iter().filter(|result| refused(result)).count(), 1);
    mesh.codes.away.store(false, Ordering::SeqCst);
    assert!(
        mesh.stored(rows(&people), &[]).await,
        "what was stored before and what is new"
    );
    assert!(people.iter().all(shown));
}

async fn reading_a_decision_asks_code_rendering_only_where_its_effect_is_not_known(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.codes.away.store(true, Ordering::SeqCst);
    mesh.stored(vec![fever(1, "f1")], &[1]).await;
    let read = async || mesh.answer_about(Some(1), "").await.unwrap().effect_state();
    assert_eq!(read().await, types::EffectState::Pending);
    let asked = mesh.codes.calls.load(Ordering::SeqCst);
    assert_eq!(read().await, types::EffectState::Pending);
    assert!(
        mesh.codes.calls.load(Ordering::SeqCst) > asked,
        "nothing pending is remembered"
    );
    mesh.codes.away.store(false, Ordering::SeqCst);
    mesh.until("delivered", async || mesh.shown(1) == Some(Colour::Yellow))
        .await;
    assert_eq!(read().await, types::EffectState::InForce);
    // Background work may still deliver pending decisions.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let asked = mesh.codes.calls.load(Ordering::SeqCst);
    for _ in 0..5 {
        assert_eq!(read().await, types::EffectState::InForce);
    }
    assert_eq!(mesh.codes.calls.load(Ordering::SeqCst), asked);
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
    assert_eq!(violations(&asked(Some(1), "nobody").await), ["name NAME_SHAPE"]);
    // The decision in force by any of its names, and a past one.
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
    assert_eq!(violations(&refused), ["page_token PAGE_TOKEN_FOREIGN"]);
}
