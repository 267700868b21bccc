use proptest::prelude::*;

use super::*;

fn instant(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[test]
fn a_window_of_14_days_ends_at_local_midnight_after_day_14() {
    let anchor = instant("2022-03-01T18:00:00+08:00");
    assert_eq!(anchor.end_of_window(14).to_rfc3339(), "2022-03-16T00:00:00+08:00");
    assert_eq!(anchor.end_of_window(0).to_rfc3339(), "2022-03-02T00:00:00+08:00");
}

#[test]
fn the_local_day_changes_at_16_00_utc() {
    let before = instant("2024-02-28T15:59:59.999999Z");
    let after = instant("2024-02-28T16:00:00Z");
    assert_eq!(before.local_day().to_string(), "2024-02-28");
    assert_eq!(after.local_day().to_string(), "2024-02-29");
    assert_eq!(after.local_day().start(), after);
    assert_eq!(before.local_day().end(), after);
}

#[test]
fn units_are_converted_rounding_down_also_before_1970() {
    let one = Timestamp::from_micros(1_999_999);
    assert_eq!((one.micros(), one.millis(), one.seconds()), (1_999_999, 1_999, 1));
    let before = Timestamp::from_micros(-1);
    assert_eq!((before.micros(), before.millis(), before.seconds()), (-1, -1, -1));
    assert_eq!(Timestamp::from_seconds(-2).micros(), -2_000_000);
}

#[test]
fn durations_are_added_and_subtracted_in_whole_microseconds() {
    let start = Timestamp::from_seconds(1_650_000_000);
    let duration = Duration::new(2, 1_999);
    assert_eq!(start.plus(duration), start.plus_micros(2_000_001));
    assert_eq!(start.minus(duration), start.plus_micros(-2_000_001));
    assert_eq!(start.plus_seconds(2).since(start), Duration::from_secs(2));
    assert_eq!(start.since(start.plus_seconds(2)), Duration::ZERO);
}

#[test]
fn arithmetic_saturates() {
    assert_eq!(Timestamp::from_seconds(i64::MAX), Timestamp::MAX);
    assert_eq!(Timestamp::MAX.plus_micros(1), Timestamp::MAX);
    assert_eq!(Timestamp::from_seconds(0).plus_seconds(i64::MIN), Timestamp::MIN);
    assert_eq!(Timestamp::from_seconds(0).plus(Duration::MAX), Timestamp::MAX);
    assert_eq!(Timestamp::from_seconds(-2).minus(Duration::MAX), Timestamp::MIN);
    assert_eq!(
        Timestamp::MAX.since(Timestamp::MIN),
        Duration::from_micros(i64::MAX.unsigned_abs())
    );
    let last = LocalDay::from_days(i32::MAX);
    assert_eq!(
        (last.plus_days(1), last.end()),
        (last, Timestamp::MAX.plus_micros(-LOCAL_OFFSET))
    );
    assert_eq!(LocalDay::from_days(i32::MIN).start(), Timestamp::MIN);
    assert_eq!(Timestamp::MAX.end_of_window(i32::MAX), last.end());
    assert!(Timestamp::MIN < instant("1900-01-01T00:00:00Z"));
}

#[test]
fn an_instant_without_an_offset_is_refused() {
    for bad in ["2022-03-01T18:00:00", "2022-03-01", "", "now"] {
        assert_eq!(Timestamp::parse(bad), Err(TimeError::NotRfc3339), "{bad}");
    }
}

#[test]
fn instants_before_1900_are_out_of_range() {
    assert_eq!(instant("1900-01-01T00:00:00Z").seconds(), -2_208_988_800);
    assert_eq!(
        Timestamp::parse("1899-12-31T23:59:59.999999Z"),
        Err(TimeError::OutOfRange)
    );
}

#[test]
fn a_leap_second_reads_as_the_second_before_it() {
    assert_eq!(instant("2016-12-31T23:59:60Z"), instant("2016-12-31T23:59:59Z"));
}

#[test]
fn an_instant_is_written_in_local_time_with_microseconds_if_there_are_any() {
    for (micros, text) in [
        (1_650_000_000_000_000, "2022-04-15T13:20:00+08:00"),
        (1_650_000_000_000_042, "2022-04-15T13:20:00.000042+08:00"),
        (-1, "1970-01-01T07:59:59.999999+08:00"),
        (i64::MAX, "end of time"),
        (i64::MIN, "beginning of time"),
    ] {
        assert_eq!(Timestamp::from_micros(micros).to_string(), text);
    }
}

#[test]
fn json_holds_rfc_3339() {
    let noon = instant("2022-11-26T12:00:00+08:00");
    let json = "\"2022-11-26T12:00:00+08:00\"";
    assert_eq!(serde_json::to_string(&noon).unwrap(), json);
    assert_eq!(serde_json::from_str::<Timestamp>(json).unwrap(), noon);
    let error = serde_json::from_str::<Timestamp>("\"2022-11-26\"").unwrap_err();
    assert!(error.to_string().contains("RFC 3339"), "{error}");
}

#[test]
fn a_day_is_a_date_of_the_calendar_in_one_form() {
    assert_eq!(LocalDay::parse("2024-02-29"), Ok(LocalDay::from_days(19_782)));
    assert_eq!(LocalDay::parse("1970-01-01"), Ok(LocalDay::from_days(0)));
    for bad in [
        "2023-02-29",
        "2024-13-01",
        "+024-02-29",
        "-000001-02-28",
        "20240229",
        "2024-2-29",
        "2024-02-29T00:00:00",
        "2024-02-29 ",
        "２０２４-02-29",
        "",
    ] {
        assert_eq!(LocalDay::parse(bad), Err(TimeError::NotADay), "{bad}");
    }
    assert_eq!(LocalDay::from_ymd(2023, 2, 29), None);
    assert_eq!(LocalDay::from_days(i32::MAX).to_string(), "day 2147483647");
}

proptest! {
    #[test]
    fn an_instant_reads_back_from_its_text(micros in YEAR_1900..250_000_000_000_000_000_i64) {
        let instant = Timestamp::from_micros(micros);
        prop_assert_eq!(Timestamp::parse(&instant.to_rfc3339()), Ok(instant));
    }

    #[test]
    fn a_day_reads_back_from_its_text_and_from_each_of_its_instants(days in -100_000..2_000_000, micros in 0..MICROS_PER_DAY) {
        let day = LocalDay::from_days(days);
        prop_assert_eq!(LocalDay::parse(&day.to_string()), Ok(day));
        prop_assert_eq!(day.start().plus_micros(micros).local_day(), day);
        prop_assert_eq!(day.plus_days(1).start(), day.end());
        prop_assert_eq!(day.days(), days);
    }
}
