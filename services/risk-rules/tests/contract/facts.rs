//! Statements: stored once, corrected, retracted, or rejected with field and reason.

use lutong_proto::facts::from_attributes;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::types::v1::{self as types, Colour};
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};
use serde_json::{Value, json};
use types::fact::Kind;
use wire::fact_statement::Statement as Stated;
use wire::statement_result::Outcome;

use crate::decisions::rules;
use crate::mesh::{Mesh, confirmed, correcting, fact, fever, retraction, stated};

on_both_engines!(
    each_kind_of_bad_input_has_its_place_and_reason,
    two_versions_at_once_are_both_refused_whatever_their_order,
    a_service_reports_what_it_pulled_and_no_designation,
    a_person_declares_about_themselves_and_as_nobody_else,
    what_people_declare_at_a_partner_stands_under_its_name_and_nothing_else_does,
    a_citizen_does_not_report,
    a_batch_beyond_its_limits_is_refused_whole,
    all_or_nothing_stores_nothing_when_a_row_is_bad,
    a_subject_has_at_most_five_thousand_facts,
    the_same_statement_again_changes_nothing_and_other_content_is_a_conflict,
    a_correction_takes_the_place_of_its_original_and_a_retraction_leaves_nothing,
    a_bad_row_is_named_and_the_good_ones_are_stored,
    facts_of_somebody_unregistered_wait_until_they_are_enrolled,
);

/// `field reason` of each refused statement; the others are empty.
fn rejections(answer: &wire::AppendFactsResponse) -> Vec<String> {
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

/// Invalid statements with their violations.
#[allow(clippy::too_many_lines)] // a table
fn wrong_statements() -> Vec<(Stated, &'static str)> {
    let wrong = |kind: &str, attributes: Value, wrong: &'static str| {
        let fact = from_attributes(kind.parse().unwrap(), attributes.as_object().unwrap()).unwrap();
        (Stated::Fact(fact), wrong)
    };
    let of = |kind: Kind, wrong: &'static str| (Stated::Fact(types::Fact { kind: Some(kind) }), wrong);
    let test = |result| types::Test {
        sampled_at: Some(instant(EARLY)),
        result,
    };
    let beyond = prost_types::Timestamp {
        seconds: i64::MAX,
        nanos: 0,
    };
    let of_day_zero = types::Test {
        sampled_at: Some(beyond),
        result: 1,
    };
    let retraction = |reason: &str| types::Retraction {
        retracts_key: "k".to_owned(),
        reason: reason.to_owned(),
    };
    vec![
        (Stated::Fact(types::Fact::default()), "fact.kind MISSING"),
        (
            Stated::Correction(types::Correction::default()),
            "correction.replaces_key MISSING",
        ),
        (
            Stated::Retraction(types::Retraction::default()),
            "retraction.retracts_key MISSING",
        ),
        (Stated::Retraction(retraction("")), "retraction.reason MISSING"),
        (
            Stated::Retraction(retraction(&"r".repeat(201))),
            "retraction.reason TOO_LONG",
        ),
        of(Kind::Test(test(0)), "fact.test.result MISSING"),
        of(Kind::Test(test(99)), "fact.test.result UNKNOWN_VALUE"),
        of(Kind::Test(of_day_zero), "fact.test.sampled_at TIME_SHAPE"),
        wrong(
            "test",
            json!({"result": "negative"}),
            "fact.test.sampled_at MISSING",
        ),
        wrong(
            "test",
            json!({"sampled_at": FAR, "result": "negative"}),
            "fact.test.sampled_at INSTANT_FAR_FUTURE",
        ),
        wrong(
            "database_anomaly",
            json!({"observed_at": FAR, "code": "A"}),
            "fact.database_anomaly.observed_at INSTANT_FAR_FUTURE",
        ),
        wrong(
            "database_anomaly",
            json!({"observed_at": EARLY, "code": ""}),
            "fact.database_anomaly.code MISSING",
        ),
        wrong(
            "database_anomaly",
            json!({"observed_at": EARLY, "code": "A".repeat(101)}),
            "fact.database_anomaly.code TOO_LONG",
        ),
        wrong(
            "case",
            json!({"stage": "confirmed", "diagnosed_at": LATE, "closed_at": EARLY}),
            "fact.case.closed_at END_BEFORE_START",
        ),
        wrong(
            "case",
            json!({"stage": "confirmed", "diagnosed_at": LATE, "closure": "released"}),
            "fact.case.closed_at CLOSED_AT_MISSING",
        ),
        wrong(
            "close_contact",
            json!({"last_contact_at": EARLY, "observation_from": LATE, "observation_until": EARLY}),
            "fact.close_contact.observation_until END_BEFORE_START",
        ),
        wrong(
            "symptoms",
            json!({"observed_at": LATE, "symptoms": [], "cleared_at": EARLY}),
            "fact.symptoms.cleared_at END_BEFORE_START",
        ),
        wrong(
            "stay",
            json!({"division": "370202", "arrived_at": LATE, "left_at": EARLY}),
            "fact.stay.left_at END_BEFORE_START",
        ),
        wrong(
            "entry",
            json!({"entered_at": LATE, "country": "USA", "quarantine_completed_at": EARLY}),
            "fact.entry.quarantine_completed_at END_BEFORE_START",
        ),
        wrong(
            "entry",
            json!({"entered_at": EARLY, "country": "CHN"}),
            "fact.entry.country COUNTRY_NOT_ABROAD",
        ),
        wrong(
            "entry",
            json!({"entered_at": EARLY, "country": "XYZ"}),
            "fact.entry.country COUNTRY_UNKNOWN",
        ),
        wrong(
            "stay",
            json!({"division": "3702", "arrived_at": EARLY}),
            "fact.stay.division DIVISION_SHAPE",
        ),
        wrong(
            "stay",
            json!({"division": "370202", "community": " ", "arrived_at": EARLY}),
            "fact.stay.community COMMUNITY_SHAPE",
        ),
        wrong(
            "symptoms",
            json!({"observed_at": EARLY, "symptoms": [], "temperature_c": 375}),
            "fact.symptoms.temperature_c OUT_OF_RANGE",
        ),
    ]
}

