use std::sync::Arc;

use http::Method;
use lutong_proto::complaint::v1::create_complaint_request::Kind;
use lutong_proto::complaint::v1::{CreateComplaintRequest, FeedbackCategory, GetComplaintRequest};
use lutong_proto::declaration::v1::{ApplicationForm, CreateApplicationRequest};
use prost::Message;

use super::*;
use crate::rpc::contract::{HttpRule, tests::contract};
use crate::rpc::transcode::binding;

fn at(rpc: &str, template: &str, body: &str) -> Binding {
    let contract = contract();
    let rpc = contract.iter().find(|r| r.path.ends_with(rpc)).unwrap();
    let rule = HttpRule {
        method: Method::POST,
        template: template.to_owned(),
        body: body.to_owned(),
        response_body: String::new(),
    };
    binding(&Arc::clone(rpc), &rule).unwrap()
}

fn read<M: Message + Default>(binding: &Binding, path: &str, body: &[u8]) -> Result<M, Fault> {
    let (path, query) = path
        .split_once('?')
        .map_or((path, None), |(path, query)| (path, Some(query)));
    let captured = binding.pattern.capture(path).unwrap();
    let frame = binding.request(captured, query, body)?;
    let length = u32::from_be_bytes(frame[1..5].try_into().unwrap());
    assert_eq!((frame[0], length as usize), (0, frame.len() - FRAME_HEADER));
    Ok(M::decode(&frame[FRAME_HEADER..]).unwrap())
}

fn reasons<M: std::fmt::Debug>(result: Result<M, Fault>) -> Vec<String> {
    result
        .unwrap_err()
        .violations
        .into_iter()
        .map(|v| format!("{} {}", v.field, v.reason))
        .collect()
}

#[test]
fn a_whole_body_is_the_request_in_either_spelling_of_its_names() {
    let binding = at("/CreateComplaint", "/v1/complaints", "*");
    for body in [
        r#"{"request_id": "r", "feedback": {"category": "FEEDBACK_CATEGORY_OTHER", "text": "码不显示"}}"#,
        r#"{"requestId": "r", "feedback": {"category": 4, "text": "码不显示"}}"#,
    ] {
        let request: CreateComplaintRequest = read(&binding, "/v1/complaints", body.as_bytes()).unwrap();
        assert_eq!(request.request_id, "r");
        let Some(Kind::Feedback(feedback)) = request.kind else {
            panic!("{body}")
        };
        assert_eq!(feedback.category(), FeedbackCategory::Other);
        assert_eq!(feedback.text, "码不显示");
    }
}

#[test]
fn path_variables_and_parameters_make_the_request_where_there_is_no_body() {
    let binding = at("/GetComplaint", "/v1/{name=complaints/*}", "");
    let request: GetComplaintRequest = read(&binding, "/v1/complaints/SD1", b"").unwrap();
    assert_eq!(request.name, "complaints/SD1");
    let refused = read::<GetComplaintRequest>(&binding, "/v1/complaints/SD1?name=x&other=y", b"");
    assert_eq!(
        reasons(refused),
        ["name UNKNOWN_PARAMETER", "other UNKNOWN_PARAMETER"]
    );
}

#[test]
fn one_field_as_body_leaves_the_rest_to_path_and_query() {
    let binding = at("/CreateApplication", "/v1/applications/{request_id}", "form");
    let body = br#"{"person": {"fullName": "x"}}"#;
    let request: CreateApplicationRequest = read(&binding, "/v1/applications/r", body).unwrap();
    assert_eq!(request.request_id, "r");
    assert_eq!(request.form.unwrap().person.unwrap().full_name, "x");
    let refused = read::<CreateApplicationRequest>(&binding, "/v1/applications/r?form.person.mobile=1", body);
    assert_eq!(reasons(refused), ["form.person.mobile UNKNOWN_PARAMETER"]);
}

/// The binding of an RPC of the contract with every shape, as it stands there.
fn shapes(rpc: &str) -> Binding {
    let contract = crate::testing::contract();
    let rpc = contract.iter().find(|r| r.path.ends_with(rpc)).unwrap();
    let rule = crate::rpc::contract::http_rules(&crate::testing::pool(), &rpc.method).remove(0);
    binding(rpc, &rule).unwrap()
}

fn sent(binding: &Binding, path: &str, body: &str) -> Result<DynamicMessage, Fault> {
    let captured = binding.pattern.capture(path).unwrap();
    let frame = binding.request(captured, None, body.as_bytes())?;
    Ok(DynamicMessage::decode(binding.rpc.method.input(), frame.slice(FRAME_HEADER..)).unwrap())
}

