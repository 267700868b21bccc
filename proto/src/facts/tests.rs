use serde_json::{Value as Json, json};

use super::*;
use crate::bounds::Bounded as _;
use crate::declaration::v1::FactRow;
use crate::declaration::v1::fact_row::{Statement, Subject};
use crate::types::v1::{self as types, CaseStage};

const DAY: &str = "2022-11-26T08:00:00+08:00";

fn row(statement: &Json) -> Json {
    let mut row = json!({"source": "cdc-370200", "key": "1",
        "document": {"type": "DOCUMENT_TYPE_RESIDENT_ID", "number": "11010519491231002X"}});
    row.as_object_mut()
        .unwrap()
        .extend(statement.as_object().unwrap().clone());
    row
}

fn named(json: &Json) -> Vec<String> {
    let wrong = read_row(json).unwrap_err();
    wrong
        .iter()
        .map(|wrong| format!("{} {}", wrong.field, wrong.reason))
        .collect()
}

/// Everything that a kind can say, by the names of rule sets.
fn whole(kind: FactKind) -> Json {
    let value = |attribute: &Attribute| match attribute.shape {
        Shape::Instant => json!(DAY),
        Shape::Word(words) => json!(words.last().unwrap()),
        Shape::Words(words) => json!(words),
        Shape::Id => json!("0193a1b2-0000-7000-8000-000000000001"),
        Shape::Division => json!("370202"),
        Shape::CountryAbroad => json!("DEU"),
        Shape::Province => json!("32"),
        Shape::Number { least, .. } => json!(least),
        Shape::Community(_) | Shape::Text(_) => json!("甲"),
    };
    kind.attributes()
        .iter()
        .map(|one| (one.name.to_owned(), value(one)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[test]
fn every_kind_says_what_its_attributes_say_and_is_within_its_bounds() {
    for kind in FactKind::ALL {
        let fact = from_attributes(kind, whole(kind).as_object().unwrap()).unwrap();
        assert_eq!(fact.fact_kind(), Some(kind));
        assert_eq!(fact.check(), Ok(()), "{kind}");
        assert!(fact.values().iter().all(Option::is_some), "{kind}");
        assert_eq!(super::fact(kind, fact.values()), fact, "{kind}");
    }
}

#[test]
fn every_kind_is_read_from_its_proto_json_in_both_spellings() {
    let pool = crate::descriptor_pool();
    let shape = pool.get_message_by_name("lutong.declaration.v1.FactRow").unwrap();
    for kind in FactKind::ALL {
        let sent = FactRow {
            source: "cdc-370200".to_owned(),
            key: "1".to_owned(),
            subject: Some(Subject::SubjectId("x".to_owned())),
            statement: Some(Statement::Fact(
                from_attributes(kind, whole(kind).as_object().unwrap()).unwrap(),
            )),
        };
        let bytes = prost::Message::encode_to_vec(&sent);
        let message = prost_reflect::DynamicMessage::decode(shape.clone(), &*bytes).unwrap();
        for proto_names in [false, true] {
            let options = prost_reflect::SerializeOptions::new().use_proto_field_name(proto_names);
            let json = message
                .serialize_with_options(serde_json::value::Serializer, &options)
                .unwrap();
            assert_eq!(read_row(&json).as_ref(), Ok(&sent), "{json}");
        }
    }
}

#[test]
fn corrections_and_retractions_are_read() {
    let fact = json!({"case": {"stage": "CASE_STAGE_CONFIRMED", "diagnosed_at": DAY}});
    let read = read_row(&row(&json!({"correction": {"replacesKey": "0", "fact": fact}}))).unwrap();
    let Some(Statement::Correction(correction)) = read.statement else {
        panic!("a correction")
    };
    assert_eq!(correction.replaces_key, "0");
    assert_eq!(correction.fact.unwrap().fact_kind(), Some(FactKind::Case));
    let read = read_row(&row(
        &json!({"retraction": {"retracts_key": "0", "reason": "误报"}}),
    ))
    .unwrap();
    let expected = types::Retraction {
        retracts_key: "0".to_owned(),
        reason: "误报".to_owned(),
    };
    assert_eq!(read.statement, Some(Statement::Retraction(expected)));
}

#[test]
fn everything_that_keeps_a_row_from_being_one_is_named_by_its_path() {
    let case = |case: Json| row(&json!({"fact": {"case": case}}));
    let given = case(json!({"stagee": 1, "stage": "confirmed", "diagnosed_at": "2022-11-26", "closure": []}));
    assert_eq!(
        named(&given),
        [
            "fact.case.closure UNKNOWN_VALUE",
            "fact.case.diagnosed_at INSTANT_SHAPE",
            "fact.case.stage UNKNOWN_VALUE",
            "fact.case.stagee UNKNOWN_FIELD",
        ]
    );
    for (statement, wrong) in [
        (json!({"facts": {}}), "facts UNKNOWN_FIELD"),
        (json!({"fact": {"cases": {}}}), "fact.cases UNKNOWN_FIELD"),
        (json!({"fact": 7}), "fact NOT_AN_OBJECT"),
        (json!({"fact": {"case": {}, "test": {}}}), "fact.test ONE_OF"),
        (
            json!({"fact": {"case": {}}, "retraction": {}}),
            "retraction ONE_OF",
        ),
        (json!({"subject_id": "x"}), "subject_id ONE_OF"),
        (
            json!({"document": {"type": "CARD"}}),
            "document.type UNKNOWN_VALUE",
        ),
        (
            json!({"correction": {"fact": {"test": {"result": true}}}}),
            "correction.fact.test.result UNKNOWN_VALUE",
        ),
        (
            json!({"fact": {"symptoms": {"symptoms": ["SYMPTOM_FEVER", "SYMPTOM_X"]}}}),
            "fact.symptoms.symptoms[1] UNKNOWN_VALUE",
        ),
        (
            json!({"fact": {"symptoms": {"temperature_c": "warm"}}}),
            "fact.symptoms.temperature_c NOT_A_NUMBER",
        ),
        (
            json!({"fact": {"stay": {"division": 370_202}}}),
            "fact.stay.division NOT_TEXT",
        ),
    ] {
        assert_eq!(named(&row(&statement)), [wrong], "{statement}");
    }
    assert_eq!(named(&json!([])), [" NOT_AN_OBJECT"]);
}

#[test]
fn what_a_row_said_is_not_repeated() {
    let wrong = read_row(&row(
        &json!({"fact": {"test": {"result": "王小明", "sampled_at": "王小明"}}}),
    ))
    .unwrap_err();
    assert_eq!(wrong.len(), 2);
    assert!(!format!("{wrong:?}").contains('王'));
    let wrong = read_row_text("{\"source\": 王小明}").unwrap_err();
    assert!(!format!("{wrong:?}").contains('王'));
}

#[test]
fn an_enum_number_that_nobody_knows_is_read_and_out_of_bounds() {
    let read = read_row(&row(
        &json!({"fact": {"case": {"stage": 99, "diagnosed_at": DAY}}}),
    ))
    .unwrap();
    let wrong = read.check().unwrap_err().violations;
    assert_eq!(
        (wrong[0].field.as_str(), &*wrong[0].reason),
        ("fact.case.stage", "UNKNOWN_VALUE")
    );
}

#[test]
fn cells_are_read_in_the_words_of_rule_sets_and_of_the_contract() {
    let stage = &FactKind::Case.attributes()[0];
    for cell in ["confirmed", "CASE_STAGE_CONFIRMED"] {
        assert_eq!(
            stage.read_cell(cell),
            Ok(Given::Word(CaseStage::Confirmed.into()))
        );
    }
    assert_eq!(&*stage.read_cell("确诊").unwrap_err().reason, "UNKNOWN_VALUE");
    let symptoms = &FactKind::Symptoms.attributes()[1];
    assert_eq!(
        symptoms.read_cell("fever; dry_cough"),
        Ok(Given::Words(vec![1, 2]))
    );
}
