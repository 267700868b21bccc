//! Subjects that are one person, and what the log tells of them and of where people live.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lutong_chassis::access::Roles;
use lutong_chassis::testing::{self, Bed};
use lutong_chassis::{Call, Principal, on_both_engines};
use lutong_kernel::{DivisionCode, Fault, ServiceName};
use lutong_proto::declaration::v1 as declaration;
use lutong_proto::identity::v1 as wire;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::types::v1 as types;
use tonic::{Request, Response, Status};
use wire::event::Payload;
use wire::event_log_service_client::EventLogServiceClient;
use wire::merge_service_client::MergeServiceClient;
use wire::subject_reference::Reference;

use crate::{Identity, ONE, TWO, document, items, reason, request_id, start};

on_both_engines!(
    a_merge_and_its_undoing_are_told_with_growing_versions,
    whoever_is_one_person_already_is_not_merged_again,
    a_merge_sent_again_is_answered_alike_and_told_once,
    what_is_no_merge_is_named_and_told_to_nobody,
    who_lives_in_another_division_is_nobodys_to_merge,
    one_person_has_at_most_sixteen_subjects,
    identitys_log_is_read_on_page_by_page,
    a_follower_of_identity_that_comes_too_late_is_told,
    where_somebody_lives_is_told_once_a_declaration_followed_and_again_when_they_move,
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
    }
}

