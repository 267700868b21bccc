//! Past decisions, made again and proven unchanged.

use std::time::Duration;

use lutong_chassis::on_both_engines;
use lutong_chassis::testing::Bed;
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1::{self as wire, HistoryBreakKind};
use lutong_proto::types::v1::Colour;

use crate::mesh::{Mesh, confirmed, fault, fever, retraction, staff, subject};

on_both_engines!(
    every_past_decision_is_made_again_bit_for_bit,
    a_changed_a_removed_and_a_cut_off_decision_are_found,
    an_erased_history_says_so,
    the_audit_log_is_an_auditors_and_wrong_questions_are_named,
    a_day_is_sealed_when_it_is_over_and_a_change_shows_in_its_bucket,
);

/// Three decisions about subject 1: green, yellow, red; one about 2.
async fn some(bed: Bed) -> Mesh {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![], &[1, 2]).await;
    mesh.bed.clock.advance(Duration::from_secs(60));
    mesh.stored(vec![fever(1, "f1")], &[]).await;
    mesh.bed.clock.advance(Duration::from_secs(60));
    mesh.stored(vec![confirmed(1, "c1")], &[]).await;
    mesh
}

async fn replay(mesh: &Mesh, version: i64) -> Result<wire::ReplayDecisionResponse, lutong_kernel::Fault> {
    let request = wire::ReplayDecisionRequest {
        subject_id: subject(1).to_string(),
        version,
    };
    let request = mesh.purposeful(&staff("audit-1", Role::Auditor), request);
    let answer = mesh.history().replay_decision(request).await;
    answer
        .map(tonic::Response::into_inner)
        .map_err(|status| fault(&status))
}

async fn verify(mesh: &Mesh) -> wire::VerifyHistoryResponse {
    let request = mesh.purposeful(
        &staff("audit-1", Role::Auditor),
        wire::VerifyHistoryRequest::default(),
    );
    mesh.history().verify_history(request).await.unwrap().into_inner()
}

fn breaks(answer: &wire::VerifyHistoryResponse) -> Vec<(&str, i64, HistoryBreakKind)> {
    let broken = answer.breaks.iter();
    broken
        .map(|one| (one.subject_id.as_str(), one.version, one.kind()))
        .collect()
}

async fn every_past_decision_is_made_again_bit_for_bit(bed: Bed) {
    let mesh = some(bed).await;
    // What is known now is not what was known then.
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
        assert_eq!(replayed.replayed.unwrap().colour(), colour);
    }
    assert_eq!(replay(&mesh, 5).await.unwrap_err().reason, "DECISION_NOT_FOUND");
    let request = wire::InspectDecisionsRequest {
        subject_id: subject(1).to_string(),
        page_size: 3,
        page_token: String::new(),
    };
    let request = mesh.purposeful(&staff("audit-1", Role::Auditor), request);
    let listed = mesh
        .history()
        .inspect_decisions(request)
        .await
        .unwrap()
        .into_inner();
    let versions: Vec<_> = listed.decisions.iter().map(|one| one.version).collect();
    assert_eq!((versions, listed.next_page_token.as_str()), (vec![4, 3, 2], "2"));
}

async fn a_changed_a_removed_and_a_cut_off_decision_are_found(bed: Bed) {
    let mesh = some(bed).await;
    let clean = verify(&mesh).await;
    assert_eq!((clean.subjects, clean.intact, clean.breaks.len()), (2, 4, 0));
    let (id, name) = (mesh.literal(1), subject(1).to_string());
    let where_version = |version: i64| format!("WHERE subject_id = {id} AND version = {version}");
    mesh.tamper(&format!(
        "UPDATE decisions SET evaluated_at = evaluated_at + 1 {}",
        where_version(2)
    ))
    .await;
    assert_eq!(
        breaks(&verify(&mesh).await),
        [(&*name, 2, HistoryBreakKind::Changed)]
    );
    assert!(!replay(&mesh, 2).await.unwrap().identical);
    mesh.tamper(&format!("DELETE FROM decisions {}", where_version(2)))
        .await;
    assert_eq!(breaks(&verify(&mesh).await), [(&*name, 3, HistoryBreakKind::Gap)]);
    mesh.tamper(&format!("DELETE FROM decisions {}", where_version(3)))
        .await;
    assert_eq!(
        breaks(&verify(&mesh).await),
        [(&*name, 1, HistoryBreakKind::Head)]
    );
}

async fn an_erased_history_says_so(bed: Bed) {
    let mesh = some(bed).await;
    let id = mesh.literal(1);
    // What erasing by law does: key and content go, entries stay.
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
    mesh.tamper(&format!(
        "DELETE FROM decisions WHERE subject_id = {id} AND version = 1"
    ))
    .await;
    assert_eq!(breaks(&verify(&mesh).await).len(), 1);
}

async fn day(mesh: &Mesh) -> Result<wire::VerifyDayResponse, lutong_kernel::Fault> {
    let request = wire::VerifyDayRequest {
        day: "2022-11-26".to_owned(),
    };
    let request = mesh.purposeful(&staff("audit-1", Role::Auditor), request);
    let answer = mesh.history().verify_day(request).await;
    answer
        .map(tonic::Response::into_inner)
        .map_err(|status| fault(&status))
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
    lutong_chassis::audit_contract!(lutong_proto::risk_rules::v1, RiskRules, &mesh.bed);
}
