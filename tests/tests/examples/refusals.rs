//! Refusals of recognition: reported, published, read by everybody, ended.

use lutong_tests::examples::{RequestParts, Walk};
use lutong_tests::instants::now;
use lutong_tests::people::request_id;
use serde_json::json;

const OFFICER: &str = "officer-1";
const SUPERVISOR: &str = "supervisor-1";
const SECOND_SUPERVISOR: &str = "supervisor-2";

pub async fn walk(walk: &mut Walk<'_>) {
    let report = json!({
        "request_id": request_id(),
        "division": "370202",
        "place_kind": "PLACE_KIND_HOTEL",
        "place_name": "海景酒店",
        "legal_basis": "《中华人民共和国突发事件应对法》第四十九条",
        "approval_reference": "国务院联防联控机制综合组 2022年第54号",
        "start_time": now().plus_seconds(-60).to_rfc3339(),
        "planned_end_time": now().plus_seconds(7 * 86_400).to_rfc3339(),
    });
    let reported = walk
        .call("createRecognitionRefusal", SUPERVISOR, RequestParts::body(report))
        .await;
    let id = &reported["recognition_refusal"]["recognition_refusal_id"];
    let of = || RequestParts::nothing().with("recognition_refusal", id.as_str().unwrap());
    let action = || json!({"request_id": request_id()});
    let waiting = RequestParts::nothing().with("state", "RECOGNITION_REFUSAL_STATE_PROPOSED");
    walk.call("listReportedRefusals", OFFICER, waiting).await;
    walk.call(
        "approveRecognitionRefusal",
        SECOND_SUPERVISOR,
        of().and_body(action()),
    )
    .await;
    walk.call("getRecognitionRefusal", "", of()).await;
    walk.call(
        "listRecognitionRefusals",
        "",
        RequestParts::nothing().with("division", "370202"),
    )
    .await;
    walk.call("endRecognitionRefusal", SUPERVISOR, of().and_body(action()))
        .await;
}
