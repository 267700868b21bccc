//! Where somebody arrives and where they were on the way, and what the officers of the destination see of it.

use std::time::Duration;

use futures::StreamExt as _;
use lutong_kernel::{DivisionCode, Fault, ServiceName};
use lutong_proto::declaration::v1 as wire;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::types::v1::{MissingProof, Purpose, PurposeCode};
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, citizen, violations};
use lutong_transport::access::{Principal, Roles};
use wire::arrival_form::Origin;
use wire::arrival_service_client::ArrivalServiceClient;

use crate::{Declaration, destination, form, request_id, start};

on_both_engines!(
    the_legs_of_a_journey_become_stays,
    what_is_wrong_with_a_journey_is_named_at_once,
    an_address_is_stored_encrypted_and_told_to_nobody,
    officers_list_who_arrives_in_their_division,
    officers_watch_who_arrives_and_miss_nobody,
    officers_see_their_own_division_only,
    what_officers_ask_wrongly_is_named,
    who_has_not_proved_anything_arrives_nowhere,
);

fn at(text: &str) -> prost_types::Timestamp {
    let at = lutong_kernel::Timestamp::parse(text).unwrap();
    lutong_proto::time::from_micros(at.micros())
}

fn leg(arrive: &str, leave: &str) -> wire::ItineraryLeg {
    wire::ItineraryLeg {
        division: "320102".to_owned(),
        community: "某小区".to_owned(),
        arrive_time: Some(at(arrive)),
        leave_time: Some(at(leave)),
        transport: "G2".to_owned(),
    }
}

fn green() -> Origin {
    Origin::PartnerCode(wire::PartnerCodeOrigin {
        token: "green".to_owned(),
    })
}

fn journey(legs: Vec<wire::ItineraryLeg>) -> wire::ArrivalForm {
    wire::ArrivalForm {
        application: Some(form()),
        origin: Some(green()),
        destination: Some(destination()),
        itinerary: legs,
    }
}

pub fn to(division: &str) -> wire::ArrivalForm {
    wire::ArrivalForm {
        destination: Some(wire::Destination {
            division: division.to_owned(),
            ..destination()
        }),
        ..journey(Vec::new())
    }
}

pub async fn arrive(
    declaration: &Declaration,
    n: u32,
    form: wire::ArrivalForm,
) -> Result<wire::Arrival, Fault> {
    let call = declaration.bed.call_as(&citizen("wx-1", None));
    let request = wire::CreateArrivalRequest {
        wait_for_entry: false,
        request_id: request_id(n),
        form: Some(form),
    };
    let answer = declaration.arrivals().create_arrival(call.request(request)).await;
    answer
        .map(|answer| answer.into_inner().arrival.unwrap())
        .map_err(|status| crate::fault(&status))
}

pub fn officer_of(division: Option<&str>) -> Principal {
    Principal {
        account: "officer-1".to_owned(),
        roles: Roles::of(&[Role::HealthOfficer]),
        subject: None,
        division: division.map(|code| DivisionCode::parse(code).unwrap()),
        feed: None,
        desks: Vec::new(),
    }
}

fn purpose() -> Purpose {
    Purpose {
        code: PurposeCode::Management.into(),
        reference: String::new(),
    }
}

pub async fn inspect(
    declaration: &Declaration,
    officer: &Principal,
    division: &str,
    page_token: &str,
) -> Result<(Vec<wire::DivisionArrival>, String), Fault> {
    let request = wire::InspectArrivalsRequest {
        division: division.to_owned(),
        purpose: Some(purpose()),
        page_size: 2,
        page_token: page_token.to_owned(),
    };
    let call = declaration.bed.call_as(officer);
    let answer = declaration
        .arrivals()
        .inspect_arrivals(call.request(request))
        .await;
    answer
        .map(|answer| {
            let answer = answer.into_inner();
            (answer.arrivals, answer.next_page_token)
        })
        .map_err(|status| crate::fault(&status))
}

