use std::collections::BTreeSet;

use super::*;
use crate::rpc::contract::http_rules;
use crate::rpc::contract::tests::contract;

const COOKIE: &str = "__Host-lutong";
const NONE: SessionRoutes = SessionRoutes {
    dev: false,
    mini_program: false,
    devices: false,
};
const ALL: SessionRoutes = SessionRoutes {
    dev: true,
    mini_program: true,
    devices: true,
};

fn built() -> Value {
    let bindings = Bindings::read(lutong_proto::descriptor_pool(), &contract()).unwrap();
    serde_json::from_slice(&document(&bindings, COOKIE, NONE)).unwrap()
}

/// The contract with every shape.
fn shapes() -> Value {
    let contract = crate::testing::contract();
    let bindings = Bindings::read(&crate::testing::pool(), &contract).unwrap();
    serde_json::from_slice(&document(&bindings, COOKIE, ALL)).unwrap()
}

/// Operation ids are what generated clients call their functions, so that one that changes breaks them: on purpose with
/// `INSTA_UPDATE=always cargo test -p lutong-gateway --lib operations`.
#[test]
fn operations_are_called_and_found_as_they_were() {
    let bindings = Bindings::read(lutong_proto::descriptor_pool(), &contract()).unwrap();
    let document = build(&bindings, COOKIE, ALL);
    let mut lines = Vec::new();
    for (path, item) in document.paths.iter() {
        for (method, operation) in item.iter() {
            let id = operation["operationId"].as_str().unwrap();
            lines.push(format!("{id} {} {path}", method.to_uppercase()));
        }
    }
    insta::assert_snapshot!("operations", lines.join("\n"));
}

#[test]
fn every_operation_says_by_status_what_it_is_refused_with() {
    let document = built();
    for (path, method, operation) in operations(&document) {
        let responses = operation["responses"].as_object().unwrap();
        let mut told = BTreeSet::new();
        for (status, response) in responses {
            for reason in response["x-lutong-reasons"].as_array().into_iter().flatten() {
                assert!(
                    told.insert(reason.as_str().unwrap().to_owned()),
                    "{reason} has two statuses: {path}"
                );
                let is_gateways = errors::listed_by_the_edge(reason.as_str().unwrap());
                assert!(
                    is_gateways || lutong_proto::errors::code(reason.as_str().unwrap()).is_some(),
                    "{status} {reason}"
                );
            }
        }
        let rpc = operation["x-lutong-rpc"].as_str().unwrap();
        let rpc = lutong_proto::errors::method(lutong_proto::descriptor_pool(), rpc).unwrap();
        for reason in lutong_proto::errors::listed(&rpc).unwrap() {
            assert!(told.contains(&reason), "{method} {path} does not tell {reason}");
        }
    }
}

#[test]
fn bounds_and_what_must_be_there_come_from_the_options() {
    let document = shapes();
    let schemas = &document["components"]["schemas"];
    let text = &schemas["CreateThingRequest"]["oneOf"][0];
    assert_eq!(text["title"], "CreateThingRequestText");
    assert_eq!(text["required"], json!(["request_id", "thing", "text"]));
    assert_eq!(text["additionalProperties"], false);
    let properties = &text["properties"];
    assert_eq!(properties["request_id"]["format"], "uuid");
    assert_eq!(properties["words"]["minItems"], 1);
    assert_eq!(properties["words"]["maxItems"], 3);
    assert_eq!(properties["words"]["items"]["maxLength"], 5);
    assert_eq!(
        (&properties["share"]["minimum"], &properties["share"]["maximum"]),
        (&json!(0), &json!(1))
    );
    // May be left empty: then it is no date.
    assert!(properties["day_date"].get("format").is_none());
    assert_eq!(
        properties["day_date"]["pattern"],
        "^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"
    );
    assert!(properties.get("piece").is_none());
    assert_eq!(
        schemas["CreateThingRequest"]["oneOf"].as_array().unwrap().len(),
        2
    );
    // What is answered: everything without presence, and which member of the choice there is.
    let thing = &schemas["Thing"]["oneOf"];
    assert_eq!(thing.as_array().unwrap().len(), 3, "in words, as a part, neither");
    let required = thing[2]["required"].as_array().unwrap();
    for name in ["name", "version", "parts", "words", "good"] {
        assert!(required.contains(&json!(name)), "{name}");
    }
    for name in ["heat", "shade", "part", "create_time", "colour"] {
        assert!(!required.contains(&json!(name)), "{name}");
    }
    assert_eq!(
        thing[2]["not"]["anyOf"],
        json!([{"required": ["text"]}, {"required": ["piece"]}])
    );
    assert_eq!(thing[0]["properties"]["thing_id"]["readOnly"], true);
    assert_eq!(schemas["Colour"]["enum"], json!(["COLOUR_GREEN"]));
    // What goes both ways is described apart where it is sent.
    assert_eq!(properties["thing"]["$ref"], "#/components/schemas/ThingInput");
    assert!(
        schemas["ThingInput"]["oneOf"][0]
            .get("required")
            .unwrap()
            .as_array()
            .unwrap()
            .contains(&json!("text"))
    );
}

