//! Undoing what a feed reported wrongly.

use std::time::Duration;

use lutong_kernel::{Fault, Timestamp};
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1::{self as wire, RollbackState};
use lutong_proto::time;
use lutong_proto::types::v1::{Colour, OperationKind, OperationState};
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};
use lutong_transport::access::Principal;

use crate::designations::purpose;
use crate::mesh::{
    Mesh, answered, confirmed, correcting, fact, fever, reason, retraction, staff, staff_of, staff_of_nowhere,
};
use crate::operations;

on_both_engines!(
    a_bad_span_is_undone_by_two_and_everybody_has_the_colour_that_they_would_have,
    a_span_that_makes_no_sense_is_refused,
    only_registered_feeds_are_rolled_back,
    a_feed_of_another_division_is_nobodys_to_roll_back,
    a_grant_that_has_grown_takes_a_wider_approver,
    a_rollback_is_proposed_and_decided_about_once,
    without_who_registers_feeds_nothing_is_undone,
    what_is_rejected_or_withdrawn_undoes_nothing,
    a_decision_about_a_state_that_has_passed_is_stale,
    a_rollback_is_undone_only_once_everybody_has_their_colour,
    what_is_reported_after_the_proposal_stays,
    a_rollback_that_was_cut_off_goes_on_by_itself,
);

fn request_id(n: u32) -> String {
    format!("00000000-0000-7000-a000-{n:012}")
}

fn supervisor(n: u32) -> Principal {
    staff_of(&format!("supervisor-{n}"), Role::Supervisor, "370200")
}

fn span((from, until): (Timestamp, Timestamp)) -> wire::ProposeRollbackRequest {
    wire::ProposeRollbackRequest {
        request_id: request_id(1),
        source: "cdc-370200".to_owned(),
        start_time: Some(time::from_micros(from.micros())),
        end_time: Some(time::from_micros(until.micros())),
        reason: "wrong export".to_owned(),
        validate_only: false,
        purpose: Some(purpose()),
    }
}

async fn propose(
    mesh: &Mesh,
    who: &Principal,
    proposed: wire::ProposeRollbackRequest,
) -> Result<wire::Rollback, Fault> {
    let request = mesh.asking(who, proposed);
    Ok(answered(mesh.rollbacks().propose_rollback(request).await)?
        .rollback
        .unwrap())
}

/// Approves; returns the rollback and its operation.
async fn approve(
    mesh: &Mesh,
    who: &Principal,
    n: u32,
    name: &str,
) -> Result<(wire::Rollback, String), Fault> {
    approve_seen(mesh, who, n, (name, "")).await
}

async fn approve_seen(
    mesh: &Mesh,
    who: &Principal,
    n: u32,
    (name, etag): (&str, &str),
) -> Result<(wire::Rollback, String), Fault> {
    let approval = wire::ApproveRollbackRequest {
        request_id: request_id(n),
        name: name.to_owned(),
        etag: etag.to_owned(),
        purpose: Some(purpose()),
    };
    let answer = mesh
        .rollbacks()
        .approve_rollback(mesh.asking(who, approval))
        .await;
    let answer = answered(answer)?;
    Ok((answer.rollback.unwrap(), answer.effect.unwrap().operation))
}

/// Approves and waits for the end of the rollback.
async fn undone(mesh: &Mesh, who: &Principal, n: u32, name: &str) -> wire::Rollback {
    let (_, operation) = approve(mesh, who, n, name).await.unwrap();
    let ended = operations::ended(mesh, who, &operation).await;
    assert_eq!(
        (ended.kind(), ended.state(), ended.target.as_str()),
        (OperationKind::RollBack, OperationState::Succeeded, name)
    );
    get(mesh, who, name).await.unwrap()
}

async fn reject(mesh: &Mesh, who: &Principal, n: u32, name: &str) -> Result<wire::Rollback, Fault> {
    reject_seen(mesh, who, n, (name, "")).await
}

async fn reject_seen(
    mesh: &Mesh,
    who: &Principal,
    n: u32,
    (name, etag): (&str, &str),
) -> Result<wire::Rollback, Fault> {
    let rejection = wire::RejectRollbackRequest {
        request_id: request_id(n),
        name: name.to_owned(),
        etag: etag.to_owned(),
        purpose: Some(purpose()),
    };
    let answer = mesh
        .rollbacks()
        .reject_rollback(mesh.asking(who, rejection))
        .await;
    Ok(answered(answer)?.rollback.unwrap())
}

