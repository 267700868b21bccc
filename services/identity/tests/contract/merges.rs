//! Merges: `CreateMerge`, `UndoMerge`, `GetMerge`, `ListMerges`, and their events.

use std::time::Duration;

use lutong_kernel::{DivisionCode, Fault, FaultCode, ServiceName};
use lutong_proto::identity::v1 as wire;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::types::v1 as types;
use lutong_testing::Bed;
use lutong_testing::on_both_engines;
use lutong_transport::access::Principal;
use lutong_transport::access::Roles;
use wire::MergeState;
use wire::event::Payload;
use wire::merge_service_client::MergeServiceClient;
use wire::subject_reference::Reference;

use crate::{Identity, ONE, TWO, document, items, reason, request_id, start};

on_both_engines!(
    a_merge_and_its_undoing_are_told_with_growing_versions,
    whoever_is_one_person_already_is_not_merged_again,
    a_merge_sent_again_is_answered_alike_and_told_once,
    what_is_no_merge_is_named_and_told_to_nobody,
    who_lives_in_another_division_is_nobodys_to_merge,
    merges_are_listed_page_by_page_the_newest_first,
    one_person_has_at_most_sixteen_subjects,
);

fn supervisor() -> Principal {
    supervisor_of(Some("370000"))
}

fn supervisor_of(division: Option<&str>) -> Principal {
    Principal {
        account: "supervisor-1".to_owned(),
        roles: Roles::of(&[Role::Supervisor]),
        subject: None,
        division: division.map(|code| DivisionCode::parse(code).unwrap()),
        feed: None,
        desks: Vec::new(),
    }
}

fn purpose() -> types::Purpose {
    types::Purpose {
        code: types::PurposeCode::DataCorrection.into(),
        reference: String::new(),
    }
}

pub fn by_id(subject: &str) -> wire::SubjectReference {
    wire::SubjectReference {
        reference: Some(Reference::SubjectId(subject.to_owned())),
    }
}

fn by_document(number: &str) -> wire::SubjectReference {
    wire::SubjectReference {
        reference: Some(Reference::Document(document(number))),
    }
}

impl Identity {
    fn merges(&self) -> MergeServiceClient<lutong_transport::client::MeshChannel> {
        MergeServiceClient::new(self.0.channel(ServiceName::Identity, Caller::Gateway))
    }

    pub async fn merge(
        &self,
        n: u32,
        subject: wire::SubjectReference,
        into: wire::SubjectReference,
    ) -> Result<wire::Merge, Fault> {
        self.merge_as(&supervisor(), n, subject, into).await
    }

    async fn merge_as(
        &self,
        who: &Principal,
        n: u32,
        subject: wire::SubjectReference,
        into: wire::SubjectReference,
    ) -> Result<wire::Merge, Fault> {
        let request = self.0.call_as(who).request(wire::CreateMergeRequest {
            request_id: request_id(n),
            subject: Some(subject),
            into: Some(into),
            reason: "同一人的护照与身份证".to_owned(),
            purpose: Some(purpose()),
        });
        let answer = self.merges().create_merge(request).await;
        answer
            .map(|answer| answer.into_inner().merge.unwrap())
            .map_err(|status| reason(&status))
    }

    pub async fn undo(&self, n: u32, name: &str) -> Result<wire::Merge, Fault> {
        self.undo_as(&supervisor(), n, name).await
    }

    async fn undo_as(&self, who: &Principal, n: u32, name: &str) -> Result<wire::Merge, Fault> {
        self.undo_seen(who, n, name, "").await
    }

    async fn undo_seen(&self, who: &Principal, n: u32, name: &str, etag: &str) -> Result<wire::Merge, Fault> {
        let request = self.0.call_as(who).request(wire::UndoMergeRequest {
            request_id: request_id(n),
            name: name.to_owned(),
            reason: "two people after all".to_owned(),
            purpose: Some(purpose()),
            etag: etag.to_owned(),
        });
        let answer = self.merges().undo_merge(request).await;
        answer
            .map(|answer| answer.into_inner().merge.unwrap())
            .map_err(|status| reason(&status))
    }

    pub async fn read_merge(&self, name: &str) -> Result<wire::Merge, Fault> {
        self.get(&supervisor(), name).await
    }

    async fn get(&self, who: &Principal, name: &str) -> Result<wire::Merge, Fault> {
        let request = self.0.call_as(who).request(wire::GetMergeRequest {
            name: name.to_owned(),
            purpose: Some(purpose()),
        });
        let answer = self.merges().get_merge(request).await;
        answer
            .map(|answer| answer.into_inner().merge.unwrap())
            .map_err(|status| reason(&status))
    }

