//! Operations: visibility, watching and ends.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use lutong_kernel::{Fault, FaultCode};
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::types::v1::{Operation, OperationKind, OperationState};
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};
use lutong_transport::access::Principal;
use tonic::Streaming;

use crate::designations::{self, officer, proposal, propose};
use crate::mesh::{Mesh, fault, fresh_id, staff};
use crate::people::placed;

on_both_engines!(
    an_operation_is_seen_by_who_began_it_and_by_operators,
    an_operation_is_watched_until_it_ends,
    what_must_not_be_left_half_done_is_not_cancelled,
    an_operation_is_forgotten_a_month_after_its_end,
    a_watcher_hears_at_least_every_15_seconds_while_nothing_changes,
    a_watch_ends_with_the_deadline_of_its_call,
    a_watcher_who_was_cut_off_asks_again_and_hears_the_rest,
);

const NOBODYS: &str = "operations/00000000-0000-7000-8000-000000000099";

pub async fn get(mesh: &Mesh, who: &Principal, name: &str) -> Result<Operation, Fault> {
    let request = wire::GetOperationRequest {
        name: name.to_owned(),
    };
    let answer = mesh.operations().get_operation(mesh.asking(who, request)).await;
    let answer = answer.map_err(|status| fault(&status))?;
    Ok(answer.into_inner().operation.unwrap())
}

/// Waits for its end.
pub async fn ended(mesh: &Mesh, who: &Principal, name: &str) -> Operation {
    mesh.until("the end of an operation", async || {
        get(mesh, who, name).await.unwrap().finish_time.is_some()
    })
    .await;
    get(mesh, who, name).await.unwrap()
}

async fn list(
    mesh: &Mesh,
    who: &Principal,
    request: wire::ListOperationsRequest,
) -> Result<(Vec<String>, String), Fault> {
    let answer = mesh.operations().list_operations(mesh.asking(who, request)).await;
    let answer = answer.map_err(|status| fault(&status))?.into_inner();
    let names = answer.operations.into_iter().map(|one| one.name);
    Ok((names.collect(), answer.next_page_token))
}

pub async fn cancel(mesh: &Mesh, who: &Principal, id: &str, name: &str) -> Result<Operation, Fault> {
    let request = wire::CancelOperationRequest {
        request_id: id.to_owned(),
        name: name.to_owned(),
    };
    let answer = mesh
        .operations()
        .cancel_operation(mesh.asking(who, request))
        .await;
    let answer = answer.map_err(|status| fault(&status))?;
    Ok(answer.into_inner().operation.unwrap())
}

/// Designates subject 1 while code-rendering is away; returns the pending operation.
pub async fn pending(bed: Bed) -> (Mesh, String) {
    let mesh = Mesh::start(bed).await;
    mesh.after_identity_events([placed(1, "370202")]).await;
    mesh.stored(vec![], &[1]).await;
    let name = propose(&mesh, &officer("officer-1", "370202"), proposal(&mesh, 1, 14))
        .await
        .unwrap();
    mesh.codes.away.store(true, Ordering::SeqCst);
    let approved = designations::approve(&mesh, &officer("officer-2", "370202"), &name).await;
    let operation = approved.unwrap().1.unwrap().operation;
    (mesh, operation)
}