fn by_id(subject: &str) -> wire::SubjectReference {
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
    fn merges(&self) -> MergeServiceClient<lutong_chassis::MeshChannel> {
        MergeServiceClient::new(self.0.channel(ServiceName::Identity, Caller::Gateway))
    }

    fn purposeful<T>(&self, message: T) -> Request<T> {
        self.purposeful_as(&supervisor(), message)
    }

    fn purposeful_as<T>(&self, who: &Principal, message: T) -> Request<T> {
        let mut request = self.0.call_as(who).request(message);
        let purpose = "test".parse().unwrap();
        request.metadata_mut().insert("lutong-purpose", purpose);
        request
    }

    async fn merge(
        &self,
        n: u32,
        from: wire::SubjectReference,
        into: wire::SubjectReference,
    ) -> Result<wire::SubjectMerge, Fault> {
        self.merge_as(&supervisor(), n, from, into).await
    }

    async fn merge_as(
        &self,
        who: &Principal,
        n: u32,
        from: wire::SubjectReference,
        into: wire::SubjectReference,
    ) -> Result<wire::SubjectMerge, Fault> {
        let merge = wire::MergeSubjectsRequest {
            request_id: request_id(n),
            from: Some(from),
            into: Some(into),
            reason: "同一人的护照与身份证".to_owned(),
        };
        let request = self.purposeful_as(who, merge);
        let answer = self.merges().merge_subjects(request).await;
        answer
            .map(|answer| answer.into_inner().merge.unwrap())
            .map_err(|status| reason(&status))
    }

    async fn unmerge(&self, n: u32, from: &str) -> Result<wire::SubjectMerge, Fault> {
        self.unmerge_as(&supervisor(), n, from).await
    }

    async fn unmerge_as(&self, who: &Principal, n: u32, from: &str) -> Result<wire::SubjectMerge, Fault> {
        let unmerge = wire::UnmergeSubjectRequest {
            request_id: request_id(n),
            from: Some(by_id(from)),
            reason: "two people after all".to_owned(),
        };
        let request = self.purposeful_as(who, unmerge);
        let answer = self.merges().unmerge_subject(request).await;
        answer
            .map(|answer| answer.into_inner().merge.unwrap())
            .map_err(|status| reason(&status))
    }

    async fn two(&self) -> (String, String) {
        let one = self.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
        let two = self.register("wx-2", 2, items("李四", TWO)).await.unwrap();
        (one, two)
    }

    async fn list(&self, after_sequence: i64, page_size: i32) -> Result<Vec<wire::Event>, Fault> {
        let request = Call::background(Duration::from_secs(5)).request(wire::ListEventsRequest {
            after_sequence,
            page_size,
        });
        let mut log = EventLogServiceClient::new(self.0.channel(ServiceName::Identity, Caller::RiskRules));
        let answer = log.list_events(request).await;
        answer
            .map(|answer| answer.into_inner().events)
            .map_err(|status| reason(&status))
    }

    /// What was told, once there are `count` events.
    async fn told(&self, count: usize) -> Vec<(String, Payload)> {
        for _ in 0..400 {
            let events = self.list(0, 0).await.unwrap();
            if events.len() >= count {
                let told = events.into_iter();
                return told
                    .map(|event| (event.subject_id, event.payload.unwrap()))
                    .collect();
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{count} events were not told within 10 s");
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
    assert_eq!((&merge.from_subject_id, &merge.into_subject_id), (&one, &two));
    assert!(merge.merge_time.is_some() && merge.unmerge_time.is_none());
    let undone = identity.unmerge(11, &one).await.unwrap();
    assert!(undone.unmerge_time.is_some());
    identity.merge(12, by_id(&one), by_document(TWO)).await.unwrap();
    let unmerged = Payload::SubjectUnmerged(wire::SubjectUnmerged { version: 2 });
    let expected = [merged(&two, 1), unmerged, merged(&two, 3)];
    let expected: Vec<_> = expected.into_iter().map(|told| (one.clone(), told)).collect();
    assert_eq!(identity.told(3).await, expected);
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
    identity.merge(12, by_id(&two), by_id(&three)).await.unwrap();
    for (n, from, into) in [
        (13, &one, &two),
        (14, &two, &one),
        (15, &three, &one),
        (16, &one, &three),
    ] {
        assert_eq!(refused(n, from, into).await, "ALREADY_MERGED");
    }
    identity.unmerge(17, &two).await.unwrap();
    // Merged into two still, and not a person of its own.
    assert_eq!(refused(18, &one, &three).await, "ALREADY_MERGED");
    let refused = identity.unmerge(19, &two).await.unwrap_err();
    assert_eq!(refused.reason, "NOT_MERGED");
    let refused = identity.unmerge(20, &three).await.unwrap_err();
    assert_eq!(refused.reason, "NOT_MERGED");
    assert_eq!(identity.told(3).await.len(), 3);
}

async fn a_merge_sent_again_is_answered_alike_and_told_once(bed: Bed) {
    let identity = start(bed).await;
    let (one, two) = identity.two().await;
    let first = identity.merge(10, by_id(&one), by_id(&two)).await.unwrap();
    let again = identity.merge(10, by_id(&one), by_id(&two)).await.unwrap();
    assert_eq!(first, again);
    let other = identity.merge(10, by_id(&two), by_id(&one)).await.unwrap_err();
    assert_eq!(other.reason, "REQUEST_ID_REUSED");
    let undone = identity.unmerge(11, &one).await.unwrap();
    assert_eq!(identity.unmerge(11, &one).await.unwrap(), undone);
    assert_eq!(
        identity.unmerge(11, &two).await.unwrap_err().reason,
        "REQUEST_ID_REUSED"
    );
    assert_eq!(identity.told(2).await.len(), 2);
}

async fn what_is_no_merge_is_named_and_told_to_nobody(bed: Bed) {
    let identity = start(bed).await;
    let (one, _) = identity.two().await;
    let request = identity.purposeful(wire::MergeSubjectsRequest {
        request_id: "x".to_owned(),
        from: Some(by_id("nobody")),
        into: None,
        reason: " ".to_owned(),
    });
    let refused = identity.merges().merge_subjects(request).await.unwrap_err();
    let fields: Vec<_> = reason(&refused)
        .violations
        .into_iter()
        .map(|one| format!("{} {}", one.field, one.reason))
        .collect();
    let expected = [
        "from.subject_id SUBJECT_ID_SHAPE",
        "into DOCUMENT_OR_SUBJECT",
        "request_id REQUEST_ID_SHAPE",
        "reason TEXT_LENGTH",
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
    assert_eq!(
        identity.unmerge(12, nobody).await.unwrap_err().reason,
        "SUBJECT_NOT_FOUND"
    );
    let request = identity.purposeful(wire::UnmergeSubjectRequest::default());
    let refused = identity.merges().unmerge_subject(request).await.unwrap_err();
    assert_eq!(reason(&refused).reason, "INVALID_FIELDS");
    assert_eq!(testing::rows(&identity.1, "merges").await, 0);
    assert_eq!(testing::rows(&identity.1, "outbox").await, 0);
}

/// 370203 is where one of them lives, 370202 where the other does.
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
    let reasons = async |n, who: Option<&str>, from: &str, into: &str| {
        let who = supervisor_of(who);
        let merged = identity.merge_as(&who, n, by_id(from), by_id(into)).await;
        let unmerged = identity.unmerge_as(&who, n + 100, from).await;
        [merged, unmerged].map(|answer| {
            answer
                .err()
                .map_or_else(String::new, |fault| fault.reason.into_owned())
        })
    };
    let missing = ["DIVISION_MISSING", "DIVISION_MISSING"];
    assert_eq!(reasons(10, None, &one, &two).await, missing);
    let outside = ["OUTSIDE_DIVISION", "OUTSIDE_DIVISION"];
    for (n, who) in [(11, "370100"), (12, "370204"), (13, "370202001")] {
        assert_eq!(reasons(n, Some(who), &one, &two).await, outside, "{who}");
    }
    // Either of the two is enough, and nobody is nobody's but the province's.
    for (n, who) in [(14, "370202"), (15, "370203"), (16, "370200"), (17, "370000")] {
        assert_eq!(reasons(n, Some(who), &one, &two).await, ["", ""], "{who}");
    }
    assert_eq!(reasons(18, Some("370202"), feeds, &one).await, ["", ""]);
    assert_eq!(reasons(19, Some("370202"), feeds, &two).await, outside);
    assert_eq!(reasons(20, Some("370202"), feeds, other).await, outside);
    assert_eq!(reasons(21, Some("370000"), feeds, other).await, ["", ""]);
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

async fn identitys_log_is_read_on_page_by_page(bed: Bed) {
    let identity = start(bed).await;
    let (one, two) = identity.two().await;
    identity.merge(10, by_id(&one), by_id(&two)).await.unwrap();
    identity.unmerge(11, &one).await.unwrap();
    identity.told(2).await;
    let sequences = |events: Vec<wire::Event>| events.iter().map(|event| event.sequence).collect::<Vec<_>>();
    assert_eq!(sequences(identity.list(0, 1).await.unwrap()), [1]);
    assert_eq!(sequences(identity.list(1, 0).await.unwrap()), [2]);
    assert_eq!(sequences(identity.list(2, 0).await.unwrap()), [0_i64; 0]);
    for (after, size) in [(-1, 0), (0, -1), (0, 501)] {
        let refused = identity.list(after, size).await.unwrap_err();
        assert_eq!(refused.reason, "INVALID_FIELDS");
    }
}

async fn a_follower_of_identity_that_comes_too_late_is_told(bed: Bed) {
    let identity = start(bed).await;
    let (one, two) = identity.two().await;
    identity.merge(10, by_id(&one), by_id(&two)).await.unwrap();
    identity.unmerge(11, &one).await.unwrap();
    identity.told(2).await;
    testing::meddle(&identity.1, "DELETE FROM outbox WHERE sequence = 1").await;
    assert_eq!(identity.list(0, 0).await.unwrap_err().reason, "EVENTS_EXPIRED");
}

/// Declaration's log, as far as a test has written it.
#[derive(Clone, Default)]
struct Declared(Arc<Mutex<Vec<declaration::Event>>>);

#[tonic::async_trait]
impl declaration::event_log_service_server::EventLogService for Declared {
    async fn list_events(
        &self,
        request: Request<declaration::ListEventsRequest>,
    ) -> Result<Response<declaration::ListEventsResponse>, Status> {
        let after = request.get_ref().after_sequence;
        let events = self.0.lock().unwrap();
        let events = events.iter().filter(|event| event.sequence > after).cloned();
        Ok(Response::new(declaration::ListEventsResponse {
            events: events.collect(),
        }))
    }
}

impl Declared {
    fn accept(&self, subject: &str) {
        let mut events = self.0.lock().unwrap();
        let sequence = i64::try_from(events.len()).unwrap() + 1;
        events.push(declaration::Event {
            sequence,
            subject_id: subject.to_owned(),
            create_time: None,
            payload: Some(declaration::event::Payload::DeclarationAccepted(
                declaration::DeclarationAccepted::default(),
            )),
        });
    }
}

async fn where_somebody_lives_is_told_once_a_declaration_followed_and_again_when_they_move(bed: Bed) {
    let log = Declared::default();
    let server = declaration::event_log_service_server::EventLogServiceServer::new(log.clone());
    bed.bind_fake(ServiceName::Declaration, tonic::service::Routes::new(server));
    let identity = start(bed).await;
    let (one, _) = identity.two().await;
    let placed = |division: &str| {
        Payload::SubjectPlaced(wire::SubjectPlaced {
            division: division.to_owned(),
        })
    };
    log.accept(&one);
    assert_eq!(identity.told(1).await, [(one.clone(), placed("370202"))]);
    // The same home again tells nothing; a street is told as its county.
    log.accept(&one);
    let mut moved = items("王小明", ONE);
    let home = moved.home_address.as_mut().unwrap();
    "370203001".clone_into(&mut home.division);
    identity.register("wx-1", 3, moved).await.unwrap();
    log.accept(&one);
    let told = identity.told(2).await;
    assert_eq!(told, [(one.clone(), placed("370202")), (one, placed("370203"))]);
}
