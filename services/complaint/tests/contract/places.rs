//! The register of places, and the ledger of complaints about them.

use lutong_kernel::{Fault, FaultCode};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::policy::{Caller, Role};
use lutong_testing::{Bed, on_both_engines, violations};
use lutong_transport::access::{NETWORK_HEADER, Principal};
use lutong_transport::client::MeshChannel;
use wire::create_complaint_request::Kind as FiledKind;
use wire::place_service_client::PlaceServiceClient;

use crate::{
    Act, Complaint, TEXT, agent, case_name, fault, next_request_id, officer, purpose, staff, start,
    supervisor,
};

on_both_engines!(
    a_complaint_is_bound_to_the_place_whose_name_it_states,
    what_waits_is_bound_once_the_place_or_its_name_is_registered,
    staff_match_what_names_no_place_of_the_register,
    two_entries_of_one_place_become_one_with_their_complaints,
    what_was_found_is_in_the_ledger_also_of_what_was_merged,
    the_ledger_adds_up_by_responsible_body,
    nobody_keeps_places_beyond_their_division,
    what_is_wrong_with_a_place_is_named_and_nothing_is_stored,
    a_name_is_there_once_in_a_division,
    a_repeated_step_on_a_place_is_done_once,
    places_and_their_ledger_are_listed_in_pages,
);

pub const HOTEL: &str = "海景酒店";

pub fn said(refused: &Fault) -> (FaultCode, &str) {
    (refused.code, &refused.reason)
}

pub fn meta<'a>(refused: &'a Fault, name: &str) -> &'a str {
    let found = refused.metadata.iter().find(|(one, _)| one == name);
    found.map_or("", |(_, value)| value)
}

pub fn nobody() -> Principal {
    Principal {
        division: None,
        ..staff("lost", Role::Supervisor, "370202")
    }
}

pub fn registration(name: &str) -> wire::CreatePlaceRequest {
    wire::CreatePlaceRequest {
        request_id: next_request_id(),
        division: "370202".to_owned(),
        kind: wire::PlaceKind::Hotel.into(),
        display_name: name.to_owned(),
        aliases: Vec::new(),
    }
}

/// Somebody who files.
pub struct Filer<'a> {
    pub account: &'a str,
    pub subject: Option<lutong_kernel::SubjectId>,
    pub network: &'a str,
}

impl<'a> Filer<'a> {
    /// With a person and a network of their own.
    pub fn own(account: &'a str) -> Self {
        Self {
            account,
            subject: Some(crate::fakes::person(account)),
            network: account,
        }
    }
}

/// Sends a request, and takes one field of its answer.
macro_rules! sent {
    ($self:ident, $client:ident, $who:ident, $rpc:ident, $request:expr, |$answer:ident| $field:expr) => {{
        let request = $self.0.call_as($who).request($request);
        match $self.$client().$rpc(request).await {
            Ok(answer) => {
                let $answer = answer.into_inner();
                Ok($field)
            }
            Err(status) => Err(fault(&status)),
        }
    }};
}
pub(crate) use sent;

impl Complaint {
    pub fn places(&self) -> PlaceServiceClient<MeshChannel> {
        let channel = self
            .0
            .channel(lutong_kernel::ServiceName::Complaint, Caller::Gateway);
        PlaceServiceClient::new(channel)
    }

    pub async fn register(
        &self,
        who: &Principal,
        request: wire::CreatePlaceRequest,
    ) -> Result<wire::Place, Fault> {
        self.0.clock.advance(std::time::Duration::from_millis(10));
        sent!(self, places, who, create_place, request, |answer| answer
            .place
            .unwrap())
    }

    async fn place(&self, who: &Principal, name: &str) -> Result<wire::Place, Fault> {
        let request = wire::GetPlaceRequest {
            name: name.to_owned(),
        };
        sent!(self, places, who, get_place, request, |answer| answer
            .place
            .unwrap())
    }

    async fn list_places(
        &self,
        who: &Principal,
        request: wire::ListPlacesRequest,
    ) -> Result<wire::ListPlacesResponse, Fault> {
        sent!(self, places, who, list_places, request, |answer| answer)
    }

    async fn alias(
        &self,
        who: &Principal,
        request: wire::AddPlaceAliasRequest,
    ) -> Result<wire::Place, Fault> {
        sent!(self, places, who, add_place_alias, request, |answer| answer
            .place
            .unwrap())
    }