async fn withdraw(mesh: &Mesh, who: &Principal, n: u32, name: &str) -> Result<wire::Rollback, Fault> {
    withdraw_seen(mesh, who, n, (name, "")).await
}

async fn withdraw_seen(
    mesh: &Mesh,
    who: &Principal,
    n: u32,
    (name, etag): (&str, &str),
) -> Result<wire::Rollback, Fault> {
    let withdrawal = wire::WithdrawRollbackRequest {
        request_id: request_id(n),
        name: name.to_owned(),
        etag: etag.to_owned(),
        purpose: Some(purpose()),
    };
    let answer = mesh
        .rollbacks()
        .withdraw_rollback(mesh.asking(who, withdrawal))
        .await;
    Ok(answered(answer)?.rollback.unwrap())
}

async fn get(mesh: &Mesh, who: &Principal, id: &str) -> Result<wire::Rollback, Fault> {
    let asked = wire::GetRollbackRequest { name: id.to_owned() };
    let answer = mesh.rollbacks().get_rollback(mesh.asking(who, asked)).await;
    Ok(answered(answer)?.rollback.unwrap())
}

async fn list(
    mesh: &Mesh,
    who: &Principal,
    asked: wire::ListRollbacksRequest,
) -> Result<wire::ListRollbacksResponse, Fault> {
    answered(mesh.rollbacks().list_rollbacks(mesh.asking(who, asked)).await)
}

/// Subject 1 is yellow because of a report within the period.
async fn reported(bed: Bed) -> (Mesh, (Timestamp, Timestamp)) {
    let mesh = Mesh::start(bed).await;
    let from = mesh.bed.foundation.now();
    mesh.stored(vec![fever(1, "f1")], &[1]).await;
    mesh.bed.clock.advance(Duration::from_secs(60));
    assert_eq!(mesh.shown(1), Some(Colour::Yellow));
    let until = mesh.bed.foundation.now();
    (mesh, (from, until))
}

async fn a_bad_span_is_undone_by_two_and_everybody_has_the_colour_that_they_would_have(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let tick = || mesh.bed.clock.advance(Duration::from_secs(60));
    mesh.stored(
        vec![fever(1, "f1"), fever(2, "f2"), confirmed(4, "c4")],
        &[1, 2, 3, 4],
    )
    .await;
    tick();
    let from = mesh.bed.foundation.now();
    // The bad period: a correction that clears 1, a retraction that clears 2, a case about 3, and a case about 4 that
    // is corrected later.
    let cleared = serde_json::json!({"visited_at": "2022-10-01T08:00:00+08:00"});
    let correction = correcting(fact(1, "f1b", "fever_clinic_visit", &cleared), "f1");
    let retraction = retraction(2, "r2", "f2");
    mesh.stored(vec![correction, retraction, confirmed(3, "c3")], &[])
        .await;
    tick();
    let until = mesh.bed.foundation.now();
    mesh.stored(vec![fever(4, "f4")], &[]).await;
    let colours = || [1, 2, 3, 4].map(|n| mesh.shown(n).unwrap());
    let wrong = [Colour::Green, Colour::Green, Colour::Red, Colour::Red];
    assert_eq!(colours(), wrong);
    let (one, two) = (supervisor(1), supervisor(2));
    let dry = wire::ProposeRollbackRequest {
        validate_only: true,
        ..span((from, until))
    };
    let counted = propose(&mesh, &one, dry).await.unwrap();
    assert_eq!((counted.name.as_str(), counted.rollback_id.as_str()), ("", ""));
    let proposed = propose(&mesh, &one, span((from, until))).await.unwrap();
    assert_eq!(proposed.preview, counted.preview);
    let preview = proposed.preview.clone().unwrap();
    assert_eq!(
        (
            preview.subjects,
            preview.retracted,
            preview.restated,
            preview.tried_subjects
        ),
        (3, 2, 2, 3)
    );
    let change = |before: Colour, after: Colour, count| wire::RollbackColourChange {
        before: before.into(),
        after: after.into(),
        count,
    };
    let mut changes = preview.colour_changes;
    changes.sort_by_key(|one| one.before);
    assert_eq!(
        changes,
        [
            change(Colour::Green, Colour::Yellow, 2),
            change(Colour::Red, Colour::Green, 1)
        ]
    );
    assert_eq!(colours(), wrong, "only counted");
    assert_eq!(
        mesh.decision(3).await.unwrap().version,
        2,
        "nothing of the trial is kept"
    );
    let id = proposed.name.as_str();
    assert_eq!(reason(approve(&mesh, &one, 2, id).await), "OWN_PROPOSAL");
    assert_eq!(colours(), wrong);
    tick();
    let rollback = undone(&mesh, &two, 3, id).await;
    let (outcome, approval) = (rollback.outcome.unwrap(), rollback.approval.clone().unwrap());
    assert_eq!(
        (rollback.state(), approval.approver.as_str()),
        (RollbackState::Done, "supervisor-2")
    );
    assert_eq!(
        (
            outcome.subjects,
            outcome.retracted,
            outcome.restated,
            outcome.redecided
        ),
        (3, 2, 2, 3)
    );
    let right = [Colour::Yellow, Colour::Yellow, Colour::Green, Colour::Red];
    assert_eq!(colours(), right);
    let (again, operation) = approve(&mesh, &two, 3, id).await.unwrap();
    assert_eq!((again.outcome, operation.as_str()), (Some(outcome), ""));
    assert_eq!(reason(approve(&mesh, &two, 4, id).await), "WRONG_STATE");
    let nothing = wire::ProposeRollbackRequest {
        request_id: request_id(5),
        ..span((from, until))
    };
    let nothing = propose(&mesh, &two, nothing).await.unwrap();
    assert_eq!(nothing.preview.unwrap().subjects, 0);
}

