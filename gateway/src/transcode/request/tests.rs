use std::sync::Arc;

use http::Method;
use lutong_proto::complaint::v1::create_complaint_request::Kind;
use lutong_proto::complaint::v1::{CreateComplaintRequest, FeedbackCategory, GetComplaintRequest};
use lutong_proto::declaration::v1::{ApplicationForm, CreateApplicationRequest};
use prost::Message;

use super::*;
use crate::contract::{HttpRule, tests::contract};
use crate::transcode::binding;

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

#[test]
fn the_path_wins_over_the_body() {
    let binding = at("/CreateApplication", "/v1/applications/{request_id}", "*");
    let body = br#"{"request_id": "other", "form": {}}"#;
    let request: CreateApplicationRequest = read(&binding, "/v1/applications/r", body).unwrap();
    assert_eq!(
        (request.request_id.as_str(), request.form),
        ("r", Some(ApplicationForm::default()))
    );
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