    pub async fn merge_places(
        &self,
        who: &Principal,
        request: wire::MergePlaceRequest,
    ) -> Result<wire::Place, Fault> {
        sent!(self, places, who, merge_place, request, |answer| answer
            .place
            .unwrap())
    }

    pub async fn match_case(
        &self,
        who: &Principal,
        request: wire::MatchCaseRequest,
    ) -> Result<wire::PlaceLedgerEntry, Fault> {
        sent!(self, places, who, match_case, request, |answer| answer
            .entry
            .unwrap())
    }

    pub async fn ledger(
        &self,
        who: &Principal,
        request: wire::ListPlaceLedgerRequest,
    ) -> Result<wire::ListPlaceLedgerResponse, Fault> {
        sent!(self, places, who, list_place_ledger, request, |answer| answer)
    }

    async fn bodies(
        &self,
        who: &Principal,
        request: wire::ListResponsibleBodiesRequest,
    ) -> Result<wire::ListResponsibleBodiesResponse, Fault> {
        sent!(self, places, who, list_responsible_bodies, request, |answer| {
            answer
        })
    }

    /// Files a complaint about a place of 370202.
    pub async fn complain(&self, filer: &Filer<'_>, place: &str) -> String {
        let about = wire::PlaceComplaint {
            issue: wire::PlaceIssue::RefusingGreen.into(),
            place: place.to_owned(),
            text: TEXT.to_owned(),
        };
        let request = wire::CreateComplaintRequest {
            request_id: next_request_id(),
            kind: Some(FiledKind::Place(about)),
            division: "370202".to_owned(),
        };
        let citizen = lutong_testing::citizen(filer.account, filer.subject);
        let mut request = self.0.call_as(&citizen).request(request);
        request
            .metadata_mut()
            .insert(NETWORK_HEADER, filer.network.parse().unwrap());
        let filed = self.client().create_complaint(request).await.unwrap();
        self.0.clock.advance(std::time::Duration::from_millis(10));
        case_name(&filed.into_inner().complaint.unwrap())
    }

    /// An officer of the district looks at a complaint.
    pub async fn find_out(&self, name: &str, finding: wire::PlaceFinding) {
        let district = officer("370202");
        self.act(&district, name, Act::TakeUp).await.unwrap();
        self.answer_finding(&district, name, finding).await.unwrap();
    }

    async fn answer_finding(
        &self,
        who: &Principal,
        name: &str,
        finding: wire::PlaceFinding,
    ) -> Result<wire::Case, Fault> {
        let request = wire::AnswerCaseRequest {
            request_id: next_request_id(),
            name: name.to_owned(),
            etag: String::new(),
            purpose: purpose(),
            text: "已核查".to_owned(),
            finding: finding.into(),
        };
        sent!(self, cases, who, answer_case, request, |answer| answer
            .case
            .unwrap())
    }

    /// The ledger of the district: case and place.
    async fn bound(&self) -> Vec<(String, String)> {
        let district = officer("370202");
        let all = self.ledger(&district, wire::ListPlaceLedgerRequest::default());
        let entries = all.await.unwrap().entries.into_iter();
        entries.map(|entry| (entry.case, entry.place)).collect()
    }

    async fn place_of(&self, case: &str) -> String {
        let bound = self.bound().await.into_iter();
        bound
            .filter(|(one, _)| one == case)
            .map(|(_, place)| place)
            .collect()
    }
}

fn alias(place: &str, alias: &str) -> wire::AddPlaceAliasRequest {
    wire::AddPlaceAliasRequest {
        request_id: next_request_id(),
        name: place.to_owned(),
        etag: String::new(),
        alias: alias.to_owned(),
    }
}

pub fn merge(place: &str, into: &str) -> wire::MergePlaceRequest {
    wire::MergePlaceRequest {
        request_id: next_request_id(),
        name: place.to_owned(),
        etag: String::new(),
        into: into.to_owned(),
    }
}

pub fn matching(case: &str, place: &str) -> wire::MatchCaseRequest {
    wire::MatchCaseRequest {
        request_id: next_request_id(),
        name: case.to_owned(),
        place: place.to_owned(),
    }
}