async fn a_span_that_makes_no_sense_is_refused(bed: Bed) {
    let (mesh, (from, until)) = reported(bed).await;
    let one = supervisor(1);
    let refused = propose(&mesh, &one, span((until, until))).await.unwrap_err();
    assert_eq!(violations(&refused), ["end_time END_BEFORE_START"]);
    let later = span((until.plus_seconds(60), until.plus_seconds(120)));
    let refused = propose(&mesh, &one, later).await.unwrap_err();
    assert_eq!(violations(&refused), ["start_time BEGINS_LATER"]);
    let empty = wire::ProposeRollbackRequest {
        request_id: "x".to_owned(),
        ..wire::ProposeRollbackRequest::default()
    };
    let refused = propose(&mesh, &one, empty).await.unwrap_err();
    assert_eq!(
        violations(&refused),
        [
            "request_id UUID_SHAPE",
            "source MISSING",
            "start_time MISSING",
            "end_time MISSING",
            "reason MISSING",
            "purpose MISSING"
        ]
    );
    let proposed = propose(&mesh, &one, span((from, until))).await.unwrap();
    for refused in [
        approve(&mesh, &one, 2, "7").await.map(|_| ()),
        reject(&mesh, &one, 2, "7").await.map(|_| ()),
        withdraw(&mesh, &one, 2, "7").await.map(|_| ()),
        get(&mesh, &one, "7").await.map(|_| ()),
    ] {
        assert_eq!(violations(&refused.unwrap_err()), ["name NAME_SHAPE"]);
    }
    let wrong = wire::ListRollbacksRequest {
        state: 99,
        page_token: "x".to_owned(),
        ..wire::ListRollbacksRequest::default()
    };
    let refused = list(&mesh, &one, wrong).await.unwrap_err();
    assert_eq!(violations(&refused), ["state UNKNOWN_VALUE"]);
    let foreign = wire::ListRollbacksRequest {
        page_token: "x".to_owned(),
        ..wire::ListRollbacksRequest::default()
    };
    let refused = list(&mesh, &one, foreign).await.unwrap_err();
    assert_eq!(violations(&refused), ["page_token PAGE_TOKEN_FOREIGN"]);
    assert_eq!(get(&mesh, &one, &proposed.name).await.unwrap(), proposed);
}