/// The arrivals of a division once there are `count`.
pub async fn listed(declaration: &Declaration, division: &str, count: usize) -> Vec<wire::DivisionArrival> {
    let waiting = async {
        loop {
            let officer = officer_of(Some("370000"));
            let (arrivals, _) = inspect(declaration, &officer, division, "").await.unwrap();
            if arrivals.len() >= count {
                return arrivals;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap()
}

pub async fn watch(
    declaration: &Declaration,
    officer: &Principal,
    division: &str,
    cursor: &str,
) -> Result<tonic::Streaming<wire::WatchArrivalsResponse>, Fault> {
    let request = wire::WatchArrivalsRequest {
        division: division.to_owned(),
        purpose: Some(purpose()),
        cursor: cursor.to_owned(),
    };
    let channel = declaration.bed.channel(ServiceName::Declaration, Caller::Gateway);
    let call = declaration.bed.call_as(officer);
    let answer = ArrivalServiceClient::new(channel)
        .watch_arrivals(call.request(request))
        .await;
    answer
        .map(tonic::Response::into_inner)
        .map_err(|status| crate::fault(&status))
}

async fn the_legs_of_a_journey_become_stays(bed: Bed) {
    let declaration = start(bed).await;
    let legs = vec![
        leg("2022-11-20T08:00:00+08:00", "2022-11-22T08:00:00+08:00"),
        leg("2022-11-22T08:00:00+08:00", "2022-11-26T08:00:00+08:00"),
    ];
    let arrived = arrive(&declaration, 1, journey(legs.clone())).await.unwrap();
    assert_eq!(arrived.itinerary, legs);
    let shown = arrived.destination.unwrap();
    assert_eq!(
        (shown.division, shown.detail),
        ("370202".to_owned(), destination().detail)
    );
    assert_eq!(shown.arrive_time, arrived.create_time, "when it was declared");
    let stated = declaration.risk_rules.stored();
    let kinds: Vec<_> = stated
        .iter()
        .map(|one| (one.source.as_str(), crate::kind_of(one)))
        .collect();
    assert_eq!(
        kinds,
        [("federation", "partner_code"), ("self", "stay"), ("self", "stay")],
        "the destination is no stay"
    );
    assert_eq!(
        declaration.published_events(1).await[0].destination_division,
        "370202"
    );
}

async fn what_is_wrong_with_a_journey_is_named_at_once(bed: Bed) {
    let declaration = start(bed).await;
    let mut bad = journey(vec![
        leg("2022-11-11T23:00:00+08:00", "2022-11-22T08:00:00+08:00"),
        leg("2022-11-21T08:00:00+08:00", "2022-11-20T08:00:00+08:00"),
    ]);
    bad.destination = Some(wire::Destination {
        division: "320102".to_owned(),
        arrive_time: Some(at("2022-11-29T00:00:00+08:00")),
        ..destination()
    });
    let refused = arrive(&declaration, 1, bad).await.unwrap_err();
    assert_eq!(
        violations(&refused),
        [
            "form.destination.division DESTINATION_OUTSIDE",
            "form.destination.arrive_time ARRIVE_TIME_OUTSIDE",
            "form.itinerary[0].arrive_time LEG_OUTSIDE_14_DAYS",
            "form.itinerary[1].leave_time LEG_BACKWARDS",
            "form.itinerary[1].arrive_time LEG_OVERLAPPING",
        ]
    );
    let nowhere = wire::ArrivalForm {
        destination: None,
        ..journey(Vec::new())
    };
    let refused = arrive(&declaration, 1, nowhere).await.unwrap_err();
    assert_eq!(violations(&refused), ["form.destination MISSING"]);
    let one = leg("2022-11-20T08:00:00+08:00", "2022-11-20T08:00:00+08:00");
    let refused = arrive(&declaration, 1, journey(vec![one; 21])).await.unwrap_err();
    assert_eq!(violations(&refused), ["form.itinerary TOO_MANY"]);
    let mut timeless = leg("2022-11-20T08:00:00+08:00", "2022-11-20T08:00:00+08:00");
    timeless.leave_time = None;
    let refused = arrive(&declaration, 1, journey(vec![timeless]))
        .await
        .unwrap_err();
    assert_eq!(violations(&refused), ["form.itinerary[0].leave_time MISSING"]);
    assert_eq!(declaration.stored().await, [0, 0, 0]);
    assert_eq!(declaration.identity.registered(), 0);
}

async fn an_address_is_stored_encrypted_and_told_to_nobody(bed: Bed) {
    let declaration = start(bed).await;
    arrive(&declaration, 1, journey(Vec::new())).await.unwrap();
    let detail = destination().detail.into_bytes();
    let has = |bytes: &[u8]| bytes.windows(detail.len()).any(|part| part == detail);
    for (table, column) in [("declarations", "details"), ("outbox", "payload")] {
        let stored = lutong_testing::bytes(&declaration.storage, table, column).await;
        assert!(!has(&stored), "{table}");
    }
    let told = format!("{:?}", listed(&declaration, "370202", 1).await);
    assert!(!has(told.as_bytes()));
}

async fn officers_list_who_arrives_in_their_division(bed: Bed) {
    let declaration = start(bed).await;
    for (n, division) in [(1, "370202"), (2, "370702"), (3, "370203001")] {
        arrive(&declaration, n, to(division)).await.unwrap();
    }
    let abroad = wire::ArrivalForm {
        origin: Some(Origin::Overseas(wire::OverseasOrigin {
            country: "DEU".to_owned(),
        })),
        ..to("370202")
    };
    arrive(&declaration, 4, abroad).await.unwrap();
    // Applications concern no division's officers.
    declaration.apply(5, form()).await.unwrap();
    let all = listed(&declaration, "370202", 2).await;
    let subject = declaration.identity.subject(crate::NUMBER);
    let origins: Vec<_> = all
        .iter()
        .map(|one| (one.origin_province.as_str(), one.origin_country.as_str()))
        .collect();
    assert_eq!(origins, [("", "DEU"), ("32", "")], "the newest first");
    for arrival in &all {
        assert_eq!(arrival.subject_id, subject);
        assert_eq!(arrival.division, "370202");
        assert!(arrival.arrive_time.is_some() && arrival.create_time.is_some());
    }
    // The city's officers see its districts and streets, page by page.
    let city = officer_of(Some("370200"));
    let (first, next) = inspect(&declaration, &city, "370200", "").await.unwrap();
    let (second, last) = inspect(&declaration, &city, "370200", &next).await.unwrap();
    let divisions: Vec<_> = first
        .iter()
        .chain(&second)
        .map(|one| one.division.as_str())
        .collect();
    assert_eq!(divisions, ["370202", "370203001", "370202"]);
    assert_eq!(last, "");
    let (street, _) = inspect(&declaration, &city, "370203001", "").await.unwrap();
    assert_eq!(street.len(), 1);
}

async fn officers_watch_who_arrives_and_miss_nobody(bed: Bed) {
    let declaration = start(bed).await;
    arrive(&declaration, 1, to("370202")).await.unwrap();
    listed(&declaration, "370202", 1).await;
    let officer = officer_of(Some("370202"));
    let mut stream = watch(&declaration, &officer, "370202", "").await.unwrap();
    let begun = stream.next().await.unwrap().unwrap();
    assert!(begun.arrival.is_none() && !begun.cursor.is_empty());
    arrive(&declaration, 2, to("370702")).await.unwrap();
    let second = arrive(&declaration, 3, to("370202")).await.unwrap();
    let told = stream.next().await.unwrap().unwrap();
    assert_eq!(told.arrival.unwrap().create_time, second.create_time);
    drop(stream);
    // Whoever was away goes on where they were.
    arrive(&declaration, 4, to("370202")).await.unwrap();
    let mut again = watch(&declaration, &officer, "370202", &begun.cursor)
        .await
        .unwrap();
    let mut cursors = Vec::new();
    while cursors.len() < 2 {
        let message = again.next().await.unwrap().unwrap();
        if message.arrival.is_some() {
            cursors.push(message.cursor);
        }
    }
    assert_eq!(listed(&declaration, "370202", 2).await.len(), 2);
}

async fn officers_see_their_own_division_only(bed: Bed) {
    let declaration = start(bed).await;
    arrive(&declaration, 1, to("370202")).await.unwrap();
    listed(&declaration, "370202", 1).await;
    for (division, reason) in [(Some("370702"), "OUTSIDE_DIVISION"), (None, "DIVISION_MISSING")] {
        let officer = officer_of(division);
        let refused = inspect(&declaration, &officer, "370202", "").await.unwrap_err();
        assert_eq!(refused.reason, reason);
        let refused = watch(&declaration, &officer, "370202", "").await.unwrap_err();
        assert_eq!(refused.reason, reason);
    }
    let citizen = declaration.person("wx-1");
    let refused = inspect(&declaration, &citizen, "370202", "").await.unwrap_err();
    assert_eq!(refused.reason, "NOT_PERMITTED");
}

async fn what_officers_ask_wrongly_is_named(bed: Bed) {
    let declaration = start(bed).await;
    let officer = officer_of(Some("370202"));
    let refused = inspect(&declaration, &officer, "37", "").await.unwrap_err();
    assert_eq!(violations(&refused), ["division DIVISION_SHAPE"]);
    let refused = inspect(&declaration, &officer, "370202", "x").await.unwrap_err();
    assert_eq!(violations(&refused), ["page_token PAGE_TOKEN_FOREIGN"]);
    let refused = watch(&declaration, &officer, "370202", "x").await.unwrap_err();
    assert_eq!(violations(&refused), ["cursor CURSOR_FOREIGN"]);
    let request = wire::InspectArrivalsRequest {
        division: "370202".to_owned(),
        ..wire::InspectArrivalsRequest::default()
    };
    let call = declaration.bed.call_as(&officer);
    let refused = declaration
        .arrivals()
        .inspect_arrivals(call.request(request))
        .await
        .unwrap_err();
    assert_eq!(violations(&crate::fault(&refused)), ["purpose MISSING"]);
}

async fn who_has_not_proved_anything_arrives_nowhere(bed: Bed) {
    let declaration = start(bed).await;
    declaration.identity.waits_for(Some(MissingProof::RealNameCheck));
    arrive(&declaration, 1, to("370202")).await.unwrap();
    declaration.identity.waits_for(None);
    arrive(&declaration, 2, to("370203")).await.unwrap();
    assert_eq!(listed(&declaration, "370200", 1).await.len(), 1);
    let subject = declaration.identity.subject(crate::NUMBER);
    declaration.identity.decides(&subject, None);
    let both = listed(&declaration, "370200", 2).await;
    assert_eq!(both[0].division, "370202", "it counts from its proof on");
}