async fn a_complaint_is_bound_to_the_place_whose_name_it_states(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let hotel = complaint.register(&district, registration(HOTEL)).await.unwrap();
    let branch = wire::CreatePlaceRequest {
        aliases: vec!["海景（二店）".to_owned()],
        ..registration("海景酒店，香港中路1号")
    };
    let branch = complaint.register(&district, branch).await.unwrap();
    assert_eq!(branch.responsible_body, "culture-and-tourism");
    for (stated, place) in [
        (" 海 景 酒 店 ", &hotel.name),
        ("海景酒店，东海路9号", &hotel.name),
        // All that is stated comes before what stands before the street.
        ("海景酒店，香港中路1号", &branch.name),
        ("海景(二店)", &branch.name),
        ("海景", &String::new()),
    ] {
        let case = complaint.complain(&Filer::own("wx-1"), stated).await;
        assert_eq!(complaint.place_of(&case).await, *place, "{stated}");
    }
    // The hotline's orders and what nobody puts a name to are bound alike; another division has its own places.
    let elsewhere = complaint.file_place("wx-1", "370203").await;
    let province = supervisor("370000");
    let ledger = complaint.ledger(&province, wire::ListPlaceLedgerRequest::default());
    let ledger = ledger.await.unwrap().entries;
    let of = |case: &str| ledger.iter().find(|entry| entry.case == case).unwrap().clone();
    assert_eq!(of(&case_name(&elsewhere)).place, "");
    assert_eq!(
        of(&case_name(&elsewhere)).issue(),
        wire::PlaceIssue::RefusingGreen
    );
}

async fn what_waits_is_bound_once_the_place_or_its_name_is_registered(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let first = complaint
        .complain(&Filer::own("wx-1"), "海景酒店，香港中路1号")
        .await;
    let second = complaint.complain(&Filer::own("wx-2"), "老海景").await;
    assert_eq!(complaint.place_of(&first).await, "");
    let waiting = wire::ListPlaceLedgerRequest {
        unmatched: true,
        ..Default::default()
    };
    let entries = complaint
        .ledger(&district, waiting.clone())
        .await
        .unwrap()
        .entries;
    let names: Vec<&str> = entries.iter().map(|entry| entry.case.as_str()).collect();
    assert_eq!(names, [&second, &first], "the last filed first");
    let hotel = complaint.register(&district, registration(HOTEL)).await.unwrap();
    assert_eq!(complaint.place_of(&first).await, hotel.name);
    let named = complaint
        .alias(&district, alias(&hotel.name, " 老 海景 "))
        .await
        .unwrap();
    assert_eq!(named.aliases, ["老 海景"]);
    assert_ne!(named.etag, hotel.etag);
    assert_eq!(complaint.place_of(&second).await, hotel.name);
    assert!(
        complaint
            .ledger(&district, waiting)
            .await
            .unwrap()
            .entries
            .is_empty()
    );
    let stale = wire::AddPlaceAliasRequest {
        etag: hotel.etag.clone(),
        ..alias(&hotel.name, "另一名称")
    };
    let refused = complaint.alias(&district, stale).await.unwrap_err();
    assert_eq!(said(&refused), (FaultCode::Aborted, "STALE"));
    // A place has twenty names.
    for n in 2..20 {
        complaint
            .alias(&district, alias(&hotel.name, &format!("名称{n}")))
            .await
            .unwrap();
    }
    let refused = complaint
        .alias(&district, alias(&hotel.name, "名称20"))
        .await
        .unwrap_err();
    assert_eq!(
        said(&refused),
        (FaultCode::FailedPrecondition, "PLACE_NAMES_FULL")
    );
    let other = complaint.register(&district, registration("别处")).await.unwrap();
    let refused = complaint
        .merge_places(&district, merge(&other.name, &hotel.name))
        .await
        .unwrap_err();
    assert_eq!(
        said(&refused),
        (FaultCode::FailedPrecondition, "PLACE_NAMES_FULL")
    );
}

