//! What a batch may say wrongly, one by one: refused with place and reason, in the rules that every feed's rows go through.

use lutong_chassis::on_both_engines;
use lutong_chassis::testing::Bed;
use lutong_proto::risk_rules::v1 as wire;
use serde_json::{Value, json};
use wire::statement_result::Outcome;

use crate::mesh::{Mesh, confirmed, fact, fever};

on_both_engines!(
    each_kind_of_bad_input_has_its_place_and_reason,
    two_versions_at_once_are_both_refused_whatever_their_order,
    a_service_reports_what_it_pulled_and_no_designation,
);

/// `field reason` of each refused statement; the others are empty.
fn told(answer: &wire::AppendFactsResponse) -> Vec<String> {
    let one = |result: &wire::StatementResult| match result.outcome.as_ref().unwrap() {
        Outcome::Error(wrong) => {
            let message = wrong.message.as_ref().unwrap();
            assert!(!message.zh.is_empty() && !message.en.is_empty());
            format!("{} {}", wrong.field, wrong.reason)
        }
        Outcome::FactId(_) | Outcome::UnchangedFactId(_) => String::new(),
    };
    answer.results.iter().map(one).collect()
}

const EARLY: &str = "2022-11-20T08:00:00+08:00";
const LATE: &str = "2022-11-24T08:00:00+08:00";
const FAR: &str = "2122-11-20T08:00:00+08:00";

/// Kind, attributes, what is wrong.
fn wrong_attributes() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("rumour", json!({}), "kind KIND_NOT_GRANTED"),
        ("", json!({"visited_at": EARLY}), "kind KIND_UNKNOWN"),
        (
            "test",
            json!({"sampled_at": EARLY, "result": "negative", "price": 16}),
            "attributes.price ATTRIBUTE_UNKNOWN",
        ),
        (
            "test",
            json!({"sampled_at": EARLY}),
            "attributes.result ATTRIBUTE_MISSING",
        ),
        (
            "test",
            json!({"sampled_at": EARLY, "result": "阴性"}),
            "attributes.result WORD_UNKNOWN",
        ),
        (
            "test",
            json!({"sampled_at": "2022-11-20 08:00", "result": "negative"}),
            "attributes.sampled_at INSTANT_SHAPE",
        ),
        (
            "test",
            json!({"sampled_at": FAR, "result": "negative"}),
            "attributes.sampled_at INSTANT_FAR_FUTURE",
        ),
        (
            "database_anomaly",
            json!({"observed_at": FAR, "code": "A"}),
            "attributes.observed_at INSTANT_FAR_FUTURE",
        ),
        (
            "database_anomaly",
            json!({"observed_at": EARLY, "code": ""}),
            "attributes.code TEXT_LENGTH",
        ),
        (
            "case",
            json!({"stage": "confirmed", "diagnosed_at": LATE, "closed_at": EARLY}),
            "attributes.closed_at END_BEFORE_START",
        ),
        (
            "close_contact",
            json!({"last_contact_at": EARLY, "observation_from": LATE, "observation_until": EARLY}),
            "attributes.observation_until END_BEFORE_START",
        ),
        (
            "symptoms",
            json!({"observed_at": LATE, "symptoms": [], "cleared_at": EARLY}),
            "attributes.cleared_at END_BEFORE_START",
        ),
        (
            "stay",
            json!({"division": "370202", "arrived_at": LATE, "left_at": EARLY}),
            "attributes.left_at END_BEFORE_START",
        ),
        (
            "entry",
            json!({"entered_at": LATE, "country": "USA", "quarantine_completed_at": EARLY}),
            "attributes.quarantine_completed_at END_BEFORE_START",
        ),
        (
            "entry",
            json!({"entered_at": EARLY, "country": "CHN"}),
            "attributes.country COUNTRY_NOT_ABROAD",
        ),
        (
            "stay",
            json!({"division": "3702", "arrived_at": EARLY}),
            "attributes.division DIVISION_SHAPE",
        ),
        (
            "stay",
            json!({"division": 370_202, "arrived_at": EARLY}),
            "attributes.division NOT_TEXT",
        ),
        (
            "stay",
            json!({"division": "370202", "community": " ", "arrived_at": EARLY}),
            "attributes.community COMMUNITY_SHAPE",
        ),
        (
            "symptoms",
            json!({"observed_at": EARLY, "symptoms": "fever"}),
            "attributes.symptoms NOT_A_LIST",
        ),
        (
            "symptoms",
            json!({"observed_at": EARLY, "symptoms": [], "temperature_c": 375}),
            "attributes.temperature_c TEMPERATURE_RANGE",
        ),
    ]
}