async fn an_operation_is_seen_by_who_began_it_and_by_operators(bed: Bed) {
    let (mesh, name) = pending(bed).await;
    let (own, theirs) = (officer("officer-2", "370202"), officer("officer-1", "370202"));
    let operator = staff("op-1", Role::Operator);
    for who in [&own, &operator] {
        let found = get(&mesh, who, &name).await.unwrap();
        assert_eq!(
            (found.name, found.state.try_into()),
            (name.clone(), Ok(OperationState::Running))
        );
        let progress = found.progress.unwrap();
        assert_eq!((progress.done, progress.total), (0, Some(1)));
        let running = wire::ListOperationsRequest {
            state: OperationState::Running.into(),
            kind: OperationKind::BringIntoForce.into(),
            ..wire::ListOperationsRequest::default()
        };
        assert_eq!(
            list(&mesh, who, running).await.unwrap().0,
            std::slice::from_ref(&name)
        );
        let pulls = wire::ListOperationsRequest {
            kind: OperationKind::Pull.into(),
            ..wire::ListOperationsRequest::default()
        };
        assert!(list(&mesh, who, pulls).await.unwrap().0.is_empty());
    }
    let all = wire::ListOperationsRequest::default();
    assert!(list(&mesh, &theirs, all.clone()).await.unwrap().0.is_empty());
    let refused = get(&mesh, &theirs, &name).await.unwrap_err();
    assert_eq!(refused.reason, "OPERATION_NOT_FOUND");
    assert_eq!(refused, get(&mesh, &theirs, NOBODYS).await.unwrap_err());
    let refused = get(&mesh, &own, "operations/7").await.unwrap_err();
    assert_eq!(violations(&refused), ["name NAME_SHAPE"]);
    let foreign = wire::ListOperationsRequest {
        page_token: "x".to_owned(),
        ..all
    };
    let refused = list(&mesh, &own, foreign).await.unwrap_err();
    assert_eq!(violations(&refused), ["page_token PAGE_TOKEN_FOREIGN"]);
}

async fn an_operation_is_watched_until_it_ends(bed: Bed) {
    let (mesh, name) = pending(bed).await;
    let own = officer("officer-2", "370202");
    let watch = async |who: &Principal, name: &str| {
        let request = wire::WatchOperationRequest {
            name: name.to_owned(),
        };
        let answer = mesh.operations().watch_operation(mesh.asking(who, request)).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    };
    let mut watched = watch(&own, &name).await.unwrap();
    let first = watched.message().await.unwrap().unwrap().operation.unwrap();
    assert_eq!(first.state(), OperationState::Running);
    mesh.codes.away.store(false, Ordering::SeqCst);
    let mut last = first;
    while let Some(said) = watched.message().await.unwrap() {
        last = said.operation.unwrap();
    }
    assert_eq!(last.state(), OperationState::Succeeded);
    assert!(last.finish_time.is_some());
    for (who, name, reason) in [
        (
            officer("officer-1", "370202"),
            name.as_str(),
            "OPERATION_NOT_FOUND",
        ),
        (own, "7", "INVALID_FIELDS"),
    ] {
        assert_eq!(watch(&who, name).await.unwrap_err().reason, reason);
    }
}

async fn what_must_not_be_left_half_done_is_not_cancelled(bed: Bed) {
    let (mesh, name) = pending(bed).await;
    let (own, theirs) = (officer("officer-2", "370202"), officer("officer-1", "370202"));
    let refused = cancel(&mesh, &own, &fresh_id(), &name).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::FailedPrecondition, "NOT_CANCELLABLE")
    );
    let refused = cancel(&mesh, &theirs, &fresh_id(), &name).await.unwrap_err();
    assert_eq!(refused.reason, "OPERATION_NOT_FOUND");
    let refused = cancel(&mesh, &own, "", "7").await.unwrap_err();
    assert_eq!(violations(&refused), ["request_id MISSING", "name NAME_SHAPE"]);
    mesh.codes.away.store(false, Ordering::SeqCst);
    assert_eq!(ended(&mesh, &own, &name).await.state(), OperationState::Succeeded);
}

async fn an_operation_is_forgotten_a_month_after_its_end(bed: Bed) {
    let (mesh, name) = pending(bed).await;
    let own = officer("officer-2", "370202");
    mesh.codes.away.store(false, Ordering::SeqCst);
    ended(&mesh, &own, &name).await;
    assert_eq!(lutong_testing::rows(&mesh.storage, "operation_subjects").await, 0);
    // Old operations are deleted by the next sweep, which runs at start.
    mesh.tamper("UPDATE operations SET finished_at = 0").await;
    let mesh = mesh.restarted().await;
    mesh.until("the sweep", async || {
        get(&mesh, &own, &name)
            .await
            .is_err_and(|fault| fault.reason == "OPERATION_NOT_FOUND")
    })
    .await;
}