async fn staff_match_what_names_no_place_of_the_register(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let hotel = complaint.register(&district, registration(HOTEL)).await.unwrap();
    let other = complaint
        .register(&district, registration("山景酒店"))
        .await
        .unwrap();
    let case = complaint.complain(&Filer::own("wx-1"), "海边那家酒店").await;
    let request = matching(&case, &hotel.name);
    let entry = complaint.match_case(&district, request.clone()).await.unwrap();
    assert_eq!(
        (entry.case.as_str(), entry.place.as_str()),
        (case.as_str(), hotel.name.as_str())
    );
    assert_eq!(complaint.place_of(&case).await, hotel.name);
    // It was the other one.
    complaint
        .match_case(&district, matching(&case, &other.name))
        .await
        .unwrap();
    // The first request, sent again, changes nothing.
    let again = complaint.match_case(&district, request.clone()).await.unwrap();
    assert_eq!(again.place, other.name);
    let reused = wire::MatchCaseRequest {
        place: other.name.clone(),
        ..request
    };
    let refused = complaint.match_case(&district, reused).await.unwrap_err();
    assert_eq!(&*refused.reason, "REQUEST_ID_REUSED");
    // What is about no place, and what is not there.
    let feedback = complaint
        .file("wx-1", 1, wire::FeedbackCategory::Other, "x")
        .await
        .unwrap();
    for name in [
        case_name(&feedback),
        format!("cases/{}", complaint.unknown_number()),
    ] {
        let refused = complaint
            .match_case(&district, matching(&name, &hotel.name))
            .await
            .unwrap_err();
        assert_eq!(said(&refused), (FaultCode::NotFound, "CASE_NOT_FOUND"));
    }
    let nowhere = "places/00000000-0000-7000-8000-000000000001";
    let refused = complaint
        .match_case(&district, matching(&case, nowhere))
        .await
        .unwrap_err();
    assert_eq!(said(&refused), (FaultCode::NotFound, "PLACE_NOT_FOUND"));
    complaint
        .merge_places(&district, merge(&other.name, &hotel.name))
        .await
        .unwrap();
    let refused = complaint
        .match_case(&district, matching(&case, &other.name))
        .await
        .unwrap_err();
    assert_eq!(said(&refused), (FaultCode::FailedPrecondition, "PLACE_MERGED"));
    assert_eq!(meta(&refused, "into"), hotel.name);
}

async fn two_entries_of_one_place_become_one_with_their_complaints(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let hotel = complaint.register(&district, registration(HOTEL)).await.unwrap();
    let double = complaint
        .register(&district, registration("海景大酒店"))
        .await
        .unwrap();
    let restaurant = wire::CreatePlaceRequest {
        kind: wire::PlaceKind::Restaurant.into(),
        ..registration("海景餐厅")
    };
    let restaurant = complaint.register(&district, restaurant).await.unwrap();
    let first = complaint.complain(&Filer::own("wx-1"), "海景大酒店").await;
    for (from, into) in [(&double, &double), (&restaurant, &hotel)] {
        let refused = complaint
            .merge_places(&district, merge(&from.name, &into.name))
            .await
            .unwrap_err();
        assert_eq!(
            said(&refused),
            (FaultCode::FailedPrecondition, "PLACE_MERGE_REFUSED")
        );
    }
    let stale = wire::MergePlaceRequest {
        etag: "x".to_owned(),
        ..merge(&double.name, &hotel.name)
    };
    let refused = complaint.merge_places(&district, stale).await.unwrap_err();
    assert_eq!(said(&refused), (FaultCode::Aborted, "STALE"));
    let request = merge(&double.name, &hotel.name);
    let merged = complaint.merge_places(&district, request.clone()).await.unwrap();
    assert_eq!(
        (merged.merged_into.as_str(), merged.aliases.len()),
        (hotel.name.as_str(), 0)
    );
    assert_eq!(
        complaint.merge_places(&district, request).await.unwrap(),
        merged,
        "done once"
    );
    let both = complaint.place(&district, &hotel.name).await.unwrap();
    assert_eq!(both.aliases, ["海景大酒店"]);
    // What was filed, and what is filed, is about the one.
    let second = complaint.complain(&Filer::own("wx-2"), "海景大酒店").await;
    for case in [first, second] {
        assert_eq!(complaint.place_of(&case).await, hotel.name);
    }
    let listed = complaint
        .list_places(&district, wire::ListPlacesRequest::default())
        .await
        .unwrap();
    let names: Vec<&str> = listed
        .places
        .iter()
        .map(|one| one.display_name.as_str())
        .collect();
    assert_eq!(names, ["海景餐厅", HOTEL]);
    for refused in [
        complaint
            .merge_places(&district, merge(&double.name, &hotel.name))
            .await,
        complaint
            .merge_places(&district, merge(&hotel.name, &double.name))
            .await,
        complaint.alias(&district, alias(&double.name, "别名")).await,
    ] {
        assert_eq!(
            said(&refused.unwrap_err()),
            (FaultCode::FailedPrecondition, "PLACE_MERGED")
        );
    }
}

