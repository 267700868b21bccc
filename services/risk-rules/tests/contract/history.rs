//! Past decisions, made again and proven unchanged.

use std::time::Duration;

use futures::StreamExt as _;
use lutong_kernel::Fault;
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1::{self as wire, HistoryBreakKind, HistoryVerificationState};
use lutong_proto::types::v1::{Colour, OperationState, Purpose, PurposeCode};
use lutong_testing::Bed;
use lutong_testing::on_both_engines;
use lutong_transport::access::Principal;
use tonic::Response;

use crate::mesh::{Mesh, confirmed, fault, fever, fresh_id, named, request_id, retraction, staff, subject};
use crate::operations;

on_both_engines!(
    every_past_decision_is_made_again_bit_for_bit,
    a_check_of_history_is_begun_once_of_one_subject_or_of_all_and_can_be_cancelled,
    a_changed_a_removed_and_a_cut_off_decision_are_found,
    an_erased_history_says_so,
    the_audit_log_is_an_auditors_and_wrong_questions_are_named,
    a_day_is_sealed_when_it_is_over_and_a_change_shows_in_its_bucket,
    a_check_goes_on_after_its_worker_was_killed_and_looks_at_each_subject_once,
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

fn purpose() -> Purpose {
    Purpose {
        code: PurposeCode::Audit.into(),
        reference: String::new(),
    }
}

fn auditor() -> Principal {
    staff("audit-1", Role::Auditor)
}

fn answered<T>(answer: Result<Response<T>, tonic::Status>) -> Result<T, Fault> {
    answer.map(Response::into_inner).map_err(|status| fault(&status))
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

async fn replay(mesh: &Mesh, version: i64) -> Result<wire::ReplayDecisionResponse, Fault> {
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

async fn start(
    mesh: &Mesh,
    request_id: &str,
    subject_id: &str,
) -> Result<wire::StartHistoryVerificationResponse, Fault> {
    let request = wire::StartHistoryVerificationRequest {
        request_id: request_id.to_owned(),
        subject_id: subject_id.to_owned(),
        purpose: Some(purpose()),
    };
    let request = mesh.asking(&auditor(), request);
    answered(mesh.history().start_history_verification(request).await)
}

async fn get(mesh: &Mesh, name: &str) -> Result<wire::HistoryVerification, Fault> {
    let request = wire::GetHistoryVerificationRequest {
        name: name.to_owned(),
    };
    let request = mesh.asking(&auditor(), request);
    let answer = answered(mesh.history().get_history_verification(request).await)?;
    Ok(answer.history_verification.unwrap())
}

/// Everybody's chains, checked.
pub async fn verify(mesh: &Mesh) -> wire::HistoryVerification {
    let begun = start(mesh, &fresh_id(), "").await.unwrap();
    let ended = operations::ended(mesh, &auditor(), &begun.operation).await;
    assert_eq!(ended.state(), OperationState::Succeeded);
    let checked = get(mesh, &begun.history_verification.unwrap().name)
        .await
        .unwrap();
    let state = if checked.broken == 0 {
        HistoryVerificationState::Intact
    } else {
        HistoryVerificationState::Broken
    };
    assert_eq!(
        (checked.state(), ended.progress.unwrap().done),
        (state, checked.subjects)
    );
    checked
}

fn breaks(answer: &wire::HistoryVerification) -> Vec<(&str, i64, HistoryBreakKind)> {
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

async fn a_check_of_history_is_begun_once_of_one_subject_or_of_all_and_can_be_cancelled(bed: Bed) {
    let mesh = some(bed).await;
    let one = subject(1).to_string();
    let begun = start(&mesh, &request_id(1), &one).await.unwrap();
    let again = start(&mesh, &request_id(1), &one).await.unwrap();
    let name = begun.history_verification.unwrap().name;
    assert_eq!(
        (&again.history_verification.unwrap().name, &again.operation),
        (&name, &begun.operation)
    );
    assert_eq!(
        start(&mesh, &request_id(1), "").await.unwrap_err().reason,
        "REQUEST_ID_REUSED"
    );
    operations::ended(&mesh, &auditor(), &begun.operation).await;
    let checked = get(&mesh, &name).await.unwrap();
    assert_eq!(
        (checked.subjects, checked.intact, &checked.subject_id),
        (1, 3, &one)
    );
    mesh.bed.clock.advance(Duration::from_secs(1));
    let all = verify(&mesh).await;
    let list = async |page_token: &str| {
        let request = wire::ListHistoryVerificationsRequest {
            page_size: 1,
            page_token: page_token.to_owned(),
        };
        let request = mesh.asking(&auditor(), request);
        answered(mesh.history().list_history_verifications(request).await)
    };
    let first = list("").await.unwrap();
    assert_eq!(first.history_verifications, [all]);
    let second = list(&first.next_page_token).await.unwrap();
    assert_eq!(second.history_verifications[0].name, name);
    assert_eq!(
        named(&list("x").await.unwrap_err()),
        ["page_token PAGE_TOKEN_FOREIGN"]
    );
    let nobodys = format!("history-verifications/{}", request_id(99));
    let refused = get(&mesh, &nobodys).await.unwrap_err();
    assert_eq!(refused.reason, "HISTORY_VERIFICATION_NOT_FOUND");
    assert_eq!(
        named(&get(&mesh, "history-verifications/1").await.unwrap_err()),
        ["name NAME_SHAPE"]
    );
    // One that has not ended is ended by cancelling it; a worker who was at it stores nothing more.
    mesh.tamper("UPDATE operations SET state = 'RUNNING', finished_at = NULL")
        .await;
    let cancelled = operations::cancel(&mesh, &auditor(), &request_id(3), &begun.operation).await;
    assert_eq!(cancelled.unwrap().state(), OperationState::Cancelled);
}

async fn a_changed_a_removed_and_a_cut_off_decision_are_found(bed: Bed) {
    let mesh = some(bed).await;
    let clean = verify(&mesh).await;
    assert_eq!((clean.subjects, clean.intact, clean.broken), (2, 4, 0));
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
    let erased = inspect_one(&mesh, decision(1, "1")).await;
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

/// A page of a check and some.
const MANY: u32 = 1_040;

/// From so many checked subjects on, what a worker has found of the next page is not stored: it dies inside that page.
async fn dies_after(mesh: &Mesh, subjects: u32) {
    let statements: &[&str] = if mesh.storage.url.expose().starts_with("sqlite") {
        &["CREATE TRIGGER dies BEFORE UPDATE ON history_verifications WHEN OLD.subjects = {n} AND OLD.finished_at IS NULL
            BEGIN SELECT RAISE(ABORT, 'it is dead'); END"]
    } else {
        &[
            "CREATE OR REPLACE FUNCTION die() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'it is dead'; END $$ LANGUAGE plpgsql",
            "CREATE TRIGGER dies BEFORE UPDATE ON history_verifications FOR EACH ROW
            WHEN (OLD.subjects = {n} AND OLD.finished_at IS NULL) EXECUTE FUNCTION die()",
        ]
    };
    for statement in statements {
        mesh.tamper(&statement.replace("{n}", &subjects.to_string()))
            .await;
    }
}

async fn dies_no_more(mesh: &Mesh) {
    let is_sqlite = mesh.storage.url.expose().starts_with("sqlite");
    let on_table = if is_sqlite {
        ""
    } else {
        " ON history_verifications"
    };
    mesh.tamper(&format!("DROP TRIGGER dies{on_table}")).await;
}

/// What a check says besides which one it is and when it was.
fn outcome(check: wire::HistoryVerification) -> wire::HistoryVerification {
    wire::HistoryVerification {
        name: String::new(),
        history_verification_id: String::new(),
        create_time: None,
        finish_time: None,
        ..check
    }
}

async fn a_check_goes_on_after_its_worker_was_killed_and_looks_at_each_subject_once(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    futures::stream::iter(1..=MANY)
        .for_each_concurrent(8, async |n| {
            mesh.enrol(n, vec![]).await.unwrap();
        })
        .await;
    // One broken chain on either page.
    for n in [7, MANY] {
        let subject = mesh.literal(n);
        mesh.tamper(&format!("DELETE FROM decisions WHERE subject_id = {subject}"))
            .await;
    }
    let undisturbed = outcome(verify(&mesh).await);
    assert_eq!(
        (undisturbed.subjects, undisturbed.intact, undisturbed.broken),
        (i64::from(MANY), i64::from(MANY) - 2, 2)
    );
    mesh.bed.kill_background_work();
    let begun = start(&mesh, &fresh_id(), "").await.unwrap();
    let name = begun.history_verification.unwrap().name;
    let mut mesh = mesh;
    for page in [0, 1_000] {
        dies_after(&mesh, page).await;
        mesh = mesh.restarted().await;
        mesh.until("the page before", async || {
            get(&mesh, &name).await.unwrap().subjects == i64::from(page)
        })
        .await;
        // It looks at the next one, again and again.
        tokio::time::sleep(Duration::from_millis(200)).await;
        mesh.bed.kill_background_work();
        let stands = get(&mesh, &name).await.unwrap();
        assert_eq!(
            (stands.state(), stands.subjects),
            (HistoryVerificationState::Running, i64::from(page))
        );
        dies_no_more(&mesh).await;
    }
    let mesh = mesh.restarted().await;
    let ended = operations::ended(&mesh, &auditor(), &begun.operation).await;
    assert_eq!(ended.state(), OperationState::Succeeded);
    assert_eq!(ended.progress.unwrap().done, i64::from(MANY));
    assert_eq!(outcome(get(&mesh, &name).await.unwrap()), undisturbed);
}