async fn only_registered_feeds_are_rolled_back(bed: Bed) {
    let (mesh, times) = reported(bed).await;
    let province = staff("supervisor-1", Role::Supervisor);
    for source in ["self", "officer-370202", "partner-32", "federation"] {
        let of = wire::ProposeRollbackRequest {
            source: source.to_owned(),
            ..span(times)
        };
        let refused = propose(&mesh, &province, of).await.unwrap_err();
        assert_eq!(violations(&refused), ["source SOURCE_NOT_A_FEED"], "{source}");
    }
    let unknown = wire::ProposeRollbackRequest {
        source: "laboratory-1".to_owned(),
        ..span(times)
    };
    assert_eq!(reason(propose(&mesh, &province, unknown).await), "FEED_NOT_FOUND");
    // A database that declaration pulls is a feed like any other.
    let pulled = wire::ProposeRollbackRequest {
        source: "epidemic-database".to_owned(),
        ..span(times)
    };
    let refused = propose(&mesh, &supervisor(1), pulled.clone()).await;
    assert_eq!(reason(refused), "OUTSIDE_DIVISION");
    let proposed = propose(&mesh, &province, pulled).await.unwrap();
    assert_eq!(proposed.divisions, ["370300"]);
}

async fn a_feed_of_another_division_is_nobodys_to_roll_back(bed: Bed) {
    let (mesh, times) = reported(bed).await;
    mesh.feeds.grant("cdc-370000", &[]);
    let own = propose(&mesh, &supervisor(1), span(times)).await.unwrap();
    let id = own.name.as_str();
    for division in ["370100", "370202"] {
        let elsewhere = staff_of("supervisor-3", Role::Supervisor, division);
        assert_eq!(
            reason(propose(&mesh, &elsewhere, span(times)).await),
            "OUTSIDE_DIVISION"
        );
        for refused in [
            approve(&mesh, &elsewhere, 2, id).await.map(|_| ()),
            reject(&mesh, &elsewhere, 3, id).await.map(|_| ()),
            withdraw(&mesh, &elsewhere, 4, id).await.map(|_| ()),
            get(&mesh, &elsewhere, id).await.map(|_| ()),
        ] {
            assert_eq!(reason(refused), "ROLLBACK_NOT_FOUND");
        }
        let listed = list(&mesh, &elsewhere, wire::ListRollbacksRequest::default()).await;
        assert!(listed.unwrap().rollbacks.is_empty());
    }
    let nobody = staff_of_nowhere("supervisor-4", Role::Supervisor);
    for refused in [
        propose(&mesh, &nobody, span(times)).await.map(|_| ()),
        approve(&mesh, &nobody, 2, id).await.map(|_| ()),
        reject(&mesh, &nobody, 3, id).await.map(|_| ()),
        withdraw(&mesh, &nobody, 4, id).await.map(|_| ()),
        get(&mesh, &nobody, id).await.map(|_| ()),
        list(&mesh, &nobody, wire::ListRollbacksRequest::default())
            .await
            .map(|_| ()),
    ] {
        assert_eq!(reason(refused), "DIVISION_MISSING");
    }
    // A province-wide feed requires the province-wide grant.
    let whole = wire::ProposeRollbackRequest {
        source: "cdc-370000".to_owned(),
        ..span(times)
    };
    let refused = propose(&mesh, &supervisor(1), whole.clone()).await;
    assert_eq!(reason(refused), "OUTSIDE_DIVISION");
    propose(&mesh, &staff("supervisor-5", Role::Supervisor), whole)
        .await
        .unwrap();
    assert_eq!(mesh.shown(1), Some(Colour::Yellow));
}

async fn a_grant_that_has_grown_takes_a_wider_approver(bed: Bed) {
    let (mesh, times) = reported(bed).await;
    let proposed = propose(&mesh, &supervisor(1), span(times)).await.unwrap();
    mesh.feeds.grant("cdc-370200", &["370200", "370300"]);
    let id = proposed.name.as_str();
    assert_eq!(
        reason(approve(&mesh, &supervisor(2), 2, id).await),
        "OUTSIDE_DIVISION"
    );
    let province = staff("supervisor-3", Role::Supervisor);
    undone(&mesh, &province, 3, id).await;
    assert_eq!(mesh.shown(1), Some(Colour::Green));
}

