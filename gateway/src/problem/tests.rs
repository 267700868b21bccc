use super::*;
use http_body_util::BodyExt as _;
use std::time::Duration;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

async fn document(response: Response<Body>) -> serde_json::Value {
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test]
async fn a_fault_keeps_reason_fields_and_both_languages() {
    let fault = Fault::invalid(vec![Violation::new(
        "form.person.mobile",
        "MOBILE_SHAPE",
        "手机号码应为11位",
        "a mobile has 11 digits",
    )])
    .with("part", "identity");
    let response = Problem::from(fault).into_document(TRACE);
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(response.headers()[CONTENT_TYPE], MEDIA_TYPE);
    let body = document(response).await;
    assert_eq!(
        body,
        serde_json::json!({
            "type": "urn:lutong:problem:INVALID_FIELDS",
            "title": "请求有误 Bad request",
            "status": 400,
            "detail": "form.person.mobile：手机号码应为11位",
            "code": "INVALID_ARGUMENT",
            "reason": "INVALID_FIELDS",
            "message": {
                "zh": "form.person.mobile：手机号码应为11位",
                "en": "form.person.mobile: a mobile has 11 digits",
            },
            "errors": [{
                "field": "form.person.mobile",
                "reason": "MOBILE_SHAPE",
                "message": {"zh": "手机号码应为11位", "en": "a mobile has 11 digits"},
            }],
            "metadata": {"part": "identity"},
            "trace_id": TRACE,
        })
    );
}

#[tokio::test]
async fn a_delay_is_told_in_whole_seconds_rounded_up_in_header_and_body() {
    for (after_ms, told) in [(1, 1), (1_000, 1), (1_001, 2)] {
        let fault = Fault::unavailable("identity").retry_after(Duration::from_millis(after_ms));
        let response = Problem::from(fault).into_document(TRACE);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[RETRY_AFTER], told.to_string());
        assert_eq!(document(response).await["retry_after_s"], told);
    }
}

#[tokio::test]
async fn problems_of_http_carry_their_own_status() {
    for (problem, status) in [
        (Problem::no_such_route(), 404),
        (Problem::method_not_allowed("GET".to_owned()), 405),
        (Problem::not_json(), 415),
        (Problem::body_too_large(262_144), 413),
        (Problem::body_too_slow(), 408),
        (Problem::body_cut_off(), 400),
    ] {
        let response = problem.into_document(TRACE);
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers().contains_key(ALLOW), status == 405);
        assert_eq!(document(response).await["status"], status);
    }
}

#[tokio::test]
async fn the_cause_of_an_internal_error_is_in_no_part_of_the_answer() {
    let response = Problem::from(Fault::internal("the row of 4711 is damaged")).into_document(TRACE);
    assert!(!format!("{:?}", response.headers()).contains("4711"));
    let body = document(response).await.to_string();
    assert!(body.contains("\"INTERNAL\"") && !body.contains("4711"), "{body}");
}
