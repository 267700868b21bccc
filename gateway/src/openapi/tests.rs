use std::collections::BTreeSet;

use super::*;
use crate::contract::http_rules;
use crate::contract::tests::contract;

fn built() -> Value {
    let bindings = Bindings::read(lutong_proto::descriptor_pool(), &contract()).unwrap();
    serde_json::from_slice(&document(&bindings)).unwrap()
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            all.push((path.clone(), method.clone(), operation.clone()));
        }
    }
    all
}

#[test]
fn exactly_the_rpcs_that_are_bound_to_json_and_reachable_are_listed() {
    let pool = lutong_proto::descriptor_pool();
    let contract = contract();
    let bound = contract
        .iter()
        .filter(|rpc| !http_rules(pool, &rpc.method).is_empty());
    let bound: BTreeSet<String> = bound
        .map(|rpc| rpc.path.trim_start_matches('/').to_owned())
        .collect();
    let listed: BTreeSet<String> = operations(&built())
        .iter()
        .map(|(_, _, operation)| operation["x-lutong-rpc"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(listed, bound);
    // Neither side is empty, which two empty sets would pass as.
    assert!(listed.len() > 30, "{}", listed.len());
}

#[test]
fn operation_ids_are_unique_and_additional_bindings_are_numbered() {
    let ids: Vec<String> = operations(&built())
        .iter()
        .map(|(_, _, operation)| operation["operationId"].as_str().unwrap().to_owned())
        .collect();
    let unique: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len());
    assert!(ids.iter().any(|id| id == "getDecision"));
    assert!(ids.iter().any(|id| id == "getDecision2"));
    assert!(ids.iter().any(|id| id == "riskRulesListAuditRecords"), "{ids:?}");
}

#[test]
fn every_path_parameter_is_in_its_path_and_every_brace_has_a_parameter() {
    for (path, _, operation) in operations(&built()) {
        let braces: BTreeSet<&str> = path
            .split('{')
            .skip(1)
            .map(|rest| rest.split('}').next().unwrap())
            .collect();
        let parameters = operation["parameters"].as_array().unwrap();
        let named: BTreeSet<&str> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(named, braces, "{path}");
    }
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("$ref") {
                found.push(reference.clone());
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = built();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 30);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(
            document.pointer(pointer).is_some_and(Value::is_object),
            "{reference}"
        );
    }
}

#[test]
fn everything_has_the_contracts_own_words() {
    let document = built();
    for (path, method, operation) in operations(&document) {
        let words = operation["description"].as_str().unwrap();
        assert!(words.contains("Errors:"), "{method} {path}");
        assert!(operation["responses"]["default"].is_object());
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(!schema["description"].as_str().unwrap().is_empty(), "{name}");
    }
    let colours = &document["components"]["schemas"]["lutong.risk_rules.v1.Colour"];
    assert!(colours["description"].as_str().unwrap().contains("GB/T 38962"));
    assert_eq!(colours["enum"].as_array().unwrap().len(), 4);
}

#[test]
fn kinds_that_json_writes_differently_are_described_as_they_are_written() {
    let document = built();
    let decision = &document["components"]["schemas"]["lutong.risk_rules.v1.Decision"]["properties"];
    assert_eq!(decision["version"]["type"], "string");
    assert_eq!(decision["evaluate_time"]["format"], "date-time");
    assert_eq!(decision["citations"]["type"], "array");
    let key = &document["components"]["schemas"]["lutong.code_rendering.v1.Key"]["properties"];
    assert_eq!(key["public_key"]["contentEncoding"], "base64");
    assert_eq!(key["algorithm"]["type"], "integer");
}

#[test]
fn only_what_anybody_may_call_needs_no_session() {
    for (path, _, operation) in operations(&built()) {
        let open = operation["security"].as_array().unwrap().is_empty();
        // Keys verify codes offline; how many are designated, and by which law, is for everybody to see.
        let for_everybody = ["/v1/keys", "/v1/designations:count"];
        assert_eq!(open, for_everybody.contains(&&*path), "{path}");
    }
}
