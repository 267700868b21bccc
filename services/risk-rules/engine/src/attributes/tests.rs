use serde_json::{Value as Json, json};

use super::*;

fn parse(kind: FactKind, given: &Json) -> Result<Attributes, Vec<String>> {
    Attributes::parse(kind, given.as_object().unwrap()).map_err(|wrong| {
        wrong
            .into_iter()
            .map(|wrong| format!("{} {}", wrong.field, wrong.reason))
            .collect()
    })
}

#[test]
fn what_is_read_is_written_back_in_one_form() {
    let given = json!({"symptoms": ["diarrhoea", "fever", "fever"], "observed_at": "2022-03-01T10:00:00Z", "cleared_at": null});
    let read = parse(FactKind::Symptoms, &given).unwrap();
    let written = json!({"observed_at": "2022-03-01T18:00:00+08:00", "symptoms": ["fever", "diarrhoea"]});
    assert_eq!(read.canonical().parse::<Json>().unwrap(), written);
    assert_eq!(parse(FactKind::Symptoms, &written).unwrap(), read);
}

#[test]
fn everything_wrong_is_named_at_once() {
    let given = json!({"stage": "sick", "diagnosed_at": "2022-03-01", "closure": "released", "note": 1});
    assert_eq!(
        parse(FactKind::Case, &given).unwrap_err(),
        [
            "note UNKNOWN_FIELD",
            "stage UNKNOWN_VALUE",
            "diagnosed_at INSTANT_SHAPE",
            "closed_at CLOSED_AT_MISSING",
        ]
    );
}

#[test]
fn a_missing_or_null_required_attribute_is_named() {
    let missing = parse(FactKind::Test, &json!({"sampled_at": null})).unwrap_err();
    assert_eq!(missing, ["sampled_at MISSING", "result MISSING"]);
}

#[test]
fn an_end_before_its_start_is_refused_and_at_its_start_is_not() {
    let stay = |left: &str| json!({"division": "370202", "arrived_at": "2022-03-02T00:00:00+08:00", "left_at": left});
    assert_eq!(
        parse(FactKind::Stay, &stay("2022-03-01T23:59:59+08:00")).unwrap_err(),
        ["left_at END_BEFORE_START"]
    );
    assert!(parse(FactKind::Stay, &stay("2022-03-02T00:00:00+08:00")).is_ok());
}

#[test]
fn one_enters_from_abroad_and_hong_kong_is_abroad() {
    let entry = |country: &str| json!({"entered_at": "2022-03-02T00:00:00+08:00", "country": country});
    assert!(parse(FactKind::Entry, &entry("HKG")).is_ok());
    for bad in ["CHN", "XYZ", "de", ""] {
        assert_eq!(
            parse(FactKind::Entry, &entry(bad)).unwrap_err(),
            ["country COUNTRY_NOT_ABROAD"],
            "{bad}"
        );
    }
}

#[test]
fn a_community_is_trimmed_and_never_empty() {
    let stay = |community: &str| json!({"division": "370202", "community": community, "arrived_at": "2022-03-02T00:00:00+08:00"});
    let read = parse(FactKind::Stay, &stay(" 阳光小区 ")).unwrap();
    assert_eq!(read.get("community"), Some(&Value::Text("阳光小区".to_owned())));
    assert_eq!(
        parse(FactKind::Stay, &stay("  ")).unwrap_err(),
        ["community COMMUNITY_SHAPE"]
    );
}

#[test]
fn pairs_of_stage_and_closure_that_no_rule_names_are_accepted() {
    let given = json!({"stage": "asymptomatic", "diagnosed_at": "2022-03-01T00:00:00+08:00",
        "closed_at": "2022-03-10T00:00:00+08:00", "closure": "discharged"});
    assert!(parse(FactKind::Case, &given).is_ok());
}

#[test]
fn a_province_of_six_digits_is_that_of_two() {
    let code = |province: &str| json!({"province": province, "colour": "green", "issued_at": "2022-03-01T00:00:00+08:00"});
    let six = parse(FactKind::PartnerCode, &code("320000")).unwrap();
    assert_eq!(six, parse(FactKind::PartnerCode, &code("32")).unwrap());
    assert!(parse(FactKind::PartnerCode, &code("320100")).is_err());
}

#[test]
fn a_message_and_the_json_of_its_names_are_read_alike() {
    let given = json!({"symptoms": ["diarrhoea", "fever"], "observed_at": "2022-03-01T10:00:00Z", "temperature_c": 37.5});
    let map = given.as_object().unwrap();
    let fact = lutong_proto::facts::from_attributes(FactKind::Symptoms, map).unwrap();
    let taken = Attributes::from_message(FactKind::Symptoms, &fact.values()).unwrap();
    assert_eq!(taken, parse(FactKind::Symptoms, &given).unwrap());
    assert_eq!(
        taken.canonical(),
        r#"{"observed_at":"2022-03-01T18:00:00+08:00","symptoms":["fever","diarrhoea"],"temperature_c":37.5}"#
    );
}

#[test]
fn a_list_that_is_absent_is_an_empty_one() {
    let read = parse(
        FactKind::Symptoms,
        &json!({"observed_at": "2022-03-01T10:00:00Z"}),
    )
    .unwrap();
    assert_eq!(read.get("symptoms"), Some(&Value::Words(Vec::new())));
}

#[test]
fn every_interval_is_of_instants_that_the_contract_has() {
    for kind in FactKind::ALL {
        for name in intervals(kind).iter().flat_map(|(from, until)| [from, until]) {
            let attribute = kind
                .index_of(name)
                .and_then(|index| kind.attributes().get(index))
                .unwrap();
            assert_eq!(attribute.shape, Shape::Instant, "{kind}.{name}");
        }
    }
}

#[test]
fn communities_of_areas_and_of_stays_have_one_bound() {
    let index = FactKind::Stay.index_of("community").unwrap();
    assert_eq!(FactKind::Stay.attributes()[index].shape, Shape::Community(200));
    assert!(parse_community(&"甲".repeat(200)).is_ok());
    assert!(parse_community(&"甲".repeat(201)).is_err());
}
