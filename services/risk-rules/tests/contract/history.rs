//! Past decisions, replayed and proven unchanged, and seals of days.

use std::time::Duration;

use lutong_kernel::{Fault, ServiceName};
use lutong_proto::policy::{Caller, Role};
use lutong_proto::risk_rules::v1::history_service_client::HistoryServiceClient;
use lutong_proto::risk_rules::v1::{self as wire};
use lutong_proto::types::v1::{Colour, EffectState, Purpose, PurposeCode};
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};
use lutong_transport::access::Principal;

use crate::history_verifications::{breaks, verify};
use crate::mesh::{Mesh, answered, confirmed, fault, fever, retraction, staff, subject};

on_both_engines!(
    every_past_decision_is_made_again_bit_for_bit,
    an_erased_history_says_so,
    the_audit_log_is_an_auditors_and_wrong_questions_are_named,
    a_day_is_sealed_when_it_is_over_and_a_change_shows_in_its_bucket,
    an_auditor_who_asks_wrongly_is_told_what,
    an_officer_inspects_what_is_appealed_against_through_complaint_only,
);

/// Three decisions about subject 1: green, yellow, red; one about 2.
pub async fn some(bed: Bed) -> Mesh {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![], &[1, 2]).await;
    mesh.bed.clock.advance(Duration::from_secs(60));
    mesh.stored(vec![fever(1, "f1")], &[]).await;
    mesh.bed.clock.advance(Duration::from_secs(60));
    mesh.stored(vec![confirmed(1, "c1")], &[]).await;
    mesh
}

pub fn purpose() -> Purpose {
    Purpose {
        code: PurposeCode::Audit.into(),
        reference: String::new(),
    }
}

pub fn auditor() -> Principal {
    staff("audit-1", Role::Auditor)
}

fn decision(n: u32, version: &str) -> String {
    format!("subjects/{}/decisions/{version}", subject(n))
}

pub async fn replay_named(mesh: &Mesh, name: String) -> Result<wire::ReplayDecisionResponse, Fault> {
    let request = wire::ReplayDecisionRequest {
        name,
        purpose: Some(purpose()),
    };
    answered(
        mesh.history()
            .replay_decision(mesh.asking(&auditor(), request))
            .await,
    )
}

pub async fn replay(mesh: &Mesh, version: i64) -> Result<wire::ReplayDecisionResponse, Fault> {
    replay_named(mesh, decision(1, &version.to_string())).await
}

async fn inspect_one(mesh: &Mesh, name: String) -> Result<wire::Decision, Fault> {
    let request = wire::InspectDecisionRequest {
        name,
        purpose: Some(purpose()),
    };
    let request = mesh.asking(&auditor(), request);
    let answer = answered(mesh.history().inspect_decision(request).await)?;
    Ok(answer.decision.unwrap())
}

async fn appealed(
    mesh: &Mesh,
    caller: Caller,
    who: &Principal,
    name: String,
) -> Result<wire::InspectAppealedDecisionResponse, Fault> {
    let request = wire::InspectAppealedDecisionRequest {
        name,
        purpose: Some(Purpose {
            code: PurposeCode::ComplaintReview.into(),
            reference: String::new(),
        }),
    };
    let mut client = HistoryServiceClient::new(mesh.bed.channel(ServiceName::RiskRules, caller));
    answered(client.inspect_appealed_decision(mesh.asking(who, request)).await)
}

