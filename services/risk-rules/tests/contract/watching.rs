//! Watching an operation.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::types::v1::{Operation, OperationState};
use lutong_testing::Bed;
use lutong_testing::on_both_engines;
use lutong_transport::access::Principal;
use tonic::Streaming;

use crate::designations::officer;
use crate::mesh::{Mesh, fault};
use crate::operations::{ended, get, pending};

on_both_engines!(
    a_watcher_hears_at_least_every_15_seconds_while_nothing_changes,
    a_watch_ends_with_the_deadline_of_its_call,
    a_watcher_who_was_cut_off_asks_again_and_hears_the_rest,
);

/// A watcher hears at least this often.
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
    // The service's heart beats on the real clock.
    let silent = Instant::now();
    let heartbeat = tokio::time::timeout(HEARTBEAT, next(&mut watched)).await;
    assert_eq!(heartbeat.expect("a heartbeat").as_ref(), Some(&first));
    // One that came with every look would say nothing.
    assert!(silent.elapsed() > HEARTBEAT / 2, "{:?}", silent.elapsed());
    // What changes is told long before the next one is due, and the end is the last of it.
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
    // Every message is whole: the first one of the next watch says where the operation stands.
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
    // One who was cut off before the end hears it, and then nothing more.
    let mut watched = watch(&mesh, &own, &name, MINUTE).await;
    assert_eq!(next(&mut watched).await, Some(end));
    assert_eq!(next(&mut watched).await, None);
}