    async fn list_merges(
        &self,
        who: &Principal,
        mut asked: wire::ListMergesRequest,
    ) -> Result<(Vec<wire::Merge>, String), Fault> {
        asked.purpose = Some(purpose());
        let request = self.0.call_as(who).request(asked);
        let answer = self.merges().list_merges(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map(|answer| (answer.merges, answer.next_page_token))
            .map_err(|status| reason(&status))
    }
}

fn merged(into: &str, version: i64) -> Payload {
    Payload::SubjectMerged(wire::SubjectMerged {
        into_subject_id: into.to_owned(),
        version,
    })
}

async fn a_merge_and_its_undoing_are_told_with_growing_versions(bed: Bed) {
    let identity = start(bed).await;
    let (one, two) = identity.two().await;
    let merge = identity.merge(10, by_document(ONE), by_id(&two)).await.unwrap();
    assert_eq!((&merge.subject_id, &merge.into_subject_id), (&one, &two));
    assert_eq!(
        (merge.state(), merge.creator.as_str()),
        (MergeState::InForce, "supervisor-1")
    );
    let undone = identity
        .undo_seen(&supervisor(), 11, &merge.name, &merge.etag)
        .await
        .unwrap();
    assert_eq!(
        (undone.state(), undone.undo_time.is_some()),
        (MergeState::Undone, true)
    );
    let stale = identity
        .undo_seen(&supervisor(), 13, &merge.name, &merge.etag)
        .await
        .unwrap_err();
    assert_eq!((stale.code, &*stale.reason), (FaultCode::Aborted, "STALE"));
    assert_eq!(
        stale
            .metadata
            .iter()
            .find(|(key, _)| key == "state")
            .map(|(_, state)| state.as_str()),
        Some("UNDONE")
    );
    identity.merge(12, by_id(&one), by_document(TWO)).await.unwrap();
    let unmerged = Payload::SubjectUnmerged(wire::SubjectUnmerged { version: 2 });
    let expected = [merged(&two, 1), unmerged, merged(&two, 3)];
    let expected: Vec<_> = expected.into_iter().map(|told| (one.clone(), told)).collect();
    assert_eq!(identity.published_events(3).await, expected);
}

async fn whoever_is_one_person_already_is_not_merged_again(bed: Bed) {
    let identity = start(bed).await;
    let (one, two) = identity.two().await;
    let three = identity.resolve(vec![document("370202199001010015")]).await;
    let wire::resolution::Outcome::SubjectId(three) = three.into_iter().next().unwrap() else {
        panic!("no placeholder");
    };
    let refused = async |n, from: &str, into: &str| {
        let refused = identity.merge(n, by_id(from), by_id(into)).await;
        refused.unwrap_err().reason.into_owned()
    };
    assert_eq!(refused(10, &one, &one).await, "ALREADY_MERGED");
    identity.merge(11, by_id(&one), by_id(&two)).await.unwrap();
    let second = identity.merge(12, by_id(&two), by_id(&three)).await.unwrap();
    for (n, from, into) in [
        (13, &one, &two),
        (14, &two, &one),
        (15, &three, &one),
        (16, &one, &three),
    ] {
        assert_eq!(refused(n, from, into).await, "ALREADY_MERGED");
    }
    identity.undo(17, &second.name).await.unwrap();
    // Still merged into two, and not a separate person.
    assert_eq!(refused(18, &one, &three).await, "ALREADY_MERGED");
    let refused = identity.undo(19, &second.name).await.unwrap_err();
    assert_eq!(refused.reason, "MERGE_UNDONE");
    assert_eq!(identity.published_events(3).await.len(), 3);
}

async fn a_merge_sent_again_is_answered_alike_and_told_once(bed: Bed) {
    let identity = start(bed).await;
    let (one, two) = identity.two().await;
    let first = identity.merge(10, by_id(&one), by_id(&two)).await.unwrap();
    let again = identity.merge(10, by_id(&one), by_id(&two)).await.unwrap();
    assert_eq!(first, again);
    let other = identity.merge(10, by_id(&two), by_id(&one)).await.unwrap_err();
    assert_eq!(other.reason, "REQUEST_ID_REUSED");
    let undone = identity.undo(11, &first.name).await.unwrap();
    assert_eq!(identity.undo(11, &first.name).await.unwrap(), undone);
    let second = identity.merge(12, by_id(&one), by_id(&two)).await.unwrap();
    let other = identity.undo(11, &second.name).await.unwrap_err();
    assert_eq!(other.reason, "REQUEST_ID_REUSED");
    assert_eq!(identity.published_events(3).await.len(), 3);
}

async fn what_is_no_merge_is_named_and_told_to_nobody(bed: Bed) {
    let identity = start(bed).await;
    let (one, _) = identity.two().await;
    let request = identity
        .0
        .call_as(&supervisor())
        .request(wire::CreateMergeRequest {
            request_id: "x".to_owned(),
            subject: Some(by_id("nobody")),
            into: None,
            reason: " ".to_owned(),
            purpose: None,
        });
    let refused = identity.merges().create_merge(request).await.unwrap_err();
    let fields: Vec<_> = reason(&refused)
        .violations
        .into_iter()
        .map(|one| format!("{} {}", one.field, one.reason))
        .collect();
    let expected = [
        "request_id UUID_SHAPE",
        "subject.subject_id UUID_SHAPE",
        "into MISSING",
        "reason MISSING",
        "purpose MISSING",
    ];
    assert_eq!(fields, expected);
    let wrong = identity
        .merge(10, by_id(&one), by_document("123"))
        .await
        .unwrap_err();
    assert_eq!(wrong.violations[0].field, "into.document.number");
    let nobody = "00000000-0000-7000-8000-000000000999";
    let unknown = identity.merge(11, by_id(&one), by_id(nobody)).await.unwrap_err();
    assert_eq!(unknown.reason, "SUBJECT_NOT_FOUND");
    for nobodys in [
        "merges/1",
        &format!("merges/{nobody}.1"),
        &format!("merges/{nobody}.01"),
    ] {
        let unknown = identity.undo(12, nobodys).await.unwrap_err();
        assert_eq!(unknown.reason, "MERGE_NOT_FOUND");
        let unknown = identity.get(&supervisor(), nobodys).await.unwrap_err();
        assert_eq!(unknown.reason, "MERGE_NOT_FOUND");
    }
    let request = identity
        .0
        .call_as(&supervisor())
        .request(wire::UndoMergeRequest::default());
    let refused = identity.merges().undo_merge(request).await.unwrap_err();
    assert_eq!(reason(&refused).reason, "INVALID_FIELDS");
    assert_eq!(
        identity
            .get(&supervisor(), one.as_str())
            .await
            .unwrap_err()
            .reason,
        "INVALID_FIELDS"
    );
    assert_eq!(lutong_testing::rows(&identity.1, "merges").await, 0);
    assert_eq!(lutong_testing::rows(&identity.1, "outbox").await, 0);
}

/// One of them lives in 370203, the other in 370202.
async fn who_lives_in_another_division_is_nobodys_to_merge(bed: Bed) {
    let identity = start(bed).await;
    let mut elsewhere = items("李四", TWO);
    let home = elsewhere.home_address.as_mut().unwrap();
    "370203001".clone_into(&mut home.division);
    let one = identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let two = identity.register("wx-2", 2, elsewhere).await.unwrap();
    let outcomes = identity.resolve(vec![passport(1), passport(2)]).await;
    let [
        wire::resolution::Outcome::SubjectId(feeds),
        wire::resolution::Outcome::SubjectId(other),
    ] = &outcomes[..]
    else {
        panic!("{outcomes:?}")
    };
    let code = |answer: Result<wire::Merge, Fault>| {
        answer
            .err()
            .map_or_else(String::new, |fault| fault.reason.into_owned())
    };
    // A merge by a province-wide supervisor, visible to and undone by a division's supervisor.
    let reasons = async |n, who: Option<&str>, subject: &str, into: &str| {
        let who = supervisor_of(who);
        let merged = identity.merge_as(&who, n, by_id(subject), by_id(into)).await;
        let merge = match &merged {
            Ok(merge) => merge.clone(),
            Err(_) => identity
                .merge(n + 100, by_id(subject), by_id(into))
                .await
                .unwrap(),
        };
        let seen = identity.get(&who, &merge.name).await;
        let undone = identity.undo_as(&who, n + 200, &merge.name).await;
        if undone.is_err() {
            identity.undo(n + 300, &merge.name).await.unwrap();
        }
        [merged, seen, undone].map(code)
    };
    let missing = ["DIVISION_MISSING"; 3];
    assert_eq!(reasons(10, None, &one, &two).await, missing);
    let outside = ["OUTSIDE_DIVISION", "MERGE_NOT_FOUND", "MERGE_NOT_FOUND"];
    for (n, who) in [(11, "370100"), (12, "370204"), (13, "370202001")] {
        assert_eq!(reasons(n, Some(who), &one, &two).await, outside, "{who}");
    }
    // The residence of either one is enough; without any residence only a province-wide supervisor may merge.
    for (n, who) in [(14, "370202"), (15, "370203"), (16, "370200"), (17, "370000")] {
        assert_eq!(reasons(n, Some(who), &one, &two).await, [""; 3], "{who}");
    }
    assert_eq!(reasons(18, Some("370202"), feeds, &one).await, [""; 3]);
    assert_eq!(reasons(19, Some("370202"), feeds, &two).await, outside);
    assert_eq!(reasons(20, Some("370202"), feeds, other).await, outside);
    assert_eq!(reasons(21, Some("370000"), feeds, other).await, [""; 3]);
    // A list contains only what its reader may see.
    let count = async |who: &str| {
        let all = wire::ListMergesRequest {
            page_size: 1_000,
            ..Default::default()
        };
        let listed = identity.list_merges(&supervisor_of(Some(who)), all).await;
        listed.unwrap().0.len()
    };
    assert_eq!(
        (
            count("370000").await,
            count("370203").await,
            count("370100").await
        ),
        (12, 9, 0)
    );
    let nowhere = identity
        .list_merges(&supervisor_of(None), wire::ListMergesRequest::default())
        .await;
    assert_eq!(nowhere.unwrap_err().reason, "DIVISION_MISSING");
}

async fn merges_are_listed_page_by_page_the_newest_first(bed: Bed) {
    let identity = start(bed).await;
    let (one, two) = identity.two().await;
    let mut names = Vec::new();
    for n in 10..13 {
        let merge = identity.merge(n, by_id(&one), by_id(&two)).await.unwrap();
        identity.0.clock.advance(Duration::from_secs(1));
        if n < 12 {
            identity.undo(n + 100, &merge.name).await.unwrap();
        }
        names.insert(0, merge.name);
    }
    let asked = |page_token: &str| wire::ListMergesRequest {
        subject_id: two.clone(),
        page_size: 2,
        page_token: page_token.to_owned(),
        ..Default::default()
    };
    let (first, next) = identity.list_merges(&supervisor(), asked("")).await.unwrap();
    let (second, last) = identity.list_merges(&supervisor(), asked(&next)).await.unwrap();
    let listed: Vec<_> = first.into_iter().chain(second).map(|merge| merge.name).collect();
    assert_eq!((listed, last.as_str()), (names, ""));
    let other_filter = wire::ListMergesRequest {
        state: MergeState::Undone.into(),
        ..asked(&next)
    };
    let refused = identity
        .list_merges(&supervisor(), other_filter)
        .await
        .unwrap_err();
    assert_eq!(refused.violations[0].reason, "PAGE_TOKEN_FOREIGN");
    let undone = wire::ListMergesRequest {
        state: MergeState::Undone.into(),
        ..Default::default()
    };
    assert_eq!(
        identity.list_merges(&supervisor(), undone).await.unwrap().0.len(),
        2
    );
    let nobodys = wire::ListMergesRequest {
        subject_id: "00000000-0000-7000-8000-000000000999".to_owned(),
        ..Default::default()
    };
    assert!(
        identity
            .list_merges(&supervisor(), nobodys)
            .await
            .unwrap()
            .0
            .is_empty()
    );
}

fn passport(n: u32) -> types::Document {
    types::Document {
        r#type: types::DocumentType::PassportOrdinary.into(),
        number: format!("E1234{n:04}"),
        issuing_country: "USA".to_owned(),
    }
}

async fn one_person_has_at_most_sixteen_subjects(bed: Bed) {
    let identity = start(bed).await;
    let subjects: Vec<String> = identity
        .resolve((0..17).map(passport).collect())
        .await
        .into_iter()
        .map(|outcome| match outcome {
            wire::resolution::Outcome::SubjectId(subject) => subject,
            wire::resolution::Outcome::Error(wrong) => panic!("{wrong:?}"),
        })
        .collect();
    let last = &subjects[16];
    for (n, subject) in (10..).zip(&subjects[..15]) {
        identity.merge(n, by_id(subject), by_id(last)).await.unwrap();
    }
    let refused = identity.merge(50, by_id(&subjects[15]), by_id(last)).await;
    assert_eq!(refused.unwrap_err().reason, "TOO_MANY_SUBJECTS");
}
