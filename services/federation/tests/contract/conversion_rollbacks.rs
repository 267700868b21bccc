//! What a partner said wrongly within a span is rolled back by two operators, and nobody else is touched.

use std::time::{Duration, Instant};

use lutong_kernel::{Colour, Fault, ServiceName, Timestamp};
use lutong_proto::federation::v1 as wire;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::time::instant;
use lutong_proto::types::v1::Colour as WireColour;
use lutong_testing::{Bed, on_both_engines, rows, tamper, texts, violations};
use lutong_transport::access::Principal;
use lutong_transport::client::MeshChannel;
use wire::ConversionRollbackAction as Action;
use wire::ConversionRollbackState as State;
use wire::RecognitionOutcome as Outcome;
use wire::conversion_rollback_service_client::ConversionRollbackServiceClient;

use crate::sharing::{Provinces, start};
use crate::{fault, metadata, next_request_id, staff};

on_both_engines!(
    a_span_is_rolled_back_by_two_operators_and_nobody_else_is_touched,
    what_a_batch_told_is_rolled_back_by_its_key_whenever_it_was_converted,
    a_rollback_that_was_interrupted_is_finished,
    a_rollback_that_is_wrong_is_refused_with_its_reason,
);

fn one() -> Principal {
    staff("operator-1", Role::Operator)
}

fn two() -> Principal {
    staff("operator-2", Role::Operator)
}

fn span(from: Timestamp, until: Timestamp) -> wire::ProposeConversionRollbackRequest {
    wire::ProposeConversionRollbackRequest {
        request_id: next_request_id(),
        partner_id: "32".to_owned(),
        key_id: String::new(),
        start_time: Some(instant(from)),
        end_time: Some(instant(until)),
        reason: "批次有误".to_owned(),
        validate_only: false,
    }
}

impl Provinces {
    fn rollbacks(&self) -> ConversionRollbackServiceClient<MeshChannel> {
        let bed = &self.here.bed;
        ConversionRollbackServiceClient::new(bed.channel(ServiceName::Federation, Caller::Gateway))
    }

