//! Verifications of history, as operations.

use std::time::Duration;

use futures::StreamExt as _;
use lutong_kernel::Fault;
use lutong_proto::risk_rules::v1::{self as wire, HistoryBreakKind, HistoryVerificationState};
use lutong_proto::types::v1::OperationState;
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};

use crate::history::{auditor, purpose, replay, some};
use crate::mesh::{Mesh, answered, fresh_id, request_id, subject};
use crate::operations;

on_both_engines!(
    a_check_of_history_is_begun_once_of_one_subject_or_of_all_and_can_be_cancelled,
    a_changed_a_removed_and_a_cut_off_decision_are_found,
    a_check_goes_on_after_its_worker_was_killed_and_looks_at_each_subject_once,
);

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

/// Verifies all subjects' chains.
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

pub fn breaks(answer: &wire::HistoryVerification) -> Vec<(&str, i64, HistoryBreakKind)> {
    let broken = answer.breaks.iter();
    broken
        .map(|one| (one.subject_id.as_str(), one.version, one.kind()))
        .collect()
}

/// More than one page of a verification.
const MANY: u32 = 1_040;

/// Once this many subjects are checked, the next page of results cannot be stored, as if the worker crashed within that
/// page.
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

/// The result of a verification without name and times.
fn outcome(check: wire::HistoryVerification) -> wire::HistoryVerification {
    wire::HistoryVerification {
        name: String::new(),
        history_verification_id: String::new(),
        create_time: None,
        finish_time: None,
        ..check
    }
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
        violations(&list("x").await.unwrap_err()),
        ["page_token PAGE_TOKEN_FOREIGN"]
    );
    let nobodys = format!("history-verifications/{}", request_id(99));
    let refused = get(&mesh, &nobodys).await.unwrap_err();
    assert_eq!(refused.reason, "HISTORY_VERIFICATION_NOT_FOUND");
    assert_eq!(
        violations(&get(&mesh, "history-verifications/1").await.unwrap_err()),
        ["name NAME_SHAPE"]
    );
    // Cancelling ends a running one; its worker stores nothing more.
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

async fn a_check_goes_on_after_its_worker_was_killed_and_looks_at_each_subject_once(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    futures::stream::iter(1..=MANY)
        .for_each_concurrent(8, async |n| {
            mesh.enrol(n, vec![]).await.unwrap();
        })
        .await;
    // One broken chain on each page.
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
        // It keeps retrying the next page.
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