async fn what_was_found_is_in_the_ledger_also_of_what_was_merged(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let mut cases = Vec::new();
    for account in ["wx-1", "wx-2", "wx-3", "wx-4"] {
        cases.push(complaint.complain(&Filer::own(account), HOTEL).await);
    }
    let [one, into, late, untrue] = &cases[..] else {
        panic!()
    };
    complaint
        .act(&district, one, Act::Merge(into.clone()))
        .await
        .unwrap();
    complaint.find_out(into, wire::PlaceFinding::Confirmed).await;
    // Merged into what was answered before.
    complaint
        .act(&district, late, Act::Merge(into.clone()))
        .await
        .unwrap();
    complaint.find_out(untrue, wire::PlaceFinding::NotConfirmed).await;
    let ledger = complaint.ledger(&district, wire::ListPlaceLedgerRequest::default());
    let ledger = ledger.await.unwrap().entries;
    for (case, finding) in [
        (one, wire::PlaceFinding::Confirmed),
        (into, wire::PlaceFinding::Confirmed),
        (late, wire::PlaceFinding::Confirmed),
        (untrue, wire::PlaceFinding::NotConfirmed),
    ] {
        let entry = ledger.iter().find(|entry| entry.case == *case).unwrap();
        assert_eq!(entry.finding(), finding);
    }
    let log = complaint.events(&district, into).await.unwrap();
    let findings: Vec<(&str, wire::PlaceFinding)> = log
        .iter()
        .map(|event| (event.event.as_str(), event.finding()))
        .collect();
    assert_eq!(
        findings.last().unwrap(),
        &("answer", wire::PlaceFinding::Confirmed)
    );
    // Only places are confirmed.
    let feedback = complaint
        .file("wx-1", 1, wire::FeedbackCategory::Other, "x")
        .await
        .unwrap();
    let (feedback, province) = (case_name(&feedback), officer("370000"));
    complaint.act(&province, &feedback, Act::TakeUp).await.unwrap();
    let refused = complaint.answer_finding(&province, &feedback, wire::PlaceFinding::Confirmed);
    assert_eq!(
        violations(&refused.await.unwrap_err()),
        ["finding FINDING_UNEXPECTED"]
    );
    let case = complaint.case(&province, &feedback).await.unwrap();
    assert_eq!(case.state(), wire::ComplaintState::TakenUp);
}

async fn the_ledger_adds_up_by_responsible_body(bed: Bed) {
    let complaint = start(bed).await;
    let (district, city) = (officer("370202"), officer("370200"));
    complaint.register(&district, registration(HOTEL)).await.unwrap();
    complaint
        .register(&district, registration("山景酒店"))
        .await
        .unwrap();
    let restaurant = wire::CreatePlaceRequest {
        kind: wire::PlaceKind::Restaurant.into(),
        ..registration("面馆")
    };
    complaint.register(&district, restaurant).await.unwrap();
    let confirmed = complaint.complain(&Filer::own("wx-1"), HOTEL).await;
    let untrue = complaint.complain(&Filer::own("wx-2"), HOTEL).await;
    for (account, place) in [("wx-3", "山景酒店"), ("wx-1", "面馆"), ("wx-1", "无此处")] {
        complaint.complain(&Filer::own(account), place).await;
    }
    complaint
        .find_out(&confirmed, wire::PlaceFinding::Confirmed)
        .await;
    complaint
        .find_out(&untrue, wire::PlaceFinding::NotConfirmed)
        .await;
    let body =
        |body: &str, (complaints, confirmed, untrue, places): (i64, i64, i64, i64)| wire::ResponsibleBody {
            division: "370202".to_owned(),
            body: body.to_owned(),
            complaint_count: complaints,
            confirmed_count: confirmed,
            not_confirmed_count: untrue,
            place_count: places,
            open_accountability_count: 0,
            published_accountability_count: 0,
        };
    let (tourism, market) = (
        body("culture-and-tourism", (3, 1, 1, 2)),
        body("market-supervision", (1, 0, 0, 1)),
    );
    let all = complaint.bodies(&city, wire::ListResponsibleBodiesRequest::default());
    assert_eq!(
        all.await.unwrap().responsible_bodies,
        [tourism.clone(), market.clone()]
    );
    let page = wire::ListResponsibleBodiesRequest {
        page_size: 1,
        ..Default::default()
    };
    let first = complaint.bodies(&city, page.clone()).await.unwrap();
    assert_eq!(first.responsible_bodies, [tourism]);
    let next = wire::ListResponsibleBodiesRequest {
        page_token: first.next_page_token,
        ..page
    };
    let second = complaint.bodies(&city, next).await.unwrap();
    assert_eq!(
        (second.responsible_bodies, second.next_page_token.as_str()),
        (vec![market], "")
    );
    let elsewhere = wire::ListResponsibleBodiesRequest {
        division: "370203".to_owned(),
        ..Default::default()
    };
    assert!(
        complaint
            .bodies(&city, elsewhere.clone())
            .await
            .unwrap()
            .responsible_bodies
            .is_empty()
    );
    let refused = complaint.bodies(&district, elsewhere).await.unwrap_err();
    assert_eq!(said(&refused), (FaultCode::PermissionDenied, "OUTSIDE_DIVISION"));
    let lost = nobody();
    let refused = complaint.bodies(&lost, wire::ListResponsibleBodiesRequest::default());
    assert_eq!(&*refused.await.unwrap_err().reason, "DIVISION_MISSING");
    let wrong = wire::ListResponsibleBodiesRequest {
        division: "x".to_owned(),
        ..Default::default()
    };
    assert_eq!(
        violations(&complaint.bodies(&city, wrong).await.unwrap_err()),
        ["division DIVISION_SHAPE"]
    );
}