fn instant(text: &str) -> prost_types::Timestamp {
    lutong_proto::time::from_micros(lutong_kernel::Timestamp::parse(text).unwrap().micros())
}

async fn each_kind_of_bad_input_has_its_place_and_reason(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let (mut rows, mut expected) = (Vec::new(), Vec::new());
    for (n, (statement, wrong)) in wrong_statements().into_iter().enumerate() {
        rows.push(stated(1, &format!("w{n}"), statement));
        expected.push(wrong.to_owned());
    }
    rows.push(fever(1, "good"));
    let answer = mesh.append(rows, &[1]).await.unwrap();
    expected.push(String::new());
    assert_eq!(rejections(&answer), expected);
    let mut bad: Vec<_> = (0..5).map(|n| fever(1, &format!("b{n}"))).collect();
    "nobody".clone_into(&mut bad[0].subject_id);
    bad[1].key.clear();
    bad[2].key = "k".repeat(101);
    bad[3] = correcting(fever(1, "b3"), "nowhere");
    bad[4] = retraction(1, "b4", "elsewhere");
    bad.push(wire::FactStatement {
        statement: None,
        ..fever(1, "b5")
    });
    let answer = mesh.append(bad, &[]).await.unwrap();
    assert_eq!(
        rejections(&answer),
        [
            "subject_id UUID_SHAPE",
            "key MISSING",
            "key TOO_LONG",
            "correction.replaces_key TARGET_UNKNOWN",
            "retraction.retracts_key TARGET_UNKNOWN",
            "statement MISSING",
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
        let told = rejections(&mesh.append(rows, &[1]).await.unwrap());
        let refused = told.iter().filter(|wrong| *wrong == "key KEY_TWICE").count();
        assert_eq!(refused, 2, "{told:?}");
    }
    // The same content twice is not a second version, and the key is still unused.
    let answer = mesh
        .append(vec![fever(1, "k"), fever(1, "k")], &[])
        .await
        .unwrap();
    assert_eq!(rejections(&answer), ["", ""]);
    let corrections = || {
        let correction = |key: &str, replaces: &str| correcting(fever(1, key), replaces);
        vec![
            correction("a", "k"),
            correction("b", "k"),
            correction("c", "other"),
        ]
    };
    for rows in [corrections(), corrections().into_iter().rev().collect()] {
        let told = rejections(&mesh.append(rows, &[]).await.unwrap());
        let refused = told
            .iter()
            .filter(|wrong| *wrong == "correction.replaces_key TARGET_TWICE")
            .count();
        assert_eq!(refused, 2, "{told:?}");
    }
    // A correction of a correction has another target.
    let mut chain = corrections();
    chain[1] = correcting(fever(1, "b"), "a");
    chain.truncate(2);
    assert_eq!(rejections(&mesh.append(chain, &[]).await.unwrap()), ["", ""]);
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
    assert_eq!(rejections(&answer), ["", "fact.designation KIND_NOT_GRANTED"]);
    let answer = mesh.append(vec![designation], &[]).await.unwrap();
    assert_eq!(
        rejections(&answer),
        ["fact.designation KIND_NOT_GRANTED"],
        "nor does a feed that was granted it"
    );
}

async fn a_person_declares_about_themselves_and_as_nobody_else(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let own = |n: u32, key: &str, source: &str| wire::FactStatement {
        source: source.to_owned(),
        ..fever(n, key)
    };
    let rows = vec![
        own(1, "d1", "self"),
        own(2, "d2", "self"),
        own(1, "d3", "cdc-370200"),
        own(1, "d4", "officer-370202"),
        own(1, "d5", "federation"),
    ];
    let answer = mesh.enrol(1, rows).await.unwrap();
    let expected = [
        "",
        "subject_id SUBJECT_NOT_DECLARANT",
        "source SOURCE_NOT_OWN",
        "source SOURCE_NOT_OWN",
        "",
    ];
    let results = wire::AppendFactsResponse {
        results: answer.results,
        effect: answer.effect,
    };
    assert_eq!(rejections(&results), expected);
    assert_eq!(results.effect.unwrap().redecided, 1);
    assert_eq!(mesh.decision(2).await.unwrap_err().reason, "DECISION_NOT_FOUND");
    let many = (0..201).map(|n| own(1, &format!("m{n}"), "self")).collect();
    let refused = mesh.enrol(1, many).await.unwrap_err();
    assert_eq!(refused.violations[0].field, "statements");
    assert_eq!(refused.violations[0].reason, "TOO_MANY");
    // Nor may a service report as a person or an officer.
    let answer = mesh
        .append_as_service(vec![
            own(1, "d6", "self"),
            own(1, "d7", "officer-370202"),
            own(1, "d8", "epidemic-database"),
        ])
        .await
        .unwrap();
    assert_eq!(
        rejections(&answer),
        ["source SOURCE_NOT_OWN", "source SOURCE_NOT_OWN", ""]
    );
}

async fn what_people_declare_at_a_partner_stands_under_its_name_and_nothing_else_does(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let at = |key: &str, source: &str, kind: &str, attributes: serde_json::Value| wire::FactStatement {
        source: source.to_owned(),
        ..fact(1, key, kind, &attributes)
    };
    let symptoms = json!({"observed_at": LATE, "symptoms": ["dry_cough"]});
    let stay = json!({"division": "320100", "arrived_at": LATE});
    let anomaly = json!({"observed_at": LATE, "code": "A1"});
    let rows = vec![
        at("p1", "partner-32", "symptoms", symptoms.clone()),
        at("p2", "partner-32", "stay", stay),
        at("p3", "partner-32", "database_anomaly", anomaly),
        at("p4", "partner-3", "symptoms", symptoms.clone()),
        at("p5", "partner-32x", "symptoms", symptoms),
    ];
    let answer = mesh.append_as_service(rows.clone()).await.unwrap();
    let expected = [
        "",
        "",
        "fact.database_anomaly KIND_NOT_GRANTED",
        "source SOURCE_NOT_OWN",
        "source SOURCE_NOT_OWN",
    ];
    assert_eq!(rejections(&answer), expected);
    // A partner takes back what it has stated, and nothing that anybody else has.
    let takes_back = |source: &str, key: &str, target: &str| wire::FactStatement {
        source: source.to_owned(),
        key: key.to_owned(),
        statement: Some(wire::fact_statement::Statement::Retraction(
            lutong_proto::types::v1::Retraction {
                retracts_key: target.to_owned(),
                reason: "误报".to_owned(),
            },
        )),
        ..rows[0].clone()
    };
    let other = mesh
        .append_as_service(vec![takes_back("partner-33", "p6", "p1")])
        .await
        .unwrap();
    assert!(!rejections(&other)[0].is_empty(), "another partner's");
    let own = mesh
        .append_as_service(vec![takes_back("partner-32", "p7", "p1")])
        .await
        .unwrap();
    assert_eq!(rejections(&own), [""]);
}

async fn a_citizen_does_not_report(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let refused = mesh.append_as_citizen(vec![fever(1, "f1")]).await.unwrap_err();
    assert_eq!(refused.reason, "NOT_PERMITTED");
}

async fn a_batch_beyond_its_limits_is_refused_whole(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let many = (0..1_001).map(|n| fever(1, &format!("f{n}"))).collect();
    let refused = mesh.append(many, &[1]).await.unwrap_err();
    assert_eq!(violations(&refused), ["statements TOO_MANY"]);
    assert_eq!(mesh.decision(1).await.unwrap_err().reason, "DECISION_NOT_FOUND");
}

async fn all_or_nothing_stores_nothing_when_a_row_is_bad(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let mut bad = fever(2, "f2");
    bad.statement = None;
    let batch = wire::AppendFactsRequest {
        statements: vec![fever(1, "f1"), bad],
        all_or_nothing: true,
        ..wire::AppendFactsRequest::default()
    };
    let refused = mesh.append_batch(batch).await.unwrap_err();
    assert_eq!(refused.reason, "ROWS_REFUSED");
    assert_eq!(violations(&refused), ["statements[1].statement MISSING"]);
    assert_eq!(mesh.decision(1).await.unwrap_err().reason, "DECISION_NOT_FOUND");
    // The key is unused: nothing of the batch was stored.
    assert!(mesh.stored(vec![fever(3, "f1")], &[3]).await);
}

async fn a_subject_has_at_most_five_thousand_facts(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    for chunk in 0..5 {
        let facts = (0..1_000).map(|n| fever(1, &format!("{chunk}-{n}"))).collect();
        mesh.stored(facts, &[]).await;
    }
    let refused = mesh
        .append(vec![fever(1, "one more"), fever(2, "f")], &[2])
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "TOO_MANY_FACTS");
    let mut own = fever(1, "own");
    "self".clone_into(&mut own.source);
    let refused = mesh.enrol(1, vec![own]).await.unwrap_err();
    assert_eq!(refused.reason, "TOO_MANY_FACTS");
    for refused in crate::reliefs::at_the_limit(&mesh, 1, "0-0").await {
        assert_eq!(refused.reason, "TOO_MANY_FACTS");
    }
    assert_eq!(mesh.decision(1).await.unwrap_err().reason, "DECISION_NOT_FOUND");
    assert_eq!(mesh.decision(2).await.unwrap_err().reason, "DECISION_NOT_FOUND");
}

