use proptest::prelude::*;
use strum::VariantArray as _;

use super::RecognitionOutcome::{
    Green, NoCode, NotFound, Red, Throttled, UnderReview, UnknownValue, Unreachable, Yellow,
};
use super::*;

fn maps() -> ColourMaps {
    ColourMaps::of_build().unwrap()
}

/// Written by hand from what each interface was seen to send: the only values that may be green.
const GREEN: [(&str, &str); 14] = [
    ("lutong-1", "GREEN"),
    ("national-report-1", "00"),
    ("national-platform-1", "00"),
    ("shandong-query-1", "0"),
    ("zhejiang-1", "绿码"),
    ("alipay-1", "green"),
    ("five-colours-1", "green"),
    ("words-1", "green"),
    ("dahua-gate-1", "2"),
    ("hikvision-gate-1", "3"),
    ("julong-terminal-1", "1"),
    ("eyecool-1", "1"),
    ("hospital-1", "0"),
    ("hospital-2", "1"),
];

#[test]
fn one_value_of_each_interface_is_green_and_no_other() {
    let mut green = Vec::new();
    for map in maps().iter() {
        let values = map.colours.iter().chain(&map.answers);
        let values = values.filter(|(_, outcome)| **outcome == Green);
        green.extend(values.map(|(value, _)| (map.interface.clone(), value.clone())));
    }
    let mut expected = GREEN.map(|(interface, value)| (interface.to_owned(), value.to_owned()));
    expected.sort();
    assert_eq!(green, expected);
}

/// The same digit means different things: each row is what one interface was seen to mean by 0, 1, 2 and so on.
#[test]
fn every_value_that_was_seen_on_the_wire_is_read_as_its_sender_meant_it() {
    for (interface, outcomes) in [
        (
            "shandong-query-1",
            &[Green, Yellow, Red, UnknownValue, Unreachable][..],
        ),
        ("dahua-gate-1", &[UnknownValue, Red, Green, Yellow, UnknownValue]),
        (
            "hikvision-gate-1",
            &[
                UnknownValue,
                NoCode,
                Unreachable,
                Green,
                Yellow,
                Red,
                NotFound,
                Unreachable,
                Unreachable,
            ],
        ),
        ("julong-terminal-1", &[NoCode, Green, Yellow, Red]),
        (
            "eyecool-1",
            &[UnknownValue, Green, UnknownValue, UnknownValue, Yellow, Red],
        ),
        ("hospital-1", &[Green, Yellow, Red]),
        ("hospital-2", &[UnknownValue, Green, Yellow, Red]),
    ] {
        let maps = maps();
        let map = maps.get(interface).unwrap();
        for digit in 0..12_usize {
            let expected = outcomes.get(digit).copied().unwrap_or(UnknownValue);
            assert_eq!(map.read(&digit.to_string()), expected, "{interface} {digit}");
        }
    }
    let read = |interface: &str, value: &str| maps().get(interface).unwrap().read(value);
    for (value, outcome) in [
        ("00", Green),
        ("01", Yellow),
        ("10", Red),
        ("0", UnknownValue),
        ("11", UnknownValue),
    ] {
        assert_eq!(read("national-report-1", value), outcome, "{value}");
    }
    for (value, outcome) in [
        ("green", Green),
        ("yellow", Yellow),
        ("orange", Red),
        ("red", Red),
        ("purple", Red),
        ("grey", UnknownValue),
        ("init", UnknownValue),
    ] {
        assert_eq!(read("five-colours-1", value), outcome, "{value}");
    }
    assert_eq!(read("alipay-1", "init"), UnderReview);
    assert_eq!(read("words-1", "grey"), UnderReview);
    assert_eq!(read("zhejiang-1", "18"), Throttled);
    assert_eq!(read("shandong-query-1", "isHaveHealthCode=false"), NoCode);
}

#[test]
fn an_answer_that_is_a_colour_and_a_value_without_text_are_no_map() {
    let map = |rest: &str| format!("[[map]]\ninterface = \"x\"\nsource = \"x\"\n{rest}");
    for (text, said) in [
        (map("colours = {}\nanswers = {\"1\" = \"GREEN\"}"), "is no colour"),
        (
            map("colours = {\"1\" = \"RED\"}\nanswers = {\"1\" = \"NO_CODE\"}"),
            "a colour and an answer",
        ),
        (map("colours = {\" \" = \"GREEN\"}"), "empty"),
        (map("colours = {\"1\" = \"BLUE\"}"), "BLUE"),
        (map("colours = {}\n").repeat(2), "twice"),
        (map("colour = {}"), "colour"),
    ] {
        let error = ColourMaps::parse(&text).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn the_outcomes_are_those_of_the_contract() {
    let pool = lutong_proto::descriptor_pool();
    let wire = pool
        .get_enum_by_name("lutong.federation.v1.RecognitionOutcome")
        .unwrap();
    let names: Vec<String> = wire
        .values()
        .skip(1)
        .map(|value| value.name().to_owned())
        .collect();
    let ours = RecognitionOutcome::VARIANTS
        .iter()
        .map(|one| format!("RECOGNITION_OUTCOME_{}", one.into_str()));
    assert_eq!(names, ours.collect::<Vec<_>>());
}

proptest! {
    /// Total, and nothing becomes green by chance.
    #[test]
    fn every_text_means_something_and_only_what_is_written_down_is_green(value in "(?s).{0,12}|[0-9]{1,3}|(?i:green|yellow|red|init|grey|绿码)[ \\t]?") {
        for map in maps().iter() {
            let is_green = map.read(&value) == Green;
            let is_listed = GREEN.contains(&(map.interface.as_str(), value.as_str()));
            prop_assert_eq!(is_green, is_listed, "{} {:?}", map.interface, value);
        }
    }
}
