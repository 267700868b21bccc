use super::*;

fn code(text: &str) -> DivisionCode {
    DivisionCode::parse(text).unwrap()
}

#[test]
fn only_six_or_nine_ascii_digits_are_a_code() {
    for bad in [
        "",
        "37020",
        "3702020",
        "37020200",
        "3702020010",
        "37020a",
        "+37020",
        "３７",
    ] {
        assert_eq!(DivisionCode::parse(bad), Err(DivisionError::Shape), "{bad}");
    }
    for bad in ["070202", "000000", "070202001"] {
        assert_eq!(DivisionCode::parse(bad), Err(DivisionError::LeadingZero), "{bad}");
    }
}

#[test]
fn a_number_is_a_code_exactly_when_its_digits_are_one() {
    for number in [
        0,
        99_999,
        100_000,
        370_202,
        999_999,
        1_000_000,
        99_999_999,
        100_000_000,
        370_202_001,
        999_999_999,
        1_000_000_000,
        u32::MAX,
    ] {
        let parsed = DivisionCode::parse(&number.to_string()).ok();
        assert_eq!(DivisionCode::from_number(number).ok(), parsed, "{number}");
        assert!(parsed.is_none_or(|code| code.number() == number), "{number}");
    }
}

#[test]
fn a_code_tells_its_level_its_county_and_its_province() {
    // (code, street, above county, county, province)
    for (text, street, above, county, province) in [
        ("370000", false, true, "370000", 37),
        ("370200", false, true, "370200", 37),
        ("370202", false, false, "370202", 37),
        ("999999", false, false, "999999", 99),
        ("100000000", true, false, "100000", 10),
        ("370202001", true, false, "370202", 37),
        ("370202100", true, false, "370202", 37),
    ] {
        let one = code(text);
        assert_eq!(
            (one.is_street(), one.is_above_county()),
            (street, above),
            "{text}"
        );
        assert_eq!((one.county(), one.province()), (code(county), province), "{text}");
    }
    assert_eq!(code("370000"), DivisionCode::SHANDONG);
}

#[test]
fn a_division_contains_itself_and_lower_divisions_only() {
    assert!(code("370000").contains(code("370202")));
    assert!(code("370200").contains(code("370202001")));
    assert!(code("370202").contains(code("370202001")));
    assert!(code("370202001").contains(code("370202001")));
    assert!(!code("370202").contains(code("370203001")));
    assert!(!code("370202001").contains(code("370202")));
    assert!(!code("370202001").contains(code("370202002")));
    assert!(!code("370100").contains(code("370202")));
    assert!(!code("370200").contains(code("370000")));
}

#[test]
fn json_holds_the_digits_as_text_and_a_malformed_code_is_an_error() {
    assert_eq!(serde_json::to_value(code("370202001")).unwrap(), "370202001");
    assert_eq!(
        serde_json::from_str::<DivisionCode>("\"370202\"").unwrap(),
        code("370202")
    );
    assert!(serde_json::from_str::<DivisionCode>("\"37\"").is_err());
}

/// All pairs of 128 codes of all levels, most of which border on one another.
fn pairs() -> impl Iterator<Item = (DivisionCode, DivisionCode)> {
    let mut codes = Vec::new();
    for province in ["37", "38"] {
        for city in ["00", "01", "10", "99"] {
            for county in ["00", "01", "10", "99"] {
                for street in ["", "000", "001", "999"] {
                    codes.push(code(&format!("{province}{city}{county}{street}")));
                }
            }
        }
    }
    let places = codes.clone();
    places
        .into_iter()
        .flat_map(move |place| codes.clone().into_iter().map(move |other| (place, other)))
}

/// GB/T 2260: two digits each for province, city and county; zeros stand for the whole.
#[test]
fn containment_is_a_common_prefix_of_the_digits() {
    for (place, other) in pairs() {
        let digits = place.to_string();
        let prefix = match digits.as_str() {
            street if street.len() == 9 => street,
            six => six
                .strip_suffix("0000")
                .or_else(|| six.strip_suffix("00"))
                .unwrap_or(six),
        };
        let is_inside = other.to_string().starts_with(prefix);
        assert_eq!(place.contains(other), is_inside, "{place} {other}");
    }
}

#[test]
fn the_number_ranges_of_a_division_hold_exactly_what_it_contains() {
    for (place, other) in pairs() {
        let in_range = place
            .number_ranges()
            .iter()
            .any(|range| range.contains(&other.number()));
        assert_eq!(in_range, place.contains(other), "{place} {other}");
    }
}