async fn nobody_keeps_places_beyond_their_division(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let hotel = complaint.register(&district, registration(HOTEL)).await.unwrap();
    let case = complaint.complain(&Filer::own("wx-1"), HOTEL).await;
    let theirs = wire::ListPlacesRequest {
        division: "370202".to_owned(),
        ..Default::default()
    };
    let their_ledger = wire::ListPlaceLedgerRequest {
        division: "370202".to_owned(),
        ..Default::default()
    };
    for who in [officer("370203"), supervisor("370100")] {
        let refused = complaint.register(&who, registration("别处")).await.unwrap_err();
        assert_eq!(said(&refused), (FaultCode::PermissionDenied, "OUTSIDE_DIVISION"));
        let refused = complaint.list_places(&who, theirs.clone()).await.unwrap_err();
        assert_eq!(said(&refused), (FaultCode::PermissionDenied, "OUTSIDE_DIVISION"));
        let refused = complaint.ledger(&who, their_ledger.clone()).await.unwrap_err();
        assert_eq!(said(&refused), (FaultCode::PermissionDenied, "OUTSIDE_DIVISION"));
        for refused in [
            complaint.place(&who, &hotel.name).await,
            complaint.alias(&who, alias(&hotel.name, "别名")).await,
            complaint
                .merge_places(&who, merge(&hotel.name, &hotel.name))
                .await,
        ] {
            assert_eq!(
                said(&refused.unwrap_err()),
                (FaultCode::NotFound, "PLACE_NOT_FOUND")
            );
        }
        let refused = complaint
            .match_case(&who, matching(&case, &hotel.name))
            .await
            .unwrap_err();
        assert_eq!(said(&refused), (FaultCode::NotFound, "CASE_NOT_FOUND"));
        let of_place = wire::ListPlaceLedgerRequest {
            place: hotel.name.clone(),
            ..Default::default()
        };
        let refused = complaint.ledger(&who, of_place).await.unwrap_err();
        assert_eq!(said(&refused), (FaultCode::NotFound, "PLACE_NOT_FOUND"));
        let all = complaint.list_places(&who, wire::ListPlacesRequest::default());
        assert!(all.await.unwrap().places.is_empty());
        let all = complaint.ledger(&who, wire::ListPlaceLedgerRequest::default());
        assert!(all.await.unwrap().entries.is_empty());
    }
    let street = officer("370202001");
    let refused = complaint
        .register(&street, registration("别处"))
        .await
        .unwrap_err();
    assert_eq!(&*refused.reason, "OUTSIDE_DIVISION");
    for refused in [
        complaint.register(&nobody(), registration("别处")).await,
        complaint.place(&nobody(), &hotel.name).await,
        complaint.alias(&nobody(), alias(&hotel.name, "别名")).await,
        complaint
            .merge_places(&nobody(), merge(&hotel.name, &hotel.name))
            .await,
    ] {
        assert_eq!(&*refused.unwrap_err().reason, "DIVISION_MISSING");
    }
    let refused = complaint
        .match_case(&nobody(), matching(&case, &hotel.name))
        .await
        .unwrap_err();
    assert_eq!(&*refused.reason, "DIVISION_MISSING");
    let refused = complaint
        .list_places(&nobody(), wire::ListPlacesRequest::default())
        .await
        .unwrap_err();
    assert_eq!(&*refused.reason, "DIVISION_MISSING");
    let refused = complaint
        .ledger(&nobody(), wire::ListPlaceLedgerRequest::default())
        .await
        .unwrap_err();
    assert_eq!(&*refused.reason, "DIVISION_MISSING");
    // Neither who enters complaints nor who files them keeps the register.
    for who in [agent(), lutong_testing::citizen("wx-1", None)] {
        let refused = complaint.register(&who, registration("别处")).await.unwrap_err();
        assert_eq!(&*refused.reason, "NOT_PERMITTED");
    }
    assert_eq!(lutong_testing::rows(&complaint.1, "places").await, 1);
}