async fn the_same_statement_again_changes_nothing_and_other_content_is_a_conflict(bed: Bed) {
    use wire::statement_result::Outcome;
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![fever(1, "f1")], &[1]).await;
    let answer = mesh
        .append(vec![fever(1, "f1"), confirmed(1, "f1")], &[])
        .await
        .unwrap();
    assert!(matches!(
        answer.results[0].outcome,
        Some(Outcome::UnchangedFactId(_))
    ));
    let Some(Outcome::Error(error)) = &answer.results[1].outcome else {
        panic!("{answer:?}")
    };
    assert_eq!(
        (error.field.as_str(), error.reason.as_str()),
        ("key", "STATEMENT_CONFLICT")
    );
    assert_eq!(mesh.decision(1).await.unwrap().version, 1);
}

async fn a_correction_takes_the_place_of_its_original_and_a_retraction_leaves_nothing(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![confirmed(1, "c1")], &[1]).await;
    let closed = serde_json::json!({"stage": "confirmed", "diagnosed_at": "2022-11-25T08:00:00+08:00",
        "closed_at": "2022-11-26T08:00:00+08:00", "closure": "discharged"});
    let correction = correcting(fact(1, "c2", "case", &closed), "c1");
    mesh.stored(vec![correction], &[]).await;
    let decision = mesh.decision(1).await.unwrap();
    assert_eq!(rules(&decision), ["yellow.discharged-observation"]);
    let retraction = retraction(1, "r1", "c2");
    mesh.stored(vec![retraction], &[]).await;
    assert_eq!(mesh.decision(1).await.unwrap().colour(), Colour::Green);
    assert_eq!(mesh.shown(1), Some(Colour::Green));
}

