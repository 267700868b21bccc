//! Calls about codes on paper, and of doors without a connection.

use lutong_tests::examples::{RequestParts, Walk};
use lutong_tests::people::request_id;
use serde_json::json;

const CITIZEN: &str = "wx-1";

/// A citizen with a code prints it, and ends it; a door takes in what it must refuse.
pub async fn walk(walk: &mut Walk<'_>) {
    let asked = RequestParts::body(json!({"request_id": request_id(), "end_earlier": true}));
    let made = walk.call("createPaperCode", CITIZEN, asked).await;
    let id = made["paper_code"]["paper_code_id"].as_str().unwrap().to_owned();
    let named = || RequestParts::nothing().with("paper_code", &id);
    walk.call("getPaperCode", CITIZEN, named()).await;
    walk.call("listPaperCodes", CITIZEN, RequestParts::nothing())
        .await;
    let svg = named().with("format", "PAPER_FORMAT_SVG");
    walk.call("showPaperCode", CITIZEN, svg).await;
    let end = RequestParts::body(json!({"request_id": request_id()})).with("paper_code", &id);
    walk.call("endPaperCode", CITIZEN, end).await;
    walk.call("listRevocations", "", RequestParts::nothing()).await;
    walk.call("getKeyList", "", RequestParts::nothing()).await;
}
