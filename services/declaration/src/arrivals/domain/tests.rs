use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn now() -> Timestamp {
    at("2022-11-26T12:00:00+08:00")
}

const TO: StatedDestination<'_> = StatedDestination {
    division: "370202",
    detail: "香港中路1号",
    arrive_at: None,
};

fn leg(arrive: &str, leave: &str) -> StatedLeg<'static> {
    StatedLeg {
        division: "320102",
        community: "",
        arrive_at: Some(at(arrive)),
        leave_at: Some(at(leave)),
        transport: "G2",
    }
}

fn wrong(destination: StatedDestination<'_>, legs: &[StatedLeg<'_>]) -> Vec<String> {
    let fault = Journey::check(None, destination, legs, now()).unwrap_err();
    let violations = fault.violations.into_iter();
    violations
        .map(|one| format!("{} {}", one.field, one.reason))
        .collect()
}

#[test]
fn legs_become_stays_of_the_person() {
    let legs = [
        leg("2022-11-12T00:00:00+08:00", "2022-11-20T08:00:00+08:00"),
        leg("2022-11-20T08:00:00+08:00", "2022-11-27T12:00:00+08:00"),
    ];
    let journey = Journey::check(None, TO, &legs, now()).unwrap();
    let id = ApplicationId::from_uuid(uuid::Uuid::nil());
    let stated: Vec<_> = journey.statements(id).collect();
    assert_eq!(stated.len(), 2);
    assert_eq!(
        (stated[1].source.as_str(), stated[1].kind.as_str()),
        ("self", "stay")
    );
    assert_eq!(
        stated[1].attributes["left_at"],
        json!("2022-11-27T12:00:00+08:00")
    );
    assert_ne!(stated[0].key, stated[1].key);
    assert_eq!(journey.destination.arrive_at, now(), "when it is declared");
}

#[test]
fn legs_are_in_order_and_of_the_14_days_before() {
    let early = leg("2022-11-11T23:59:59+08:00", "2022-11-13T00:00:00+08:00");
    let late = leg("2022-11-20T00:00:00+08:00", "2022-11-27T12:00:01+08:00");
    for one in [early, late] {
        assert_eq!(
            wrong(TO, &[one]),
            ["itinerary[0].arrive_time LEG_OUTSIDE_14_DAYS"]
        );
    }
    let backwards = leg("2022-11-20T00:00:00+08:00", "2022-11-19T00:00:00+08:00");
    assert_eq!(wrong(TO, &[backwards]), ["itinerary[0].leave_time LEG_BACKWARDS"]);
    let first = leg("2022-11-20T00:00:00+08:00", "2022-11-22T00:00:00+08:00");
    let second = leg("2022-11-21T00:00:00+08:00", "2022-11-23T00:00:00+08:00");
    assert_eq!(
        wrong(TO, &[first, second]),
        ["itinerary[1].arrive_time LEG_OVERLAPPING"]
    );
}

#[test]
fn a_destination_is_a_district_of_shandong() {
    for division in ["320102", "370200", "370000"] {
        let elsewhere = StatedDestination { division, ..TO };
        assert_eq!(
            wrong(elsewhere, &[]),
            ["destination.division DESTINATION_OUTSIDE"],
            "{division}"
        );
    }
    let late = StatedDestination {
        arrive_at: Some(at("2022-11-28T00:00:00+08:00")),
        ..TO
    };
    assert_eq!(wrong(late, &[]), ["destination.arrive_time ARRIVE_TIME_OUTSIDE"]);
}

#[test]
fn an_address_is_not_printed() {
    let journey = Journey::check(None, TO, &[], now()).unwrap();
    assert!(!format!("{journey:?}").contains("香港中路"));
}

#[test]
fn a_street_concerns_the_officers_of_district_city_and_province() {
    let numbers = |code: &str| -> Vec<u32> {
        let around = enclosing(DivisionCode::parse(code).unwrap());
        around.into_iter().map(DivisionCode::number).collect()
    };
    assert_eq!(numbers("370202"), [370_202, 370_200, 370_000]);
    assert_eq!(numbers("370202001"), [370_202_001, 370_202, 370_200, 370_000]);
}
