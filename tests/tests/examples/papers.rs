//! Calls about codes on paper, bound to a telephone and for hospitals, and of doors without a connection.

use lutong_tests::examples::{RequestParts, Walk};
use lutong_tests::people::request_id;
use serde_json::json;

const CITIZEN: &str = "wx-1";
/// The public key of RFC 6979, A.2.5, in Base64.
const DEVICE_KEY: &str =
    "BGD+1LolWp0xyWHrdMY1bWjASbiSO2H6bOZpYi5g8p+2eQP+EAi4vJmkGunpVii8ZPLxsgwtfp9Rd6PClNRGIpk=";

/// A citizen with a code prints it, and ends it, and the same on a telephone; a door takes in what it must refuse.
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
    let subject = made["paper_code"]["subject_id"].clone();
    let purpose = json!({"code": "PURPOSE_CODE_ASSISTANCE", "reference": ""});
    let assisted =
        json!({"request_id": request_id(), "subject_id": subject, "end_earlier": true, "purpose": purpose});
    walk.call(
        "createAssistedPaperCode",
        "counter-1",
        RequestParts::body(assisted),
    )
    .await;
    let asked = json!({"request_id": request_id(), "device_key": DEVICE_KEY, "end_earlier": true});
    let made = walk
        .call("createDeviceBoundCode", CITIZEN, RequestParts::body(asked))
        .await;
    let id = made["device_bound_code"]["device_bound_code_id"]
        .as_str()
        .unwrap();
    let named = || RequestParts::nothing().with("device_bound_code", id);
    walk.call("getDeviceBoundCode", CITIZEN, named()).await;
    walk.call("listDeviceBoundCodes", CITIZEN, RequestParts::nothing())
        .await;
    let end = RequestParts::body(json!({"request_id": request_id()})).with("device_bound_code", id);
    walk.call("endDeviceBoundCode", CITIZEN, end).await;
    let asked = RequestParts::body(json!({"request_id": request_id(), "end_earlier": true}));
    let made = walk.call("createCardCode", CITIZEN, asked).await;
    let id = made["card_code"]["card_code_id"].as_str().unwrap();
    let named = || RequestParts::nothing().with("card_code", id);
    let svg = named().with("image_format", "IMAGE_FORMAT_SVG");
    walk.call("getCardCode", CITIZEN, svg).await;
    walk.call("listCardCodes", CITIZEN, RequestParts::nothing()).await;
    let end = RequestParts::body(json!({"request_id": request_id()})).with("card_code", id);
    walk.call("endCardCode", CITIZEN, end).await;
    walk.call("listRevocations", "", RequestParts::nothing()).await;
    walk.call("getKeyList", "", RequestParts::nothing()).await;
}