#[test]
fn the_variable_of_a_path_is_the_noun_and_is_not_in_the_body() {
    let document = shapes();
    let end = &document["paths"]["/v1/things/{thing}:end"]["post"];
    assert_eq!(end["parameters"][0]["name"], "thing");
    assert_eq!(end["requestBody"]["required"], false);
    let body = &document["components"]["schemas"]["EndThingRequest"];
    assert_eq!(
        body["properties"].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["reason"]
    );
    let list = &document["paths"]["/v1/things"]["get"]["parameters"];
    assert_eq!(list[0]["$ref"], "#/components/parameters/PageSize");
    assert_eq!(list[1]["$ref"], "#/components/parameters/PageToken");
    assert_eq!(
        document["paths"]["/v1/dev/sessions"]["post"]["operationId"],
        "createDevSession"
    );
    assert!(built()["paths"].get("/v1/dev/sessions").is_none());
}

#[test]
fn every_example_belongs_to_an_operation_and_can_be_read_as_its_request() {
    let contract = contract();
    let bindings = Bindings::read(lutong_proto::descriptor_pool(), &contract).unwrap();
    let document: Value = serde_json::from_slice(&document(&bindings, COOKIE, ALL)).unwrap();
    for (id, example) in Examples::read().iter() {
        let found = operations(&document)
            .into_iter()
            .find(|(_, _, operation)| operation["operationId"] == **id);
        let (path, _, operation) = found.unwrap_or_else(|| panic!("{id} is no operation"));
        // Signing in for development is no RPC.
        let Some(rpc) = operation["x-lutong-rpc"].as_str() else {
            continue;
        };
        if let Some(answer) = example.get("answer") {
            let method = lutong_proto::errors::method(lutong_proto::descriptor_pool(), rpc).unwrap();
            let read = prost_reflect::DynamicMessage::deserialize(method.output(), answer).unwrap();
            assert_eq!(
                crate::rpc::transcode::answer_json(&read),
                *answer,
                "{id}: as the edge writes it"
            );
        }
        let Some(body) = example.get("body") else {
            continue;
        };
        assert_eq!(
            operation["requestBody"]["content"]["application/json"]["example"],
            *body
        );
        let binding = bindings
            .iter()
            .find(|binding| rpc == binding.rpc.path.trim_start_matches('/'));
        let read = binding
            .unwrap()
            .request(Ok(Vec::new()), None, body.to_string().as_bytes());
        assert!(read.is_ok(), "{path} {read:?}");
    }
}

/// Operations that cannot have an example, each with the reason.
const WITHOUT_EXAMPLE: [(&str, &str); 1] = [(
    "createMiniProgramSession",
    "no code is valid without WeChat; tests/sign_in.rs calls it with a stand-in",
)];