async fn an_officer_inspects_what_is_appealed_against_through_complaint_only(bed: Bed) {
    let mesh = some(bed).await;
    let officer = staff("officer-1", Role::HealthOfficer);
    mesh.bed.clock.advance(Duration::from_secs(60));
    mesh.stored(vec![retraction(1, "r1", "f1")], &[]).await;
    let seen = appealed(&mesh, Caller::Complaint, &officer, decision(1, "3"))
        .await
        .unwrap();
    assert!(seen.identical);
    let stored = seen.stored.unwrap();
    assert_eq!((stored.version, stored.colour()), (3, Colour::Red));
    assert_eq!(seen.replayed, Some(stored));
    let facts: Vec<_> = seen
        .facts
        .iter()
        .map(|fact| (&*fact.key, &*fact.kind, fact.supersede_time.is_some()))
        .collect();
    assert_eq!(
        facts,
        [("f1", "fever_clinic_visit", true), ("c1", "case", false)],
        "each cited fact with what became of it"
    );
    let about = subject(1).to_string();
    assert!(
        seen.facts
            .iter()
            .all(|fact| fact.source == "cdc-370200" && fact.subject_id == about)
    );
    let current = seen.current.unwrap();
    assert_eq!((current.version, current.colour()), (4, Colour::Red));
    assert_eq!(EffectState::try_from(seen.effect_state), Ok(EffectState::InForce));
    for (wrong, reason) in [
        (decision(1, "9"), "DECISION_NOT_FOUND"),
        (decision(3, "1"), "DECISION_NOT_FOUND"),
        (decision(1, "latest"), "INVALID_FIELDS"),
        (String::new(), "INVALID_FIELDS"),
    ] {
        let refused = appealed(&mesh, Caller::Complaint, &officer, wrong)
            .await
            .unwrap_err();
        assert_eq!(refused.reason, reason);
    }
    // Neither the officer alone, nor an auditor through complaint.
    for (caller, who) in [(Caller::Gateway, &officer), (Caller::Complaint, &auditor())] {
        let refused = appealed(&mesh, caller, who, decision(1, "3")).await.unwrap_err();
        assert_eq!(refused.reason, "NOT_PERMITTED");
    }
}

async fn every_past_decision_is_made_again_bit_for_bit(bed: Bed) {
    let mesh = some(bed).await;
    // A later correction must not affect the replay.
    let retraction = retraction(1, "r1", "f1");
    mesh.bed.clock.advance(Duration::from_secs(60));
    mesh.stored(vec![retraction], &[]).await;
    for (version, colour) in [
        (1, Colour::Green),
        (2, Colour::Yellow),
        (3, Colour::Red),
        (4, Colour::Red),
    ] {
        let replayed = replay(&mesh, version).await.unwrap();
        assert!(replayed.identical, "{replayed:?}");
        let inspected = inspect_one(&mesh, decision(1, &version.to_string()))
            .await
            .unwrap();
        assert_eq!(Some(inspected), replayed.stored);
        assert_eq!(replayed.replayed.unwrap().colour(), colour);
    }
    assert_eq!(replay(&mesh, 5).await.unwrap_err().reason, "DECISION_NOT_FOUND");
    let none = inspect_one(&mesh, decision(1, "5")).await;
    assert_eq!(none.unwrap_err().reason, "DECISION_NOT_FOUND");
    let page = |page_token: String| wire::InspectDecisionsRequest {
        subject_id: subject(1).to_string(),
        purpose: Some(purpose()),
        page_size: 3,
        page_token,
    };
    let inspect = async |request| {
        let request = mesh.asking(&auditor(), request);
        let answer = answered(mesh.history().inspect_decisions(request).await).unwrap();
        let versions = answer.decisions.iter().map(|one| one.version);
        (versions.collect::<Vec<_>>(), answer.next_page_token)
    };
    let (versions, token) = inspect(page(String::new())).await;
    assert_eq!(versions, [4, 3, 2]);
    assert!(!token.contains('2') || token.len() > 20, "a token says nothing");
    assert_eq!(inspect(page(token)).await, (vec![1], String::new()));
}

