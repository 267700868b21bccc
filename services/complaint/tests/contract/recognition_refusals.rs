//! Refusals of recognition: reported by one supervisor, published by another, read by everybody while they are in force.

use lutong_kernel::{Fault, FaultCode, Timestamp};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::time::instant;
use lutong_testing::{Bed, on_both_engines, violations};
use lutong_transport::access::Principal;
use lutong_transport::client::MeshChannel;
use wire::RecognitionRefusalState::{Approved, Ended, Expired, Proposed};
use wire::recognition_refusal_service_client::RecognitionRefusalServiceClient;

use crate::{Complaint, agent, fault, next_request_id, officer, request_id, staff, start, supervisor};

on_both_engines!(
    a_refusal_is_reported_by_one_supervisor_and_published_by_another,
    everybody_reads_what_is_in_force_and_nothing_else,
    what_is_wrong_with_a_refusal_is_named_and_nothing_is_stored,
    nobody_reports_publishes_or_ends_refusals_beyond_their_division,
    only_supervisors_report_publish_and_end_refusals,
    a_step_on_a_refusal_is_refused_with_the_state_as_it_is,
    a_repeated_step_on_a_refusal_is_done_once,
    refusals_are_listed_by_division_kind_and_state_in_pages,
);

type Refusal = wire::RecognitionRefusal;