fn text(message: &DynamicMessage, field: &str) -> String {
    message
        .get_field_by_name(field)
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn a_body_may_repeat_the_path_and_not_contradict_it() {
    let end = shapes("/EndThing");
    for body in [
        "",
        "{}",
        r#"{"name": "things/7"}"#,
        r#"{"name": null}"#,
        r#"{"name": ""}"#,
    ] {
        let request = sent(&end, "/v1/things/7:end", body).unwrap();
        assert_eq!(
            (text(&request, "name"), text(&request, "reason")),
            ("things/7".to_owned(), String::new())
        );
    }
    let request = sent(&end, "/v1/things/7:end", r#"{"name": "things/7", "reason": "x"}"#).unwrap();
    assert_eq!(text(&request, "reason"), "x");
    for body in [r#"{"name": "things/8"}"#, r#"{"name": 7}"#] {
        assert_eq!(
            reasons(sent(&end, "/v1/things/7:end", body)),
            ["name PATH_DIFFERS"],
            "{body}"
        );
    }
    // The other spelling is the same field.
    let binding = at("/CreateApplication", "/v1/applications/{request_id}", "*");
    for body in [r#"{"request_id": "other"}"#, r#"{"requestId": "other"}"#] {
        let refused = read::<CreateApplicationRequest>(&binding, "/v1/applications/r", body.as_bytes());
        assert_eq!(reasons(refused), ["request_id PATH_DIFFERS"], "{body}");
    }
    let same = br#"{"requestId": "r", "form": {}}"#;
    let request: CreateApplicationRequest = read(&binding, "/v1/applications/r", same).unwrap();
    assert_eq!(
        (request.request_id.as_str(), request.form),
        ("r", Some(ApplicationForm::default()))
    );
}

#[test]
fn only_an_action_needs_no_body() {
    assert_eq!(
        reasons(sent(&shapes("/CreateThing"), "/v1/things", "")),
        [" BODY_NOT_JSON"]
    );
}

#[test]
fn enum_values_that_nobody_may_send_are_named_whole_body_or_not() {
    let create = shapes("/CreateThing");
    for value in [
        "\"COLOUR_UNSPECIFIED\"",
        "\"PINK\"",
        "0",
        "9",
        "99999999999",
        "-1",
    ] {
        let body = format!(r#"{{"thing": {{"colour": {value}, "shade": {value}}}}}"#);
        assert_eq!(
            reasons(sent(&create, "/v1/things", &body)),
            ["thing.colour UNKNOWN_VALUE", "thing.shade UNKNOWN_VALUE"],
            "{value}"
        );
    }
    for value in ["\"COLOUR_GREEN\"", "1", "null"] {
        let body = format!(r#"{{"thing": {{"colour": {value}}}}}"#);
        assert!(sent(&create, "/v1/things", &body).is_ok(), "{value}");
    }
    let list = shapes("/ListThings");
    for (value, right) in [
        ("COLOUR_GREEN", true),
        ("1", true),
        ("0", false),
        ("COLOUR_UNSPECIFIED", false),
        ("9", false),
    ] {
        let captured = list.pattern.capture("/v1/things").unwrap();
        let read = list.request(captured, Some(&format!("colour={value}")), b"");
        match read {
            Ok(_) => assert!(right, "{value}"),
            refused => assert_eq!(
                (reasons(refused), right),
                (vec!["colour UNKNOWN_VALUE".to_owned()], false)
            ),
        }
    }
}

#[test]
fn both_members_of_a_oneof_are_refused_by_name_and_null_is_no_member() {
    let create = shapes("/CreateThing");
    let both = r#"{"text": "a", "piece": {}, "thing": {"piece": {"number": 1}, "text": ""}, "x": 1}"#;
    assert_eq!(
        reasons(sent(&create, "/v1/things", both)),
        ["piece ONE_OF", "thing.text ONE_OF", "x UNKNOWN_FIELD"]
    );
    assert!(sent(&create, "/v1/things", r#"{"text": "a", "piece": null}"#).is_ok());
}

#[test]
fn an_unknown_field_is_named_and_a_wrong_one_too() {
    let binding = at("/CreateComplaint", "/v1/complaints", "*");
    let refused = read::<CreateComplaintRequest>(
        &binding,
        "/v1/complaints",
        br#"{"txt": "x", "feedback": {"category": "NO"}}"#,
    );
    assert_eq!(
        reasons(refused),
        ["feedback.category UNKNOWN_VALUE", "txt UNKNOWN_FIELD"]
    );
}

#[test]
fn what_is_not_json_is_told_by_place_and_never_repeated() {
    let binding = at("/CreateComplaint", "/v1/complaints", "*");
    for (body, reason) in [
        (&b"{\"text\": \xff}"[..], " BODY_NOT_UTF8"),
        ("{\"text\": 孙小鲁}".as_bytes(), " BODY_NOT_JSON"),
        (b"", " BODY_NOT_JSON"),
        (b"{} {}", " BODY_NOT_JSON"),
        (b"[]", " WRONG_TYPE"),
        (b"null", " WRONG_TYPE"),
    ] {
        let fault = read::<CreateComplaintRequest>(&binding, "/v1/complaints", body).unwrap_err();
        assert!(!format!("{fault:?}").contains('孙'), "{fault:?}");
        assert_eq!(reasons::<()>(Err(fault)), [reason], "{body:?}");
    }
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    let binding = at("/CreateComplaint", "/v1/complaints", "*");
    let body = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let refused = read::<CreateComplaintRequest>(&binding, "/v1/complaints", body.as_bytes());
    assert_eq!(reasons(refused), [" BODY_NOT_JSON"]);
}

#[test]
fn a_path_that_is_not_utf_8_is_refused() {
    let binding = at("/GetComplaint", "/v1/{name=complaints/*}", "");
    let refused = read::<GetComplaintRequest>(&binding, "/v1/complaints/%FF", b"");
    assert_eq!(reasons(refused), [" PATH_NOT_UTF8"]);
}
