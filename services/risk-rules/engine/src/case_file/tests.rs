use serde_json::{Value, json};

use super::*;

fn one() -> Value {
    json!({
        "format": "lutong-decision-cases/1",
        "rule_set": "sd-2020",
        "cases": [{
            "name": "close contact in home isolation, then free",
            "facts": [{"id": "f1", "kind": "close_contact", "source": "cdc-370200", "recorded_at": "2022-03-02T09:00:00+08:00",
                "attributes": {"last_contact_at": "2022-03-01T18:00:00+08:00", "observation": "home"}}],
            "retractions": [{"fact": "f1", "recorded_at": "2022-03-20T09:00:00+08:00", "reason": "mistaken identity"}],
            "expect": [
                {"at": "2022-03-02T12:00:00+08:00", "colour": "red", "rules": ["red.close-contact"], "next_change_at": "2022-03-16T00:00:00+08:00"},
                {"at": "2022-03-16T00:00:00+08:00", "colour": "green", "rules": [], "next_change_at": null},
                {"at": "2022-03-25T00:00:00+08:00", "as_known_at": "2022-03-02T12:00:00+08:00", "colour": "green", "rules": []}
            ]
        }]
    })
}

/// The file with one place changed; `null` takes the place out.
fn with(path: &str, value: Value) -> Value {
    let mut file = one();
    let (parent, key) = path.rsplit_once('/').unwrap();
    match file.pointer_mut(parent).unwrap() {
        Value::Object(map) if value.is_null() => drop(map.remove(key)),
        Value::Object(map) => drop(map.insert(key.to_owned(), value)),
        Value::Array(list) => list.push(value),
        _ => unreachable!(),
    }
    file
}

#[test]
fn the_example_of_the_format_passes() {
    let outcomes = CaseFile::parse(&one().to_string()).unwrap().run();
    assert_eq!(outcomes.len(), 1);
    assert_eq!(outcomes[0].failures, Vec::<String>::new());
}

#[test]
fn a_failing_case_names_the_instant_what_was_expected_and_what_came_out() {
    let file = with("/cases/0/expect/0/colour", json!("yellow"));
    let outcomes = CaseFile::parse(&file.to_string()).unwrap().run();
    assert_eq!(
        outcomes[0].failures,
        ["at 2022-03-02T12:00:00+08:00: colour: expected yellow, got red"]
    );
}

#[test]
fn a_file_that_breaks_the_format_is_refused_naming_case_and_field() {
    let another = json!({"id": "f2", "kind": "case", "recorded_at": "2022-03-03T09:00:00+08:00", "replaces": "f1",
        "attributes": {"stage": "confirmed", "diagnosed_at": "2022-03-01T00:00:00+08:00"}});
    let mut twice = another.clone();
    twice["id"] = json!("f1");
    let mut early = one()["cases"][0]["facts"][0].clone();
    early["id"] = json!("f2");
    early["replaces"] = json!("f1");
    for (path, value, field) in [
        ("/format", json!("x"), "format"),
        ("/rule_set", json!("sd-2030"), "rule_set"),
        ("/note", json!("x"), "note"),
        ("/cases/0/facts/0/kind", json!("cases"), "facts[0].kind"),
        (
            "/cases/0/facts/0/recorded_at",
            json!("2022-03-02T09:00:00"),
            "facts[0].recorded_at",
        ),
        (
            "/cases/0/facts/0/attributes/observation",
            json!("hotel"),
            "facts[0].attributes.observation",
        ),
        (
            "/cases/0/facts/0/attributes/last_contact_at",
            Value::Null,
            "facts[0].attributes.last_contact_at",
        ),
        ("/cases/0/facts/-", twice, "facts[1].id"),
        ("/cases/0/facts/-", another, "facts[1].replaces"),
        ("/cases/0/facts/-", early, "facts[1].replaces"),
        ("/cases/0/retractions/0/fact", json!("f9"), "retractions[0].fact"),
        ("/cases/0/retractions/0/reason", Value::Null, "retractions[0]"),
        (
            "/cases/0/retractions/0/recorded_at",
            json!("2022-03-02T09:00:00+08:00"),
            "retractions[0].fact",
        ),
        ("/cases/0/expect/0/colour", json!("blue"), "expect[0].colour"),
        (
            "/cases/0/expect/0/rules",
            json!(["red.nothing"]),
            "expect[0].rules",
        ),
    ] {
        let error = CaseFile::parse(&with(path, value).to_string())
            .unwrap_err()
            .to_string();
        assert!(error.contains(field), "{path}: {error}");
        assert_eq!(
            error.contains("close contact in home isolation"),
            path.starts_with("/cases"),
            "{error}"
        );
    }
}

#[test]
fn the_cases_shipped_with_each_rule_set_pass_and_touch_every_rule() {
    let shipped = [
        include_str!("../../rule-sets/sd-2020.cases.json"),
        include_str!("../../rule-sets/sd-2022.cases.json"),
    ];
    for (set, text) in RuleSet::bundled().into_iter().zip(shipped) {
        let file = CaseFile::parse(text).unwrap();
        assert_eq!(file.rule_set().id, set.id);
        for outcome in file.run() {
            assert_eq!(
                outcome.failures,
                Vec::<String>::new(),
                "{}: {}",
                set.id,
                outcome.name
            );
        }
        for rule in set.rules() {
            let named = text.contains(&format!("\"{}\"", rule.id));
            assert!(named, "{} is not in the cases of {}", rule.id, set.id);
        }
    }
}

#[test]
fn a_file_may_name_the_rule_set_that_the_caller_gives() {
    let three_days = RuleSet::SD_2020.replace("days = 14", "days = 3");
    let own = RuleSet::parse(&three_days.replace("id = \"sd-2020\"", "id = \"qd-2023\"")).unwrap();
    let mut file = with("/rule_set", json!("qd-2023"));
    assert!(CaseFile::parse(&file.to_string()).is_err());
    let outcomes = CaseFile::parse_with(&file.to_string(), &own).unwrap().run();
    assert_eq!(
        outcomes[0].failures,
        [
            "at 2022-03-02T12:00:00+08:00: next_change_at: expected 2022-03-16T00:00:00+08:00, got 2022-03-05T00:00:00+08:00"
        ]
    );
    // Those of this build can be named still; of two of one id the given one is meant.
    file["rule_set"] = json!("sd-2020");
    let bundled = CaseFile::parse_with(&file.to_string(), &own).unwrap();
    assert_eq!(bundled.run()[0].failures, Vec::<String>::new());
    let changed = RuleSet::parse(&three_days).unwrap();
    let given = CaseFile::parse_with(&file.to_string(), &changed).unwrap();
    assert_eq!(given.run()[0].failures.len(), 1);
}