async fn a_rollback_is_proposed_and_decided_about_once(bed: Bed) {
    let (mesh, times) = reported(bed).await;
    let (one, two) = (supervisor(1), supervisor(2));
    let first = propose(&mesh, &one, span(times)).await.unwrap();
    assert_eq!(propose(&mesh, &one, span(times)).await.unwrap(), first);
    let other = wire::ProposeRollbackRequest {
        reason: "another".to_owned(),
        ..span(times)
    };
    assert_eq!(
        reason(propose(&mesh, &one, other.clone()).await),
        "REQUEST_ID_REUSED"
    );
    mesh.bed.clock.advance(Duration::from_secs(1));
    let second = wire::ProposeRollbackRequest {
        request_id: request_id(2),
        ..other
    };
    let second = propose(&mesh, &one, second).await.unwrap();
    let newest = wire::ListRollbacksRequest {
        page_size: 1,
        ..wire::ListRollbacksRequest::default()
    };
    let page = list(&mesh, &one, newest.clone()).await.unwrap();
    assert_eq!(page.rollbacks, std::slice::from_ref(&second));
    let older = wire::ListRollbacksRequest {
        page_token: page.next_page_token,
        ..newest
    };
    let page = list(&mesh, &one, older).await.unwrap();
    assert_eq!(page.rollbacks, std::slice::from_ref(&first));
    let once = approve(&mesh, &two, 3, &first.name).await.unwrap().1;
    operations::ended(&mesh, &two, &once).await;
    approve(&mesh, &two, 3, &first.name).await.unwrap();
    let id = second.name.as_str();
    assert_eq!(reason(approve(&mesh, &two, 3, id).await), "REQUEST_ID_REUSED");
    reject(&mesh, &two, 4, id).await.unwrap();
    assert_eq!(
        reject(&mesh, &two, 4, id).await.unwrap().state(),
        RollbackState::Rejected
    );
    let first = first.name.as_str();
    assert_eq!(reason(reject(&mesh, &two, 4, first).await), "REQUEST_ID_REUSED");
    let third = wire::ProposeRollbackRequest {
        request_id: request_id(5),
        ..span(times)
    };
    let third = propose(&mesh, &one, third).await.unwrap().name;
    withdraw(&mesh, &one, 6, &third).await.unwrap();
    assert_eq!(reason(withdraw(&mesh, &one, 6, first).await), "REQUEST_ID_REUSED");
    let proposed = wire::ListRollbacksRequest {
        state: RollbackState::Proposed.into(),
        ..wire::ListRollbacksRequest::default()
    };
    assert!(list(&mesh, &two, proposed).await.unwrap().rollbacks.is_empty());
}

async fn without_who_registers_feeds_nothing_is_undone(bed: Bed) {
    let (mesh, times) = reported(bed).await;
    let proposed = propose(&mesh, &supervisor(1), span(times)).await.unwrap();
    mesh.feeds.go_away();
    let again = wire::ProposeRollbackRequest {
        request_id: request_id(2),
        ..span(times)
    };
    assert_eq!(
        reason(propose(&mesh, &supervisor(1), again).await),
        "PART_UNAVAILABLE"
    );
    let refused = approve(&mesh, &supervisor(2), 3, &proposed.name).await;
    assert_eq!(reason(refused), "PART_UNAVAILABLE");
    assert_eq!(mesh.shown(1), Some(Colour::Yellow));
}

async fn what_is_rejected_or_withdrawn_undoes_nothing(bed: Bed) {
    let (mesh, times) = reported(bed).await;
    let (one, two) = (supervisor(1), supervisor(2));
    let mut ids = Vec::new();
    for n in [1, 2] {
        let proposed = wire::ProposeRollbackRequest {
            request_id: request_id(n),
            ..span(times)
        };
        ids.push(propose(&mesh, &one, proposed).await.unwrap().name);
    }
    let [rejected, withdrawn] = &ids[..] else {
        panic!("two were proposed")
    };
    assert_eq!(reason(reject(&mesh, &one, 10, rejected).await), "OWN_PROPOSAL");
    assert_eq!(
        reason(withdraw(&mesh, &two, 11, withdrawn).await),
        "NOT_YOUR_PROPOSAL"
    );
    let state = |answer: Result<wire::Rollback, Fault>| answer.unwrap().state();
    assert_eq!(
        state(reject(&mesh, &two, 12, rejected).await),
        RollbackState::Rejected
    );
    assert_eq!(
        state(withdraw(&mesh, &one, 13, withdrawn).await),
        RollbackState::Withdrawn
    );
    for (n, id) in [(14, rejected), (17, withdrawn)] {
        assert_eq!(reason(approve(&mesh, &two, n, id).await), "WRONG_STATE");
        assert_eq!(reason(reject(&mesh, &two, n + 1, id).await), "WRONG_STATE");
        assert_eq!(reason(withdraw(&mesh, &one, n + 2, id).await), "WRONG_STATE");
    }
    assert_eq!(mesh.shown(1), Some(Colour::Yellow));
}

