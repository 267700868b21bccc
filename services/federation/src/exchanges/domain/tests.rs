use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

const QUOTA: Quota = Quota {
    requests_per_minute: 20,
    requests_per_day: 50,
};

#[test]
fn a_quota_is_of_the_minute_and_of_the_local_day() {
    let now = at("2022-11-26T12:00:30+08:00");
    let mut usage = Usage::default();
    for _ in 0..20 {
        usage = usage.with_one(QUOTA, PartnerState::Live, now).unwrap();
    }
    assert_eq!(usage.with_one(QUOTA, PartnerState::Live, now), Err(Exhausted(30)));
    let next = now.plus_seconds(30);
    for minute in 0..2 {
        for _ in 0..if minute == 0 { 20 } else { 10 } {
            usage = usage
                .with_one(QUOTA, PartnerState::Live, next.plus_seconds(60 * minute))
                .unwrap();
        }
    }
    let late = at("2022-11-26T23:59:50+08:00");
    assert_eq!(
        usage.with_one(QUOTA, PartnerState::Live, late),
        Err(Exhausted(10))
    );
    let tomorrow = usage
        .with_one(QUOTA, PartnerState::Live, late.plus_seconds(10))
        .unwrap();
    assert_eq!((tomorrow.minute_requests, tomorrow.day_requests), (1, 1));
}

#[test]
fn before_it_is_live_a_partner_has_a_tenth_and_without_a_quota_nothing() {
    let now = at("2022-11-26T12:00:00+08:00");
    for state in [PartnerState::Test, PartnerState::Pilot] {
        let one = Usage::default().with_one(QUOTA, state, now).unwrap();
        let two = one.with_one(QUOTA, state, now).unwrap();
        assert_eq!(two.with_one(QUOTA, state, now), Err(Exhausted(60)));
    }
    let nothing = Usage::default().with_one(Quota::default(), PartnerState::Live, now);
    assert_eq!(nothing, Err(Exhausted(12 * 3_600)));
}