async fn a_bad_row_is_named_and_the_good_ones_are_stored(bed: Bed) {
    use wire::statement_result::Outcome;
    let mesh = Mesh::start(bed).await;
    let backwards = serde_json::json!({"stage": "confirmed", "diagnosed_at": "2022-11-25T08:00:00+08:00",
        "closed_at": "2022-11-24T08:00:00+08:00"});
    let endless = serde_json::json!({"last_contact_at": "2022-11-20T08:00:00+08:00", "observation_until": "2122-11-20T08:00:00+08:00"});
    let rows = vec![
        fact(1, "b0", "close_contact", &endless),
        fact(1, "b1", "case", &backwards),
        correcting(fact(1, "b2", "case", &backwards), "b1"),
        stated(1, "b3", Stated::Fact(types::Fact::default())),
        fever(1, "f1"),
    ];
    let answer = mesh.append(rows, &[1]).await.unwrap();
    let reasons: Vec<_> = answer
        .results
        .iter()
        .map(|result| match &result.outcome {
            Some(Outcome::Error(error)) => format!("{} {}", error.field, error.reason),
            _ => "stored".to_owned(),
        })
        .collect();
    let expected = [
        "fact.close_contact.observation_until INSTANT_FAR_FUTURE",
        "fact.case.closed_at END_BEFORE_START",
        "correction.fact.case.closed_at END_BEFORE_START",
        "fact.kind MISSING",
        "stored",
    ];
    assert_eq!(reasons, expected);
    assert_eq!(rules(&mesh.decision(1).await.unwrap()), ["yellow.fever-clinic"]);
}

async fn facts_of_somebody_unregistered_wait_until_they_are_enrolled(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    assert!(mesh.stored(vec![fever(1, "f1")], &[]).await);
    assert_eq!(mesh.decision(1).await.unwrap_err().reason, "DECISION_NOT_FOUND");
    assert_eq!(mesh.shown(1), None);
    assert!(mesh.stored(vec![], &[1]).await);
    assert_eq!(mesh.shown(1), Some(Colour::Yellow));
}
