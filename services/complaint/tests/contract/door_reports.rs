//! Cases of what doors reported.

use lutong_kernel::{Fault, FaultCode};
use lutong_proto::complaint::v1 as wire;
use lutong_testing::{Bed, on_both_engines, violations};
use lutong_transport::access::Principal;

use crate::{Act, Complaint, fault, next_request_id, officer, purpose, start, supervisor};

on_both_engines!(
    an_officer_follows_up_what_a_door_of_their_division_reported,
    a_report_is_followed_up_once_and_after_somebody_acknowledged_it,
    what_is_wrong_with_a_follow_up_is_named_and_nothing_is_stored,
);

/// Acknowledged, in 370202.
pub const REPORT: &str = "door-reports/00000000-0000-7000-8000-000000000d01";
/// Nobody has acknowledged it.
pub const OPEN: &str = "door-reports/00000000-0000-7000-8000-000000000d02";
const NOTE: &str = "请联系社区核实人员去向";

impl Complaint {
    async fn follow_with(
        &self,
        who: &Principal,
        id: &str,
        report: &str,
        text: &str,
    ) -> Result<wire::Case, Fault> {
        let request = wire::FollowDoorReportRequest {
            request_id: id.to_owned(),
            follow_up: Some(wire::DoorReportFollowUp {
                door_report: report.to_owned(),
                text: text.to_owned(),
            }),
            purpose: purpose(),
        };
        let answer = self
            .cases()
            .follow_door_report(self.0.call_as(who).request(request))
            .await;
        answer
            .map(|answer| answer.into_inner().case.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn follow(&self, who: &Principal, report: &str) -> Result<wire::Case, Fault> {
        self.follow_with(who, &next_request_id(), report, NOTE).await
    }
}

async fn an_officer_follows_up_what_a_door_of_their_division_reported(bed: Bed) {
    let complaint = start(bed).await;
    let now = complaint.0.foundation.now().seconds();
    let opened = complaint.follow(&supervisor("370200"), REPORT).await.unwrap();
    assert_eq!(&*opened.division, "370202");
    assert_eq!(
        (opened.case_kind(), opened.intake()),
        (wire::CaseKind::DoorReport, wire::CaseIntake::Officer)
    );
    assert_eq!((&*opened.desk, opened.clocks.len()), ("epidemic-control", 1));
    assert_eq!(opened.clocks[0].due_time.unwrap().seconds, now + 24 * 3_600);
    let seen = complaint.case(&officer("370202"), &opened.name).await.unwrap();
    let about = wire::DoorReportFollowUp {
        door_report: REPORT.to_owned(),
        text: NOTE.to_owned(),
    };
    assert_eq!(seen.kind, Some(wire::case::Kind::DoorReport(about)));
    let stored = lutong_testing::bytes(&complaint.1, "complaints", "text").await;
    assert!(!stored.windows(NOTE.len()).any(|window| window == NOTE.as_bytes()));
    for act in [Act::TakeUp, Act::Answer, Act::Close] {
        complaint
            .act(&officer("370202"), &opened.name, act)
            .await
            .unwrap();
    }
    // Beyond one's division there is no report, and no case.
    for report in [REPORT, "door-reports/00000000-0000-7000-8000-000000000d99"] {
        let refused = complaint.follow(&officer("370102"), report).await.unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::NotFound, "DOOR_REPORT_NOT_FOUND")
        );
    }
    assert!(complaint.case(&officer("370102"), &opened.name).await.is_err());
    let nowhere = Principal {
        division: None,
        ..officer("370202")
    };
    let refused = complaint.follow(&nowhere, REPORT).await.unwrap_err();
    assert_eq!(&*refused.reason, "DIVISION_MISSING");
}

async fn a_report_is_followed_up_once_and_after_somebody_acknowledged_it(bed: Bed) {
    let complaint = start(bed).await;
    let (who, id) = (officer("370202"), next_request_id());
    let refused = complaint.follow(&who, OPEN).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::FailedPrecondition, "DOOR_REPORT_OPEN")
    );
    let opened = complaint.follow_with(&who, &id, REPORT, NOTE).await.unwrap();
    // Sent again, also while code-rendering is away.
    assert_eq!(
        opened,
        complaint.follow_with(&who, &id, REPORT, NOTE).await.unwrap()
    );
    complaint.2.set_code_rendering_away(true);
    assert_eq!(
        opened,
        complaint.follow_with(&who, &id, REPORT, NOTE).await.unwrap()
    );
    complaint.2.set_code_rendering_away(false);
    let reused = complaint
        .follow_with(&who, &id, REPORT, "另一件事")
        .await
        .unwrap_err();
    assert_eq!(&*reused.reason, "REQUEST_ID_REUSED");
    let refused = complaint.follow(&supervisor("370200"), REPORT).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::AlreadyExists, "DOOR_REPORT_FOLLOWED")
    );
    assert!(
        refused
            .metadata
            .iter()
            .any(|(key, value)| key == "case" && *value == opened.name)
    );
    assert_eq!(complaint.stored().await[0], 1);
}

async fn what_is_wrong_with_a_follow_up_is_named_and_nothing_is_stored(bed: Bed) {
    let complaint = start(bed).await;
    let who = officer("370202");
    let wrong = async |report: &str, text: &str| {
        let refused = complaint
            .follow_with(&who, &next_request_id(), report, text)
            .await;
        violations(&refused.unwrap_err())
    };
    assert_eq!(
        wrong("door-reports/1", NOTE).await,
        ["follow_up.door_report NAME_SHAPE"]
    );
    assert_eq!(wrong("cases/1", NOTE).await, ["follow_up.door_report NAME_SHAPE"]);
    assert_eq!(wrong(REPORT, "").await, ["follow_up.text MISSING"]);
    assert_eq!(
        wrong(REPORT, &"长".repeat(2_001)).await,
        ["follow_up.text TOO_LONG"]
    );
    complaint.2.set_code_rendering_away(true);
    let refused = complaint.follow(&who, REPORT).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::Unavailable, "PART_UNAVAILABLE")
    );
    assert_eq!(complaint.stored().await, [0, 0]);
}