async fn a_decision_about_a_state_that_has_passed_is_stale(bed: Bed) {
    let (mesh, times) = reported(bed).await;
    let (one, two) = (supervisor(1), supervisor(2));
    let proposed = propose(&mesh, &one, span(times)).await.unwrap();
    let (name, seen) = (proposed.name.as_str(), proposed.etag.as_str());
    assert_eq!(
        proposed.allowed_actions().collect::<Vec<_>>(),
        [wire::Action::Withdraw]
    );
    reject_seen(&mesh, &two, 2, (name, seen)).await.unwrap();
    for refused in [
        approve_seen(&mesh, &two, 3, (name, seen)).await.map(drop),
        reject_seen(&mesh, &two, 4, (name, seen)).await.map(drop),
        withdraw_seen(&mesh, &one, 5, (name, seen)).await.map(drop),
    ] {
        assert_eq!(reason(refused), "STALE");
    }
}

async fn a_rollback_is_undone_only_once_everybody_has_their_colour(bed: Bed) {
    let (mesh, times) = reported(bed).await;
    let proposed = propose(&mesh, &supervisor(1), span(times)).await.unwrap();
    mesh.codes.away.store(true, std::sync::atomic::Ordering::SeqCst);
    let (approved, operation) = approve(&mesh, &supervisor(2), 2, &proposed.name).await.unwrap();
    assert_eq!(approved.state(), RollbackState::Approved);
    mesh.until("everything is undone", async || {
        let one = get(&mesh, &supervisor(2), &proposed.name).await.unwrap();
        one.outcome.unwrap().retracted == 1
    })
    .await;
    let running = operations::get(&mesh, &supervisor(2), &operation).await.unwrap();
    assert_eq!(running.state(), OperationState::Running);
    let refused = operations::cancel(&mesh, &supervisor(2), &request_id(3), &operation).await;
    assert_eq!(reason(refused), "NOT_CANCELLABLE");
    mesh.codes.away.store(false, std::sync::atomic::Ordering::SeqCst);
    // The worker retries rollbacks that were approved a while ago.
    mesh.bed.clock.advance(Duration::from_secs(60));
    operations::ended(&mesh, &supervisor(2), &operation).await;
    let done = get(&mesh, &supervisor(2), &proposed.name).await.unwrap();
    assert_eq!(
        (done.state(), mesh.shown(1)),
        (RollbackState::Done, Some(Colour::Green))
    );
}

async fn what_is_reported_after_the_proposal_stays(bed: Bed) {
    let (mesh, (from, until)) = reported(bed).await;
    let proposed = propose(&mesh, &supervisor(1), span((from, until.plus_seconds(3_600))))
        .await
        .unwrap();
    mesh.bed.clock.advance(Duration::from_secs(60));
    mesh.stored(vec![confirmed(2, "c2")], &[2]).await;
    undone(&mesh, &supervisor(2), 2, &proposed.name).await;
    assert_eq!(
        [1, 2].map(|n| mesh.shown(n).unwrap()),
        [Colour::Green, Colour::Red]
    );
}

async fn a_rollback_that_was_cut_off_goes_on_by_itself(bed: Bed) {
    let (mesh, times) = reported(bed).await;
    let proposed = propose(&mesh, &supervisor(1), span(times)).await.unwrap();
    // As if the process had crashed between the approval and the first page.
    mesh.tamper("UPDATE rollbacks SET state = 'approved', approved_by = 'supervisor-2', approved_at = 1")
        .await;
    mesh.until("the rollback is done", async || {
        let one = get(&mesh, &supervisor(2), &proposed.name).await;
        one.unwrap().state() == RollbackState::Done
    })
    .await;
    assert_eq!(mesh.shown(1), Some(Colour::Green));
    assert_eq!(
        lutong_testing::rows(&mesh.storage, "rollbacks WHERE retracted = 1").await,
        1
    );
}