async fn what_is_wrong_with_a_place_is_named_and_nothing_is_stored(bed: Bed) {
    let complaint = start(bed).await;
    let province = supervisor("370000");
    let with = |change: &dyn Fn(&mut wire::CreatePlaceRequest)| {
        let mut request = registration(HOTEL);
        change(&mut request);
        request
    };
    let wrong: Vec<(wire::CreatePlaceRequest, Vec<&str>)> = vec![
        (
            wire::CreatePlaceRequest {
                request_id: next_request_id(),
                ..Default::default()
            },
            vec!["division MISSING", "kind MISSING", "display_name MISSING"],
        ),
        (
            with(&|one| one.division = "370299".into()),
            vec!["division DIVISION_UNKNOWN"],
        ),
        (with(&|one| one.kind = 99), vec!["kind UNKNOWN_VALUE"]),
        (
            with(&|one| one.display_name = "！。".into()),
            vec!["display_name NAME_WITHOUT_LETTERS"],
        ),
        (
            with(&|one| one.display_name = "店".repeat(101)),
            vec!["display_name TOO_LONG"],
        ),
        (
            with(&|one| one.display_name = "a\u{7}".into()),
            vec!["display_name TEXT_CONTROL"],
        ),
        (
            with(&|one| one.aliases = vec!["海 景 酒 店".to_owned(), "…".to_owned()]),
            vec!["aliases[0] NAME_TWICE", "aliases[1] NAME_WITHOUT_LETTERS"],
        ),
        (
            with(&|one| one.aliases = (0..20).map(|n| format!("名{n}")).collect()),
            vec!["aliases TOO_MANY"],
        ),
    ];
    for (request, named) in wrong {
        let refused = complaint.register(&province, request.clone()).await.unwrap_err();
        assert_eq!(violations(&refused), named, "{request:?}");
    }
    assert_eq!(lutong_testing::rows(&complaint.1, "places").await, 0);
    assert_eq!(lutong_testing::rows(&complaint.1, "place_names").await, 0);
    for (name, reason) in [
        ("", "name MISSING"),
        ("places/1", "name NAME_SHAPE"),
        ("cases/1", "name NAME_SHAPE"),
    ] {
        for refused in [
            complaint.place(&province, name).await,
            complaint.alias(&province, alias(name, "别名")).await,
            complaint
                .merge_places(
                    &province,
                    merge(name, "places/00000000-0000-7000-8000-000000000001"),
                )
                .await,
        ] {
            assert_eq!(violations(&refused.unwrap_err()), [reason]);
        }
    }
    let refused = complaint
        .match_case(&province, matching("cases/1", "places/1"))
        .await
        .unwrap_err();
    assert!(
        refused.violations.iter().any(|one| one.field == "name"),
        "{refused:?}"
    );
    let filter = wire::ListPlacesRequest {
        kind: 99,
        ..Default::default()
    };
    assert_eq!(
        violations(&complaint.list_places(&province, filter).await.unwrap_err()),
        ["kind UNKNOWN_VALUE"]
    );
    let filter = wire::ListPlaceLedgerRequest {
        place: "x".to_owned(),
        ..Default::default()
    };
    assert_eq!(
        violations(&complaint.ledger(&province, filter).await.unwrap_err()),
        ["place NAME_SHAPE"]
    );
}

