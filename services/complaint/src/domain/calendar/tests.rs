use super::*;

fn day(text: &str) -> LocalDay {
    LocalDay::parse(text).unwrap()
}

fn province() -> Calendar {
    Calendar::of_province().unwrap()
}

#[test]
fn weekends_holidays_and_make_up_days_are_told_apart() {
    let calendar = province();
    for (text, is_working) in [
        ("2022-11-25", true),  // a Friday
        ("2022-11-26", false), // a Saturday
        ("2022-11-27", false),
        ("2022-11-28", true),
        ("2022-09-30", true),
        ("2022-10-01", false), // National Day, a Saturday
        ("2022-10-07", false), // a Friday of the holiday
        ("2022-10-08", true),  // a Saturday, made up
        ("2022-10-09", true),  // a Sunday, made up
        ("2022-12-31", false), // announced with the holidays of 2023
        ("2023-01-02", false),
        ("2020-01-31", false), // the extended Spring Festival
        ("2020-02-01", false), // a make-up day before the extension
        ("2020-02-03", true),
    ] {
        assert_eq!(calendar.is_working_day(day(text)), is_working, "{text}");
    }
}

/// A make-up day on a Monday to Friday, or a holiday that is also one, would be a mistake in the file.
#[test]
fn every_make_up_day_is_a_weekend_day_and_no_holiday() {
    let calendar = province();
    let weekends = Calendar::default();
    assert!(calendar.work.len() >= 20);
    for made_up in &calendar.work {
        assert!(!weekends.is_working_day(*made_up), "{made_up}");
        assert!(!calendar.off.contains(made_up), "{made_up}");
    }
    for listed in calendar.off.iter().chain(&calendar.work) {
        assert!(calendar.is_known(*listed), "{listed}");
    }
}

#[test]
fn working_days_are_counted_from_the_day_after() {
    let calendar = province();
    for (from, count, last) in [
        ("2022-11-25", 1, "2022-11-28"),
        ("2022-11-26", 1, "2022-11-28"),
        ("2022-11-26", 5, "2022-12-02"),
        ("2022-09-30", 1, "2022-10-08"),
        ("2022-09-30", 5, "2022-10-12"),
        ("2022-12-30", 2, "2023-01-04"),
        ("2022-11-25", 0, "2022-11-25"),
    ] {
        assert_eq!(
            calendar.working_day_after(day(from), count),
            day(last),
            "{from} {count}"
        );
    }
    let from = Timestamp::parse("2022-11-26T12:00:00+08:00").unwrap();
    assert_eq!(
        calendar.end_of_working_days(from, 5),
        Timestamp::parse("2022-12-03T00:00:00+08:00").unwrap()
    );
}

#[test]
fn a_year_that_is_not_in_the_file_has_its_weekends_only() {
    let calendar = province();
    assert!(calendar.is_known(day("2023-12-31")) && !calendar.is_known(day("2024-01-01")));
    assert!(calendar.is_working_day(day("2024-10-01")), "a Tuesday");
    assert!(!calendar.is_working_day(day("2024-09-29")), "a Sunday");
}

#[test]
fn a_line_that_cannot_be_read_is_named() {
    for (text, line) in [
        ("year,2022\noff,2022-01-01", 2),
        ("# a comment\n\nholiday,2022-01-01,2022-01-03,元旦", 3),
        ("off,2022-01-03,2022-01-01,元旦", 1),
        ("off,2022-01-01,2023-01-01,元旦", 1),
        ("year,last", 1),
        ("work,2022-02-30,2022-02-30,x", 1),
    ] {
        assert_eq!(
            Calendar::parse(text).unwrap_err(),
            CalendarError { line },
            "{text}"
        );
    }
}