/// The longest interval between answers to a watcher.
const HEARTBEAT: Duration = Duration::from_secs(15);

const MINUTE: Duration = Duration::from_secs(60);

async fn watch(
    mesh: &Mesh,
    who: &Principal,
    name: &str,
    within: Duration,
) -> Streaming<wire::WatchOperationResponse> {
    let message = wire::WatchOperationRequest {
        name: name.to_owned(),
    };
    let mut request = mesh.asking(who, message);
    request.set_timeout(within);
    let answer = mesh.operations().watch_operation(request).await;
    answer.map_err(|status| fault(&status)).unwrap().into_inner()
}

async fn next(watched: &mut Streaming<wire::WatchOperationResponse>) -> Option<Operation> {
    let said = watched.message().await.unwrap();
    said.map(|said| said.operation.unwrap())
}

async fn a_watcher_hears_at_least_every_15_seconds_while_nothing_changes(bed: Bed) {
    let (mesh, name) = pending(bed).await;
    let own = officer("officer-2", "370202");
    let mut watched = watch(&mesh, &own, &name, MINUTE).await;
    let first = next(&mut watched).await.unwrap();
    assert_eq!(first.state(), OperationState::Running);
    // The heartbeat runs on the real clock.
    let silent = Instant::now();
    let heartbeat = tokio::time::timeout(HEARTBEAT, next(&mut watched)).await;
    assert_eq!(heartbeat.expect("a heartbeat").as_ref(), Some(&first));
    // The heartbeat must not come with every poll.
    assert!(silent.elapsed() > HEARTBEAT / 2, "{:?}", silent.elapsed());
    // A change is sent long before the next heartbeat, and the end is the last answer.
    mesh.codes.away.store(false, Ordering::SeqCst);
    let mut told = first;
    while let Some(said) = next(&mut watched).await {
        told = said;
    }
    assert_eq!(told.state(), OperationState::Succeeded);
    assert_eq!(told, get(&mesh, &own, &name).await.unwrap());
}

async fn a_watch_ends_with_the_deadline_of_its_call(bed: Bed) {
    let (mesh, name) = pending(bed).await;
    let own = officer("officer-2", "370202");
    let mut watched = watch(&mesh, &own, &name, Duration::from_secs(1)).await;
    let whole = async { while watched.message().await.is_ok_and(|said| said.is_some()) {} };
    let ended = tokio::time::timeout(HEARTBEAT / 2, whole).await;
    assert!(ended.is_ok(), "it goes on after its deadline");
}

async fn a_watcher_who_was_cut_off_asks_again_and_hears_the_rest(bed: Bed) {
    let (mesh, name) = pending(bed).await;
    let own = officer("officer-2", "370202");
    let mut watched = watch(&mesh, &own, &name, MINUTE).await;
    let first = next(&mut watched).await.unwrap();
    drop(watched);
    // Every message is complete: the first one of the next watch holds the current state.
    let mut watched = watch(&mesh, &own, &name, MINUTE).await;
    assert_eq!(next(&mut watched).await, Some(first.clone()));
    drop(watched);
    let mesh = mesh.restarted().await;
    let mut watched = watch(&mesh, &own, &name, MINUTE).await;
    assert_eq!(next(&mut watched).await, Some(first));
    mesh.codes.away.store(false, Ordering::SeqCst);
    let mut last = None;
    while let Some(said) = next(&mut watched).await {
        last = Some(said);
    }
    let end = ended(&mesh, &own, &name).await;
    assert_eq!(
        (end.state(), last),
        (OperationState::Succeeded, Some(end.clone()))
    );
    // A watcher disconnected before the end receives the end, and nothing more.
    let mut watched = watch(&mesh, &own, &name, MINUTE).await;
    assert_eq!(next(&mut watched).await, Some(end));
    assert_eq!(next(&mut watched).await, None);
}