async fn an_erased_history_says_so(bed: Bed) {
    let mesh = some(bed).await;
    let id = mesh.literal(1);
    // Lawful erasure deletes key and content and keeps the chain entries.
    mesh.tamper(&format!(
        "UPDATE decisions SET citations = NULL, colour = 0, citation_count = 0, next_change_at = NULL WHERE subject_id = {id}"
    ))
    .await;
    mesh.tamper(&format!(
        "UPDATE subjects SET salt = NULL WHERE subject_id = {id}"
    ))
    .await;
    let verified = verify(&mesh).await;
    assert_eq!(
        (verified.erased, verified.intact, verified.breaks.len()),
        (3, 1, 0)
    );
    assert_eq!(replay(&mesh, 1).await.unwrap_err().reason, "DECISION_ERASED");
    let erased = inspect_one(&mesh, decision(1, "1")).await;
    assert_eq!(erased.unwrap_err().reason, "DECISION_ERASED");
    let officer = staff("officer-1", Role::HealthOfficer);
    let erased = appealed(&mesh, Caller::Complaint, &officer, decision(1, "1")).await;
    assert_eq!(erased.unwrap_err().reason, "DECISION_ERASED");
    mesh.tamper(&format!(
        "DELETE FROM decisions WHERE subject_id = {id} AND version = 1"
    ))
    .await;
    assert_eq!(breaks(&verify(&mesh).await).len(), 1);
}

async fn day(mesh: &Mesh) -> Result<wire::VerifyDayResponse, Fault> {
    let request = wire::VerifyDayRequest {
        decision_date: "2022-11-26".to_owned(),
    };
    answered(mesh.history().verify_day(mesh.asking(&auditor(), request)).await)
}

async fn a_day_is_sealed_when_it_is_over_and_a_change_shows_in_its_bucket(bed: Bed) {
    let mesh = some(bed).await;
    assert_eq!(day(&mesh).await.unwrap_err().reason, "DAY_NOT_SEALED");
    mesh.bed.clock.advance(Duration::from_secs(13 * 3_600));
    mesh.until("the day's seal", async || day(&mesh).await.is_ok())
        .await;
    let sealed = day(&mesh).await.unwrap();
    assert!(sealed.intact && sealed.sealed == 4, "{sealed:?}");
    let id = mesh.literal(2);
    mesh.tamper(&format!("DELETE FROM decisions WHERE subject_id = {id}"))
        .await;
    let broken = day(&mesh).await.unwrap();
    assert_eq!(
        (broken.intact, broken.found, &*broken.broken_buckets),
        (false, 3, &[2][..])
    );
}

async fn the_audit_log_is_an_auditors_and_wrong_questions_are_named(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    lutong_testing::audit_contract!(lutong_proto::risk_rules::v1, RiskRules, &mesh.bed);
}

async fn an_auditor_who_asks_wrongly_is_told_what(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let auditor = staff("audit-1", Role::Auditor);
    let nobody = || "nobody".to_owned();
    let purpose = Some(Purpose {
        code: PurposeCode::Audit.into(),
        reference: String::new(),
    });
    let mut history = mesh.history();
    let inspect = wire::InspectDecisionsRequest {
        subject_id: nobody(),
        purpose: purpose.clone(),
        ..wire::InspectDecisionsRequest::default()
    };
    let inspect = history.inspect_decisions(mesh.asking(&auditor, inspect)).await;
    assert_eq!(
        violations(&fault(&inspect.unwrap_err())),
        ["subject_id UUID_SHAPE"]
    );
    let aimless = wire::InspectDecisionsRequest {
        subject_id: subject(1).to_string(),
        ..wire::InspectDecisionsRequest::default()
    };
    let aimless = history.inspect_decisions(mesh.asking(&auditor, aimless)).await;
    assert_eq!(violations(&fault(&aimless.unwrap_err())), ["purpose MISSING"]);
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
            violations(&fault(&inspect.unwrap_err())),
            ["name NAME_SHAPE"],
            "{name}"
        );
        let replay = history.replay_decision(mesh.asking(&auditor, replay)).await;
        assert_eq!(
            violations(&fault(&replay.unwrap_err())),
            ["name NAME_SHAPE"],
            "{name}"
        );
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
        violations(&fault(&verify.unwrap_err())),
        ["request_id MISSING", "subject_id UUID_SHAPE", "purpose MISSING"]
    );
    let day = wire::VerifyDayRequest {
        decision_date: "26.11.2022".to_owned(),
    };
    let day = history.verify_day(mesh.asking(&auditor, day)).await;
    assert_eq!(
        violations(&fault(&day.unwrap_err())),
        ["decision_date DATE_SHAPE"]
    );
}