fn second() -> Principal {
    staff("supervisor-2", Role::Supervisor, "370202")
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// Of a hotel of 370202, in force from the 27th to the end of the month.
fn report() -> wire::CreateRecognitionRefusalRequest {
    wire::CreateRecognitionRefusalRequest {
        request_id: next_request_id(),
        division: "370202".to_owned(),
        place_kind: wire::PlaceKind::Hotel.into(),
        place_name: " 海景酒店 ".to_owned(),
        legal_basis: "《中华人民共和国突发事件应对法》第四十九条".to_owned(),
        approval_reference: "国务院联防联控机制综合组 2022年第54号".to_owned(),
        start_time: Some(instant(at("2022-11-27T00:00:00+08:00"))),
        planned_end_time: Some(instant(at("2022-12-01T00:00:00+08:00"))),
    }
}

fn said(refused: &Fault) -> (FaultCode, &str) {
    (refused.code, &refused.reason)
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Approve,
    End,
}

const STEPS: [Step; 2] = [Step::Approve, Step::End];

impl Complaint {
    fn refusals(&self) -> RecognitionRefusalServiceClient<MeshChannel> {
        let channel = self
            .0
            .channel(lutong_kernel::ServiceName::Complaint, Caller::Gateway);
        RecognitionRefusalServiceClient::new(channel)
    }

    async fn report(
        &self,
        who: &Principal,
        request: wire::CreateRecognitionRefusalRequest,
    ) -> Result<Refusal, Fault> {
        let request = self.0.call_as(who).request(request);
        let answer = self.refusals().create_recognition_refusal(request).await;
        answer
            .map(|answer| answer.into_inner().recognition_refusal.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn step_with(
        &self,
        who: &Principal,
        id: &str,
        (name, etag): (&str, &str),
        step: Step,
    ) -> Result<Refusal, Fault> {
        let (request_id, name, etag) = (id.to_owned(), name.to_owned(), etag.to_owned());
        let (call, mut client) = (self.0.call_as(who), self.refusals());
        let done = match step {
            Step::Approve => {
                let request = wire::ApproveRecognitionRefusalRequest {
                    request_id,
                    name,
                    etag,
                };
                let answer = client.approve_recognition_refusal(call.request(request)).await;
                answer.map(|answer| answer.into_inner().recognition_refusal)
            }
            Step::End => {
                let request = wire::EndRecognitionRefusalRequest {
                    request_id,
                    name,
                    etag,
                };
                let answer = client.end_recognition_refusal(call.request(request)).await;
                answer.map(|answer| answer.into_inner().recognition_refusal)
            }
        };
        done.map(Option::unwrap).map_err(|status| fault(&status))
    }

    async fn step(&self, who: &Principal, name: &str, step: Step) -> Result<Refusal, Fault> {
        let id = next_request_id();
        self.step_with(who, &id, (name, ""), step).await
    }

    async fn read(&self, who: &Principal, name: &str) -> Result<Refusal, Fault> {
        let request = wire::GetRecognitionRefusalRequest {
            name: name.to_owned(),
        };
        let request = self.0.call_as(who).request(request);
        let answer = self.refusals().get_recognition_refusal(request).await;
        answer
            .map(|answer| answer.into_inner().recognition_refusal.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn published(
        &self,
        request: wire::ListRecognitionRefusalsRequest,
    ) -> Result<wire::ListRecognitionRefusalsResponse, Fault> {
        let request = self.0.call_as(&Principal::public()).request(request);
        let answer = self.refusals().list_recognition_refusals(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    }

    async fn reported(
        &self,
        who: &Principal,
        request: wire::ListReportedRefusalsRequest,
    ) -> Result<wire::ListReportedRefusalsResponse, Fault> {
        let request = self.0.call_as(who).request(request);
        let answer = self.refusals().list_reported_refusals(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    }

    /// The names of what everybody can list.
    async fn in_force(&self) -> Vec<String> {
        let page = self.published(wire::ListRecognitionRefusalsRequest::default());
        let found = page.await.unwrap().recognition_refusals;
        found.into_iter().map(|one| one.name).collect()
    }
}

async fn a_refusal_is_reported_by_one_supervisor_and_published_by_another(bed: Bed) {
    let complaint = start(bed).await;
    let (one, two) = (supervisor("370200"), second());
    let reported = complaint.report(&one, report()).await.unwrap();
    assert_eq!(
        (
            reported.state(),
            reported.division.as_str(),
            reported.place_kind()
        ),
        (Proposed, "370202", wire::PlaceKind::Hotel)
    );
    assert_eq!(reported.place_name, "海景酒店");
    assert_eq!(reported.publish_time, None);
    // Whoever reported it may take it back, and not publish it.
    let end: i32 = wire::RecognitionRefusalAction::End.into();
    let approve: i32 = wire::RecognitionRefusalAction::Approve.into();
    assert_eq!(reported.allowed_actions, [end]);
    let refused = complaint.step(&one, &reported.name, Step::Approve).await;
    assert_eq!(
        said(&refused.unwrap_err()),
        (FaultCode::FailedPrecondition, "OWN_PROPOSAL")
    );
    let waiting = wire::ListReportedRefusalsRequest {
        state: Proposed.into(),
        ..Default::default()
    };
    let waiting = complaint.reported(&two, waiting).await.unwrap();
    assert_eq!(waiting.recognition_refusals.len(), 1);
    assert_eq!(
        waiting.recognition_refusals[0].allowed_actions,
        [approve, end],
        "for a second one"
    );
    let seen = (reported.name.as_str(), reported.etag.as_str());
    let id = next_request_id();
    let published = complaint.step_with(&two, &id, seen, Step::Approve).await.unwrap();
    assert_eq!(published.state(), Approved);
    assert_ne!(published.etag, reported.etag);
    let approval = published.approval.unwrap();
    assert_eq!(
        [&*approval.proposer, &*approval.approver, &*approval.closer],
        ["supervisor-370200", "supervisor-2", ""]
    );
    assert_eq!(published.publish_time, approval.approve_time);
    let ended = complaint.step(&one, &reported.name, Step::End).await.unwrap();
    assert_eq!((ended.state(), ended.allowed_actions.len()), (Ended, 0));
    let approval = ended.approval.unwrap();
    assert_eq!(approval.closer, "supervisor-370200");
    assert_eq!(ended.end_time, approval.close_time);
    assert_eq!(
        ended.planned_end_time, reported.planned_end_time,
        "the plan is kept"
    );
}

async fn everybody_reads_what_is_in_force_and_nothing_else(bed: Bed) {
    let complaint = start(bed).await;
    let everybody = [
        Principal::public(),
        lutong_testing::citizen("wx-1", None),
        officer("370102"),
        supervisor("370202"),
    ];
    let name = complaint
        .report(&supervisor("370200"), report())
        .await
        .unwrap()
        .name;
    let is_hidden = async |when: &str| {
        for who in &everybody {
            let refused = complaint.read(who, &name).await.unwrap_err();
            assert_eq!(
                said(&refused),
                (FaultCode::NotFound, "RECOGNITION_REFUSAL_NOT_FOUND"),
                "{when}"
            );
        }
        assert!(complaint.in_force().await.is_empty(), "{when}");
    };
    is_hidden("not published").await;
    complaint.step(&second(), &name, Step::Approve).await.unwrap();
    is_hidden("not begun").await;
    complaint.0.clock.set(at("2022-11-27T00:00:00+08:00"));
    for who in &everybody {
        let read = complaint.read(who, &name).await.unwrap();
        assert_eq!((read.state(), &read.name), (Approved, &name));
        assert!(read.publish_time.is_some());
        assert!(!format!("{read:?}").contains("supervisor"), "who signed it");
        assert!(read.etag.is_empty() && read.allowed_actions.is_empty());
    }
    assert_eq!(complaint.in_force().await, std::slice::from_ref(&name));
    complaint.0.clock.set(at("2022-12-01T00:00:00+08:00"));
    is_hidden("over").await;
    let all = complaint
        .reported(&second(), wire::ListReportedRefusalsRequest::default())
        .await
        .unwrap();
    let all: Vec<_> = all.recognition_refusals.iter().map(Refusal::state).collect();
    assert_eq!(all, [Expired]);
    complaint.0.clock.set(at("2022-11-30T00:00:00+08:00"));
    complaint.step(&second(), &name, Step::End).await.unwrap();
    is_hidden("ended").await;
    for (wrong, reason) in [
        ("", "name MISSING"),
        ("recognition-refusals/1", "name NAME_SHAPE"),
        ("cases/1", "name NAME_SHAPE"),
    ] {
        let refused = complaint.read(&Principal::public(), wrong).await.unwrap_err();
        assert_eq!(violations(&refused), [reason]);
    }
}

/// What may be wrong with a report at an instant, and what is said of it.
fn wrong_reports(now: Timestamp) -> [(wire::CreateRecognitionRefusalRequest, &'static [&'static str]); 9] {
    [
        (
            wire::CreateRecognitionRefusalRequest {
                request_id: next_request_id(),
                ..Default::default()
            },
            &[
                "division MISSING",
                "legal_basis MISSING",
                "approval_reference MISSING",
                "start_time MISSING",
                "planned_end_time MISSING",
            ],
        ),
        (
            wire::CreateRecognitionRefusalRequest {
                division: "37020".to_owned(),
                ..report()
            },
            &["division DIVISION_SHAPE"],
        ),
        (
            wire::CreateRecognitionRefusalRequest {
                division: "370299".to_owned(),
                ..report()
            },
            &["division DIVISION_UNKNOWN"],
        ),
        (
            wire::CreateRecognitionRefusalRequest {
                place_name: "店".repeat(101),
                legal_basis: "法".repeat(201),
                approval_reference: "批".repeat(201),
                ..report()
            },
            &[
                "place_name TOO_LONG",
                "legal_basis TOO_LONG",
                "approval_reference TOO_LONG",
            ],
        ),
        (
            wire::CreateRecognitionRefusalRequest {
                legal_basis: " ".to_owned(),
                approval_reference: "\u{7}".to_owned(),
                ..report()
            },
            &["legal_basis MISSING", "approval_reference TEXT_CONTROL"],
        ),
        (
            wire::CreateRecognitionRefusalRequest {
                place_kind: 99,
                ..report()
            },
            &["place_kind UNKNOWN_VALUE"],
        ),
        (
            wire::CreateRecognitionRefusalRequest {
                planned_end_time: report().start_time,
                ..report()
            },
            &["planned_end_time END_BEFORE_START"],
        ),
        (
            wire::CreateRecognitionRefusalRequest {
                start_time: Some(instant(now.plus_seconds(-60))),
                planned_end_time: Some(instant(now)),
                ..report()
            },
            &["planned_end_time END_PASSED"],
        ),
        (
            wire::CreateRecognitionRefusalRequest {
                request_id: "x".to_owned(),
                ..report()
            },
            &["request_id UUID_SHAPE"],
        ),
    ]
}

async fn what_is_wrong_with_a_refusal_is_named_and_nothing_is_stored(bed: Bed) {
    let complaint = start(bed).await;
    let province = supervisor("370000");
    let now = complaint.0.foundation.now();
    for (request, named) in wrong_reports(now) {
        let refused = complaint.report(&province, request.clone()).await.unwrap_err();
        assert_eq!(refused.code, FaultCode::InvalidArgument, "{request:?}");
        assert_eq!(violations(&refused), named, "{request:?}");
    }
    for step in STEPS {
        for (name, reason) in [
            ("", "name MISSING"),
            ("recognition-refusals/1", "name NAME_SHAPE"),
            ("cases/1", "name NAME_SHAPE"),
        ] {
            let refused = complaint.step(&province, name, step).await.unwrap_err();
            assert_eq!(violations(&refused), [reason], "{step:?}");
        }
    }
    assert_eq!(
        lutong_testing::rows(&complaint.1, "recognition_refusals").await,
        0
    );
}

async fn nobody_reports_publishes_or_ends_refusals_beyond_their_division(bed: Bed) {
    let complaint = start(bed).await;
    let name = complaint
        .report(&supervisor("370202"), report())
        .await
        .unwrap()
        .name;
    for who in [
        supervisor("370102"),
        supervisor("370203"),
        // A street of the district.
        supervisor("370202001"),
    ] {
        let refused = complaint.report(&who, report()).await.unwrap_err();
        assert_eq!(
            said(&refused),
            (FaultCode::PermissionDenied, "OUTSIDE_DIVISION"),
            "{}",
            who.account
        );
        for step in STEPS {
            let nobodys = "recognition-refusals/00000000-0000-7000-8000-000000000001";
            let refused = complaint.step(&who, &name, step).await.unwrap_err();
            assert_eq!(
                said(&refused),
                (FaultCode::NotFound, "RECOGNITION_REFUSAL_NOT_FOUND")
            );
            assert_eq!(refused, complaint.step(&who, nobodys, step).await.unwrap_err());
        }
        let seen = complaint.reported(&who, wire::ListReportedRefusalsRequest::default());
        assert!(
            seen.await.unwrap().recognition_refusals.is_empty(),
            "{}",
            who.account
        );
        let theirs = wire::ListReportedRefusalsRequest {
            division: "370202".to_owned(),
            ..Default::default()
        };
        let refused = complaint.reported(&who, theirs).await.unwrap_err();
        assert_eq!(&*refused.reason, "OUTSIDE_DIVISION");
    }
    // A street is taken for its district, which is not the street's to report.
    let street = wire::CreateRecognitionRefusalRequest {
        division: "370202001".to_owned(),
        ..report()
    };
    let refused = complaint.report(&supervisor("370202001"), street.clone()).await;
    assert_eq!(&*refused.unwrap_err().reason, "OUTSIDE_DIVISION");
    let reported = complaint.report(&supervisor("370202"), street).await.unwrap();
    assert_eq!(reported.division, "370202");
    let elsewhere = wire::CreateRecognitionRefusalRequest {
        division: "110101".to_owned(),
        ..report()
    };
    let refused = complaint.report(&supervisor("370000"), elsewhere).await;
    assert_eq!(
        &*refused.unwrap_err().reason,
        "OUTSIDE_DIVISION",
        "another province's"
    );
    let nowhere = Principal {
        division: None,
        ..supervisor("370202")
    };
    let mut refused = vec![
        complaint.report(&nowhere, report()).await.unwrap_err(),
        complaint
            .reported(&nowhere, wire::ListReportedRefusalsRequest::default())
            .await
            .unwrap_err(),
    ];
    for step in STEPS {
        refused.push(complaint.step(&nowhere, &name, step).await.unwrap_err());
    }
    for refused in refused {
        assert_eq!(said(&refused), (FaultCode::PermissionDenied, "DIVISION_MISSING"));
    }
}

async fn only_supervisors_report_publish_and_end_refusals(bed: Bed) {
    let complaint = start(bed).await;
    let name = complaint
        .report(&supervisor("370202"), report())
        .await
        .unwrap()
        .name;
    for who in [
        lutong_testing::citizen("wx-1", None),
        officer("370202"),
        agent(),
        staff("counter-1", Role::CounterStaff, "370202"),
    ] {
        let refused = complaint.report(&who, report()).await.unwrap_err();
        assert_eq!(said(&refused), (FaultCode::PermissionDenied, "NOT_PERMITTED"));
        for step in STEPS {
            let refused = complaint.step(&who, &name, step).await.unwrap_err();
            assert_eq!(&*refused.reason, "NOT_PERMITTED", "{step:?}");
        }
    }
    let nobody = complaint
        .report(&Principal::public(), report())
        .await
        .unwrap_err();
    assert_eq!(said(&nobody), (FaultCode::Unauthenticated, "NOT_SIGNED_IN"));
    // Officers see what is reported, and that they can do nothing with it.
    let seen = complaint
        .reported(&officer("370202"), wire::ListReportedRefusalsRequest::default())
        .await
        .unwrap()
        .recognition_refusals;
    assert_eq!((seen.len(), seen[0].allowed_actions.len()), (1, 0));
    let citizen = lutong_testing::citizen("wx-1", None);
    let refused = complaint.reported(&citizen, wire::ListReportedRefusalsRequest::default());
    assert_eq!(&*refused.await.unwrap_err().reason, "NOT_PERMITTED");
}

async fn a_step_on_a_refusal_is_refused_with_the_state_as_it_is(bed: Bed) {
    let complaint = start(bed).await;
    let (one, two) = (supervisor("370202"), second());
    let stated = |refused: &Fault, key: &str| {
        let found = refused.metadata.iter().find(|(one, _)| *one == key);
        found.map_or(String::new(), |(_, value)| value.clone())
    };
    let reported = complaint.report(&one, report()).await.unwrap();
    let name = &reported.name;
    complaint.step(&two, name, Step::Approve).await.unwrap();
    for step in STEPS {
        let id = next_request_id();
        let stale = complaint.step_with(&two, &id, (name, &reported.etag), step).await;
        let stale = stale.unwrap_err();
        assert_eq!(said(&stale), (FaultCode::Aborted, "STALE"), "{step:?}");
        assert_eq!(stated(&stale, "state"), "APPROVED");
    }
    let refused = complaint.step(&two, name, Step::Approve).await.unwrap_err();
    assert_eq!(said(&refused), (FaultCode::FailedPrecondition, "WRONG_STATE"));
    assert_eq!(
        (stated(&refused, "state"), stated(&refused, "allowed")),
        ("APPROVED".to_owned(), "PROPOSED".to_owned())
    );
    complaint.step(&two, name, Step::End).await.unwrap();
    for step in STEPS {
        let refused = complaint.step(&two, name, step).await.unwrap_err();
        assert_eq!(
            (&*refused.reason, stated(&refused, "state")),
            ("WRONG_STATE", "ENDED".to_owned())
        );
    }
    // What nobody published ends by its plan, too.
    let other = complaint.report(&one, report()).await.unwrap();
    complaint.0.clock.set(at("2022-12-01T00:00:00+08:00"));
    for step in STEPS {
        let refused = complaint.step(&two, &other.name, step).await.unwrap_err();
        assert_eq!(stated(&refused, "state"), "EXPIRED");
    }
}

async fn a_repeated_step_on_a_refusal_is_done_once(bed: Bed) {
    let complaint = start(bed).await;
    let (one, two) = (supervisor("370202"), second());
    let request = report();
    let reported = complaint.report(&one, request.clone()).await.unwrap();
    assert_eq!(complaint.report(&one, request.clone()).await.unwrap(), reported);
    let other = wire::CreateRecognitionRefusalRequest {
        place_name: String::new(),
        ..request
    };
    let refused = complaint.report(&one, other).await.unwrap_err();
    assert_eq!(said(&refused), (FaultCode::AlreadyExists, "REQUEST_ID_REUSED"));
    for (n, step) in [(1, Step::Approve), (2, Step::End)] {
        let id = request_id(n);
        let seen = (reported.name.as_str(), "");
        let done = complaint.step_with(&two, &id, seen, step).await.unwrap();
        complaint.0.clock.advance(std::time::Duration::from_secs(60));
        let again = complaint.step_with(&two, &id, seen, step).await.unwrap();
        assert_eq!(done, again, "{step:?}");
        let other = complaint.step_with(&two, &id, (&reported.name, "x"), step).await;
        assert_eq!(&*other.unwrap_err().reason, "REQUEST_ID_REUSED", "{step:?}");
    }
    assert_eq!(
        lutong_testing::rows(&complaint.1, "recognition_refusals").await,
        1
    );
}

async fn refusals_are_listed_by_division_kind_and_state_in_pages(bed: Bed) {
    let complaint = start(bed).await;
    let (one, two) = (supervisor("370000"), staff("two", Role::Supervisor, "370000"));
    let mut names = Vec::new();
    for (division, place_kind) in [
        ("370202", wire::PlaceKind::Hotel),
        ("370203", wire::PlaceKind::Hotel),
        ("370102", wire::PlaceKind::Mall),
        ("370200", wire::PlaceKind::Unspecified),
    ] {
        let request = wire::CreateRecognitionRefusalRequest {
            division: division.to_owned(),
            place_kind: place_kind.into(),
            start_time: Some(instant(complaint.0.foundation.now())),
            ..report()
        };
        let reported = complaint.report(&one, request).await.unwrap();
        complaint.step(&two, &reported.name, Step::Approve).await.unwrap();
        names.insert(0, reported.name);
        complaint.0.clock.advance(std::time::Duration::from_secs(1));
    }
    let proposed = complaint.report(&one, report()).await.unwrap().name;
    assert_eq!(complaint.in_force().await, names);
    for size in [1, 3] {
        let (mut seen, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = wire::ListRecognitionRefusalsRequest {
                page_size: size,
                page_token,
                ..Default::default()
            };
            let page = complaint.published(request).await.unwrap();
            seen.extend(page.recognition_refusals.into_iter().map(|one| one.name));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, names, "pages of {size}");
    }
    for (division, place_kind, found) in [
        ("370200", wire::PlaceKind::Unspecified, vec![0, 2, 3]),
        ("370202", wire::PlaceKind::Unspecified, vec![3]),
        ("", wire::PlaceKind::Hotel, vec![2, 3]),
        ("370100", wire::PlaceKind::Hotel, vec![]),
    ] {
        let request = wire::ListRecognitionRefusalsRequest {
            division: division.to_owned(),
            place_kind: place_kind.into(),
            ..Default::default()
        };
        let page = complaint.published(request).await.unwrap();
        let seen: Vec<_> = page.recognition_refusals.iter().map(|one| &one.name).collect();
        let expected: Vec<_> = found.iter().map(|index| &names[*index]).collect();
        assert_eq!(seen, expected, "{division} {place_kind:?}");
    }
    let reported = async |who: &Principal, state: wire::RecognitionRefusalState, division: &str| {
        let request = wire::ListReportedRefusalsRequest {
            division: division.to_owned(),
            state: state.into(),
            ..Default::default()
        };
        let page = complaint.reported(who, request).await.unwrap();
        let found = page.recognition_refusals.into_iter();
        found.map(|one| one.name).collect::<Vec<_>>()
    };
    assert_eq!(
        reported(&one, Proposed, "").await,
        std::slice::from_ref(&proposed)
    );
    assert_eq!(reported(&one, Approved, "").await, names);
    assert_eq!(reported(&one, Approved, "370202").await, [names[3].clone()]);
    let any = wire::RecognitionRefusalState::Unspecified;
    assert_eq!(reported(&second(), any, "").await, [proposed, names[3].clone()]);
    for (division, page_token, reason) in [
        ("37", "", "division DIVISION_SHAPE"),
        ("", "x", "page_token PAGE_TOKEN_FOREIGN"),
    ] {
        let request = wire::ListRecognitionRefusalsRequest {
            division: division.to_owned(),
            page_token: page_token.to_owned(),
            ..Default::default()
        };
        let refused = complaint.published(request).await.unwrap_err();
        assert_eq!(violations(&refused), [reason]);
        let request = wire::ListReportedRefusalsRequest {
            division: division.to_owned(),
            page_token: page_token.to_owned(),
            ..Default::default()
        };
        let refused = complaint.reported(&one, request).await.unwrap_err();
        assert_eq!(violations(&refused), [reason]);
    }
}