    async fn propose(
        &self,
        request: wire::ProposeConversionRollbackRequest,
    ) -> Result<wire::ConversionRollback, Fault> {
        let request = self.here.bed.call_as(&one()).request(request);
        let answer = self.rollbacks().propose_conversion_rollback(request).await;
        answer
            .map(|answer| answer.into_inner().conversion_rollback.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn approve(
        &self,
        who: &Principal,
        id: &str,
        (name, etag): (&str, &str),
    ) -> Result<wire::ConversionRollback, Fault> {
        let request = wire::ApproveConversionRollbackRequest {
            request_id: id.to_owned(),
            name: name.to_owned(),
            etag: etag.to_owned(),
        };
        let request = self.here.bed.call_as(who).request(request);
        let answer = self.rollbacks().approve_conversion_rollback(request).await;
        answer
            .map(|answer| answer.into_inner().conversion_rollback.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn reject(&self, id: &str, (name, etag): (&str, &str)) -> Result<wire::ConversionRollback, Fault> {
        let request = wire::RejectConversionRollbackRequest {
            request_id: id.to_owned(),
            name: name.to_owned(),
            etag: etag.to_owned(),
        };
        let request = self.here.bed.call_as(&one()).request(request);
        let answer = self.rollbacks().reject_conversion_rollback(request).await;
        answer
            .map(|answer| answer.into_inner().conversion_rollback.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn rollback(&self, name: &str) -> Result<wire::ConversionRollback, Fault> {
        let request = wire::GetConversionRollbackRequest {
            name: name.to_owned(),
        };
        let request = self.here.bed.call_as(&two()).request(request);
        let answer = self.rollbacks().get_conversion_rollback(request).await;
        answer
            .map(|answer| answer.into_inner().conversion_rollback.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn list(
        &self,
        request: wire::ListConversionRollbacksRequest,
    ) -> Result<Vec<wire::ConversionRollback>, Fault> {
        let request = self.here.bed.call_as(&two()).request(request);
        let answer = self.rollbacks().list_conversion_rollbacks(request).await;
        answer
            .map(|answer| answer.into_inner().conversion_rollbacks)
            .map_err(|status| fault(&status))
    }

    /// Three travellers a minute apart; their conversions, and the instants between them.
    async fn three(&self, colour: (WireColour, Colour)) -> ([String; 3], [Timestamp; 2]) {
        let mut names = Vec::new();
        let mut between = Vec::new();
        for n in 0..3 {
            self.set(n, Some(colour.0));
            names.push(self.arrive(n, colour.1).await.conversion);
            self.wait(60);
            between.push(self.now());
            self.wait(60);
        }
        (names.try_into().unwrap(), [between[0], between[1]])
    }
}

async fn a_span_is_rolled_back_by_two_operators_and_nobody_else_is_touched(bed: Bed) {
    let provinces = start(bed).await;
    let (names, [from, until]) = provinces.three((WireColour::Green, Colour::Green)).await;
    let counted = wire::ProposeConversionRollbackRequest {
        validate_only: true,
        ..span(from, until)
    };
    let counted = provinces.propose(counted).await.unwrap();
    assert_eq!((counted.conversions, &*counted.name), (1, ""));
    assert_eq!(rows(&provinces.here.storage, "conversion_rollbacks").await, 0);
    let proposed = provinces.propose(span(from, until)).await.unwrap();
    assert_eq!((proposed.state(), proposed.conversions), (State::Proposed, 1));
    assert_eq!(proposed.allowed_actions, [i32::from(Action::Reject)]);
    let own = provinces
        .approve(&one(), &next_request_id(), (&proposed.name, ""))
        .await
        .unwrap_err();
    assert_eq!(&*own.reason, "OWN_PROPOSAL");
    let standing = provinces.conversion(&names[1]).await;
    assert_eq!(
        standing.state(),
        wire::ConversionState::Standing,
        "nothing is done so far"
    );
    let id = next_request_id();
    let done = provinces
        .approve(&two(), &id, (&proposed.name, &proposed.etag))
        .await
        .unwrap();
    assert_eq!((done.state(), done.conversions), (State::Done, 1));
    let approval = done.approval.clone().unwrap();
    assert_eq!(
        (&*approval.proposer, &*approval.approver),
        ("operator-1", "operator-2")
    );
    let again = provinces
        .approve(&two(), &id, (&proposed.name, &proposed.etag))
        .await
        .unwrap();
    assert_eq!(again, done, "it is done once");
    let said = provinces.until_said(1).await;
    assert_eq!(said, [(names[1].clone(), WireColour::Yellow)]);
    for (n, state) in [
        (0, wire::ConversionState::Standing),
        (1, wire::ConversionState::RolledBack),
        (2, wire::ConversionState::Standing),
    ] {
        assert_eq!(provinces.conversion(&names[n]).await.state(), state, "{n}");
    }
    // Its origin does not bring it back; what it says of the others counts on.
    provinces.set(1, Some(WireColour::Green));
    provinces.set(0, Some(WireColour::Red));
    provinces.until(&names[0], Outcome::Red).await;
    let rolled_back = provinces.conversion(&names[1]).await;
    assert_eq!(rolled_back.outcome(), Outcome::UnknownValue);
    // Who declares anew is converted anew.
    let anew = provinces.arrive(1, Colour::Green).await;
    assert_eq!(anew.colour(), WireColour::Green);
    assert_ne!(anew.conversion, names[1]);
    let listed = provinces
        .list(wire::ListConversionRollbacksRequest::default())
        .await
        .unwrap();
    assert_eq!(listed, [provinces.rollback(&done.name).await.unwrap()]);
}

async fn what_a_batch_told_is_rolled_back_by_its_key_whenever_it_was_converted(bed: Bed) {
    let provinces = start(bed).await;
    let (names, _) = provinces.three((WireColour::Yellow, Colour::Yellow)).await;
    let from = provinces.now();
    provinces.wait(1);
    provinces.set(0, Some(WireColour::Green));
    provinces.set(1, Some(WireColour::Green));
    provinces.until(&names[0], Outcome::Green).await;
    provinces.until(&names[1], Outcome::Green).await;
    provinces.wait(1);
    let until = provinces.now();
    // Of the second it has said something else since, which stands.
    provinces.set(1, Some(WireColour::Red));
    provinces.until(&names[1], Outcome::Red).await;
    let keys = texts(
        &provinces.here.storage,
        "conversion_changes",
        "key_id",
        "recorded_at",
    )
    .await;
    let of_key = |key: &str| wire::ProposeConversionRollbackRequest {
        key_id: key.to_owned(),
        ..span(from, until)
    };
    // The key of codes, which signed nothing in this span.
    let codes = provinces.jiangsu.verifying_key().kid().to_string();
    assert_eq!(provinces.propose(of_key(&codes)).await.unwrap().conversions, 0);
    let proposed = provinces.propose(of_key(&keys[0])).await.unwrap();
    assert_eq!(proposed.conversions, 1);
    let done = provinces
        .approve(&two(), &next_request_id(), (&proposed.name, ""))
        .await
        .unwrap();
    assert_eq!((done.state(), done.conversions), (State::Done, 1));
    let started = Instant::now();
    let yellow = (names[0].clone(), WireColour::Yellow);
    // The log's relay numbers what was committed.
    while provinces.said().await.last() != Some(&yellow) {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "{:?}",
            provinces.said().await
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(provinces.conversion(&names[1]).await.outcome(), Outcome::Red);
    // The origin's acknowledgement waits for its own changes only.
    provinces.confirm().await;
}

async fn a_rollback_that_was_interrupted_is_finished(bed: Bed) {
    let provinces = start(bed).await;
    let (names, _) = provinces.three((WireColour::Green, Colour::Green)).await;
    let proposed = provinces.propose(span(since(), provinces.now())).await.unwrap();
    assert_eq!(proposed.conversions, 3);
    // Approved by a process that was killed before it did anything.
    let killed = "UPDATE conversion_rollbacks SET state = 'APPROVED', decided_by = 'operator-2', decided_at = 1, conversions = 0";
    tamper(&provinces.here.storage, killed).await;
    let started = Instant::now();
    loop {
        let found = provinces.rollback(&proposed.name).await.unwrap();
        if found.state() == State::Done {
            assert_eq!(found.conversions, 3);
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(40), "{found:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for name in &names {
        let state = provinces.conversion(name).await.state();
        assert_eq!(state, wire::ConversionState::RolledBack);
    }
    assert_eq!(provinces.until_said(3).await.len(), 3);
}

fn since() -> Timestamp {
    Timestamp::parse("2022-01-01T00:00:00+08:00").unwrap()
}

async fn a_rollback_that_is_wrong_is_refused_with_its_reason(bed: Bed) {
    let provinces = start(bed).await;
    let now = provinces.now();
    let good = || span(now.plus_seconds(-60), now);
    let changed = |change: &dyn Fn(&mut wire::ProposeConversionRollbackRequest)| {
        let mut request = good();
        change(&mut request);
        request
    };
    for (request, wrong) in [
        (span(now, now), "end_time SPAN_SHAPE"),
        (span(now, now.plus_seconds(1)), "end_time SPAN_SHAPE"),
        (
            changed(&|one| "3".clone_into(&mut one.partner_id)),
            "partner_id PARTNER_SHAPE",
        ),
        (
            changed(&|one| "XY".clone_into(&mut one.key_id)),
            "key_id KEY_ID_SHAPE",
        ),
        (changed(&|one| one.reason.clear()), "reason MISSING"),
        (changed(&|one| one.start_time = None), "start_time MISSING"),
    ] {
        let refused = provinces.propose(request).await.unwrap_err();
        assert_eq!(violations(&refused), [wrong]);
    }
    let unknown = changed(&|one| "44".clone_into(&mut one.partner_id));
    assert_eq!(
        &*provinces.propose(unknown).await.unwrap_err().reason,
        "PARTNER_NOT_FOUND"
    );
    let request = good();
    let proposed = provinces.propose(request.clone()).await.unwrap();
    assert_eq!(provinces.propose(request.clone()).await.unwrap(), proposed);
    let reused = wire::ProposeConversionRollbackRequest {
        reason: "另一原因".to_owned(),
        ..request
    };
    assert_eq!(
        &*provinces.propose(reused).await.unwrap_err().reason,
        "REQUEST_ID_REUSED"
    );
    let unknown = "conversion-rollbacks/0193b2a0-0000-7000-8000-00000000000f";
    for (name, reason) in [(unknown, "CONVERSION_ROLLBACK_NOT_FOUND"), ("", "INVALID_FIELDS")] {
        let refused = provinces.approve(&two(), &next_request_id(), (name, "")).await;
        assert_eq!(&*refused.unwrap_err().reason, reason);
        let refused = provinces.reject(&next_request_id(), (name, "")).await;
        assert_eq!(&*refused.unwrap_err().reason, reason);
        assert_eq!(&*provinces.rollback(name).await.unwrap_err().reason, reason);
    }
    for seen in ["x", "y"] {
        let stale = provinces
            .approve(&two(), &next_request_id(), (&proposed.name, seen))
            .await;
        assert_eq!(&*stale.unwrap_err().reason, "STALE");
        let stale = provinces.reject(&next_request_id(), (&proposed.name, seen)).await;
        assert_eq!(&*stale.unwrap_err().reason, "STALE");
    }
    let id = next_request_id();
    let away = provinces
        .reject(&id, (&proposed.name, &proposed.etag))
        .await
        .unwrap();
    assert_eq!(away.state(), State::Rejected);
    let reused = provinces.reject(&id, (&proposed.name, "")).await.unwrap_err();
    assert_eq!(&*reused.reason, "REQUEST_ID_REUSED");
    let over = provinces
        .approve(&two(), &next_request_id(), (&proposed.name, ""))
        .await
        .unwrap_err();
    assert_eq!(
        (&*over.reason, metadata(&over, "state")),
        ("WRONG_STATE", "REJECTED")
    );
    let over = provinces
        .reject(&next_request_id(), (&proposed.name, ""))
        .await
        .unwrap_err();
    assert_eq!(&*over.reason, "WRONG_STATE");
    let other = provinces.propose(good()).await.unwrap();
    let id = next_request_id();
    provinces.approve(&two(), &id, (&other.name, "")).await.unwrap();
    let reused = provinces
        .approve(&two(), &id, (&other.name, &other.etag))
        .await
        .unwrap_err();
    assert_eq!(&*reused.reason, "REQUEST_ID_REUSED");
    let page = wire::ListConversionRollbacksRequest {
        page_token: "x".to_owned(),
        ..Default::default()
    };
    assert_eq!(&*provinces.list(page).await.unwrap_err().reason, "INVALID_FIELDS");
    let proposed = wire::ListConversionRollbacksRequest {
        state: State::Proposed.into(),
        ..Default::default()
    };
    assert!(provinces.list(proposed).await.unwrap().is_empty());
}