async fn a_name_is_there_once_in_a_division(bed: Bed) {
    let complaint = start(bed).await;
    let province = supervisor("370000");
    let hotel = complaint.register(&province, registration(HOTEL)).await.unwrap();
    let other = complaint
        .register(&province, registration("山景酒店"))
        .await
        .unwrap();
    for refused in [
        complaint.register(&province, registration("海景，酒店")).await,
        complaint
            .register(
                &province,
                wire::CreatePlaceRequest {
                    aliases: vec![HOTEL.to_owned()],
                    ..registration("新店")
                },
            )
            .await,
        complaint.alias(&province, alias(&other.name, HOTEL)).await,
    ] {
        let refused = refused.unwrap_err();
        assert_eq!(said(&refused), (FaultCode::AlreadyExists, "PLACE_NAME_TAKEN"));
        assert_eq!(meta(&refused, "place"), hotel.name);
    }
    assert_eq!(
        lutong_testing::rows(&complaint.1, "places").await,
        2,
        "nothing half-stored"
    );
    assert_eq!(lutong_testing::rows(&complaint.1, "place_names").await, 2);
    let elsewhere = wire::CreatePlaceRequest {
        division: "370203".to_owned(),
        ..registration(HOTEL)
    };
    complaint.register(&province, elsewhere).await.unwrap();
}

async fn a_repeated_step_on_a_place_is_done_once(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let request = registration(HOTEL);
    let hotel = complaint.register(&district, request.clone()).await.unwrap();
    let named = alias(&hotel.name, "老海景");
    let with_alias = complaint.alias(&district, named.clone()).await.unwrap();
    assert_eq!(
        complaint.register(&district, request.clone()).await.unwrap(),
        with_alias,
        "as it stands"
    );
    assert_eq!(
        complaint.alias(&district, named.clone()).await.unwrap(),
        with_alias
    );
    let other = complaint
        .register(&district, registration("山景酒店"))
        .await
        .unwrap();
    let merged = merge(&other.name, &hotel.name);
    complaint.merge_places(&district, merged.clone()).await.unwrap();
    let reused = [
        complaint
            .register(
                &district,
                wire::CreatePlaceRequest {
                    request_id: request.request_id,
                    ..registration("新店")
                },
            )
            .await,
        complaint
            .alias(
                &district,
                wire::AddPlaceAliasRequest {
                    alias: "又一名".to_owned(),
                    ..named
                },
            )
            .await,
        complaint
            .merge_places(
                &district,
                wire::MergePlaceRequest {
                    etag: "x".to_owned(),
                    ..merged
                },
            )
            .await,
    ];
    for refused in reused {
        assert_eq!(&*refused.unwrap_err().reason, "REQUEST_ID_REUSED");
    }
}

async fn places_and_their_ledger_are_listed_in_pages(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let mut places = Vec::new();
    for n in 0..5 {
        let place = complaint
            .register(&district, registration(&format!("第{n}酒店")))
            .await
            .unwrap();
        complaint.complain(&Filer::own("wx-1"), &place.display_name).await;
        complaint.complain(&Filer::own("wx-2"), &place.display_name).await;
        places.insert(0, place.name);
        complaint.0.clock.advance(std::time::Duration::from_secs(1));
    }
    let (mut token, mut seen) = (String::new(), Vec::new());
    loop {
        let request = wire::ListPlacesRequest {
            page_size: 2,
            page_token: token,
            ..Default::default()
        };
        let page = complaint.list_places(&district, request).await.unwrap();
        seen.extend(page.places.into_iter().map(|one| one.name));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, places);
    let (mut token, mut seen) = (String::new(), Vec::new());
    loop {
        let request = wire::ListPlaceLedgerRequest {
            page_size: 3,
            page_token: token,
            ..Default::default()
        };
        let page = complaint.ledger(&district, request).await.unwrap();
        seen.extend(page.entries.into_iter().map(|one| one.case));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let all: Vec<String> = complaint
        .bound()
        .await
        .into_iter()
        .map(|(case, _)| case)
        .collect();
    assert_eq!((seen.len(), seen), (10, all));
    let called = wire::ListPlacesRequest {
        display_name: " 第 3 酒店".to_owned(),
        kind: wire::PlaceKind::Hotel.into(),
        division: "370202".to_owned(),
        ..Default::default()
    };
    let found = complaint
        .list_places(&district, called.clone())
        .await
        .unwrap()
        .places;
    assert_eq!(found.len(), 1);
    let of_place = wire::ListPlaceLedgerRequest {
        place: found[0].name.clone(),
        ..Default::default()
    };
    assert_eq!(
        complaint.ledger(&district, of_place).await.unwrap().entries.len(),
        2
    );
    let other_kind = wire::ListPlacesRequest {
        kind: wire::PlaceKind::Mall.into(),
        ..called
    };
    assert!(
        complaint
            .list_places(&district, other_kind)
            .await
            .unwrap()
            .places
            .is_empty()
    );
}