#[test]
fn every_operation_has_an_example_of_all_that_is_sent_and_answered() {
    let contract = contract();
    let bindings = Bindings::read(lutong_proto::descriptor_pool(), &contract).unwrap();
    let document = serde_json::from_slice(&document(&bindings, COOKIE, ALL)).unwrap();
    let mut missing = Vec::new();
    for (_, _, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        if WITHOUT_EXAMPLE.iter().any(|(without, _)| *without == id) {
            continue;
        }
        let content = |of: &Value| of["content"]["application/json"].clone();
        let answer = &operation["responses"]["200"];
        // A file has no example.
        if !content(answer).is_null() && content(answer)["example"].is_null() {
            missing.push(format!("{id}: answer"));
        }
        if operation.get("requestBody").is_some() && content(&operation["requestBody"])["example"].is_null() {
            missing.push(format!("{id}: body"));
        }
        for parameter in operation["parameters"].as_array().unwrap() {
            if parameter["required"] == true && parameter["example"].is_null() {
                missing.push(format!("{id}: {}", parameter["name"]));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "tests/tests/examples calls each: {missing:#?}"
    );
}

/// People find what they look for by its Chinese name.
#[test]
fn the_pages_call_every_collection_by_a_chinese_name() {
    let contract = contract();
    let bindings = Bindings::read(lutong_proto::descriptor_pool(), &contract).unwrap();
    let document: Value = serde_json::from_slice(&document(&bindings, COOKIE, ALL)).unwrap();
    let page = include_str!("../../docs/page.js");
    let (_, names) = page.split_once("const COLLECTIONS").unwrap();
    let (names, _) = names.split_once("};").unwrap();
    for tag in document["tags"].as_array().unwrap() {
        let tag = tag["name"].as_str().unwrap();
        let is_named = [format!(" {tag}: \""), format!("\"{tag}\": \"")];
        assert!(is_named.iter().any(|named| names.contains(named)), "{tag}");
    }
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
fn operation_ids_are_unique() {
    let ids: Vec<String> = operations(&built())
        .iter()
        .map(|(_, _, operation)| operation["operationId"].as_str().unwrap().to_owned())
        .collect();
    let unique: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len());
    assert!(ids.iter().any(|id| id == "getDecision"));
    // Additional bindings are numbered, a name of several services carries theirs.
    assert!(
        ids.iter()
            .all(|id| id.starts_with(|first: char| first.is_ascii_lowercase())),
        "{ids:?}"
    );
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
}

#[test]
fn kinds_that_json_writes_differently_are_described_as_they_are_written() {
    let document = built();
    let decision = &document["components"]["schemas"]["Decision"]["properties"];
    assert_eq!(decision["version"]["type"], "string");
    assert_eq!(decision["evaluate_time"]["format"], "date-time");
    assert_eq!(decision["citations"]["type"], "array");
    let key = &document["components"]["schemas"]["Key"]["properties"];
    assert_eq!(key["public_key"]["contentEncoding"], "base64");
    assert_eq!(key["algorithm"]["type"], "integer");
}

#[test]
fn only_what_anybody_may_call_needs_no_session() {
    for (path, method, operation) in operations(&built()) {
        let open = operation["security"].as_array().unwrap().contains(&json!({}));
        // Keys verify codes offline, and revocations refuse some; how many are designated, and by which law, is for everybody to see; so is the text that
        // applicants accept, who does not recognise other provinces' codes, how complaints are handled, which places were held to account,
        // and the key of our messages. A partner proves who it is by its signature, and anybody may report a place without saying who
        // they are.
        let for_everybody = [
            "get /v1/keys",
            "get /v1/keys/{key}",
            "get /v1/key-list",
            "get /v1/revocations",
            "get /v1/commitments",
            "get /v1/commitments/{commitment}",
            "post /v1/complaints:anonymous",
            "get /v1/designations:count",
            "get /v1/public-numbers",
            "get /v1/accountability-cases",
            "get /v1/accountability-cases/{accountability_case}",
            "get /v1/recognition-refusals",
            "get /v1/message-key",
            "post /v1/exchanges:call",
            "post /v1/exchanges:correct",
            "post /v1/exchanges:declare",
            "post /v1/exchanges:make",
            "post /v1/exchanges:query",
            "post /v1/exchanges:travel",
            "post /v1/exchanges:verify",
            "post /v1/subscriptions:pull",
            "post /v1/subscriptions:compare",
            "post /v1/subscriptions:acknowledge",
            "post /v1/subscriptions:notify",
            "get /v1/recognition-refusals/{recognition_refusal}",
        ];
        let called = format!("{method} {path}");
        assert_eq!(open, for_everybody.contains(&&*called), "{called}");
    }
}