async fn each_kind_of_bad_input_has_its_place_and_reason(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let table = wrong_attributes();
    let rows = table.iter().enumerate();
    let mut rows: Vec<_> = rows
        .map(|(n, (kind, attributes, _))| fact(1, &format!("w{n}"), kind, attributes))
        .collect();
    rows.push(fever(1, "good"));
    let answer = mesh.append(rows, &[1]).await.unwrap();
    let mut expected: Vec<_> = table.iter().map(|(_, _, wrong)| (*wrong).to_owned()).collect();
    expected.push(String::new());
    assert_eq!(told(&answer), expected);
    let mut bad: Vec<_> = (0..5).map(|n| fever(1, &format!("b{n}"))).collect();
    "nobody".clone_into(&mut bad[0].subject_id);
    bad[1].key.clear();
    bad[2].key = "k".repeat(101);
    "nowhere".clone_into(&mut bad[3].replaces_key);
    "good".clone_into(&mut bad[4].retract_key);
    let answer = mesh.append(bad, &[]).await.unwrap();
    assert_eq!(
        told(&answer),
        [
            "subject_id SUBJECT_ID_SHAPE",
            "key KEY_LENGTH",
            "key KEY_LENGTH",
            "replaces_key TARGET_UNKNOWN",
            "retract_key RETRACTION_SHAPE",
        ]
    );
    assert_eq!(
        mesh.decision(1).await.unwrap().citations.len(),
        1,
        "the good one counts"
    );
}

async fn two_versions_at_once_are_both_refused_whatever_their_order(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let versions = || vec![fever(1, "k"), confirmed(1, "k"), fever(1, "other")];
    for rows in [versions(), versions().into_iter().rev().collect()] {
        let told = told(&mesh.append(rows, &[1]).await.unwrap());
        let refused = told.iter().filter(|wrong| *wrong == "key KEY_TWICE").count();
        assert_eq!(refused, 2, "{told:?}");
    }
    // The same content twice is no second version, and the key is free.
    let answer = mesh
        .append(vec![fever(1, "k"), fever(1, "k")], &[])
        .await
        .unwrap();
    assert_eq!(told(&answer), ["", ""]);
    let corrections = || {
        let correction = |key: &str, replaces: &str| {
            let mut one = fever(1, key);
            replaces.clone_into(&mut one.replaces_key);
            one
        };
        vec![
            correction("a", "k"),
            correction("b", "k"),
            correction("c", "other"),
        ]
    };
    for rows in [corrections(), corrections().into_iter().rev().collect()] {
        let told = told(&mesh.append(rows, &[]).await.unwrap());
        let refused = told
            .iter()
            .filter(|wrong| *wrong == "replaces_key TARGET_TWICE")
            .count();
        assert_eq!(refused, 2, "{told:?}");
    }
    // A correction of a correction is another target.
    let mut chain = corrections();
    "a".clone_into(&mut chain[1].replaces_key);
    chain.truncate(2);
    assert_eq!(told(&mesh.append(chain, &[]).await.unwrap()), ["", ""]);
}

async fn a_service_reports_what_it_pulled_and_no_designation(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let anomaly = fact(
        1,
        "a1",
        "database_anomaly",
        &json!({"observed_at": LATE, "code": "A1"}),
    );
    let until = "2022-12-24T08:00:00+08:00";
    let designation = json!({"level": "high", "from": LATE, "until": until, "legal_basis": "none"});
    let designation = fact(1, "d1", "designation", &designation);
    let answer = mesh
        .append_as_service(vec![anomaly, designation.clone()])
        .await
        .unwrap();
    assert_eq!(told(&answer), ["", "kind KIND_NOT_GRANTED"]);
    let answer = mesh.append(vec![designation], &[]).await.unwrap();
    assert_eq!(
        told(&answer),
        ["kind KIND_NOT_GRANTED"],
        "nor does a feed that was granted it"
    );
}
