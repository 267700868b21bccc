//! Calls about doors: officers register them, a device reports a red code, an officer takes the report.

use lutong_tests::examples::{RequestParts, Walk};
use lutong_tests::people::request_id;
use serde_json::{Value, json};

use crate::citizens::{form, number};

const OFFICER: &str = "officer-1";
const AUDITOR: &str = "auditor-1";
const DEVICE: &str = "a device";
/// What stands for the tracking number of the case that follows the report up.
const FOLLOWED: &str = "SD20221126-2D8M5KT7";
const DOORMAN: &str = "doorman-1";
const CITIZEN: &str = "wx-contact";

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub async fn walk(walk: &mut Walk<'_>) {
    let checkpoint = checkpoint(walk).await;
    let device = device(walk, &checkpoint).await;
    let sign_in = sign_in(walk).await;
    report(walk).await;
    let end = || RequestParts::body(json!({"request_id": request_id()}));
    walk.call("endStaffSignIn", DEVICE, end().with("staff_sign_in", sign_in))
        .await;
    walk.call(
        "endCheckpointDevice",
        OFFICER,
        end().with("checkpoint_device", device),
    )
    .await;
    walk.call("endCheckpoint", OFFICER, end().with("checkpoint", checkpoint))
        .await;
    let list = RequestParts::nothing()
        .with("page_size", "1")
        .with("purpose.code", "PURPOSE_CODE_AUDIT");
    walk.call("codeRenderingListAuditRecords", AUDITOR, list).await;
    walk.call("codeRenderingVerifyAuditLog", AUDITOR, RequestParts::nothing())
        .await;
}

/// Returns its id.
async fn checkpoint(walk: &mut Walk<'_>) -> String {
    let new = json!({
        "request_id": request_id(),
        "kind": "CHECKPOINT_KIND_MALL",
        "division": "370202",
        "place_name": "台东步行街北口",
    });
    let made = walk
        .call("createCheckpoint", OFFICER, RequestParts::body(new))
        .await;
    let id = text(&made["checkpoint"]["checkpoint_id"]);
    let named = RequestParts::nothing().with("checkpoint", &id);
    walk.call("getCheckpoint", OFFICER, named).await;
    walk.call("listCheckpoints", OFFICER, RequestParts::nothing())
        .await;
    id
}

/// Signs it in, and returns its id.
async fn device(walk: &mut Walk<'_>, checkpoint: &str) -> String {
    let checkpoint = format!("checkpoints/{checkpoint}");
    let new = json!({"request_id": request_id(), "checkpoint": checkpoint, "label": "北门1号"});
    let made = walk
        .call("createCheckpointDevice", OFFICER, RequestParts::body(new))
        .await;
    let listed = RequestParts::nothing().with("checkpoint", &checkpoint);
    walk.call("listCheckpointDevices", OFFICER, listed).await;
    let credential = RequestParts::body(json!({"credential": made["credential"]}));
    let session = walk.call("createDeviceSession", "", credential).await;
    walk.use_session(DEVICE, session["token"].as_str().unwrap());
    walk.call("sendHeartbeat", DEVICE, RequestParts::body(json!({})))
        .await;
    text(&made["checkpoint_device"]["checkpoint_device_id"])
}

/// A member of the checkpoint's staff signs in at the device. Returns the id of that.
async fn sign_in(walk: &mut Walk<'_>) -> String {
    let shown = walk
        .call("createStaffSignInCode", DEVICE, RequestParts::body(json!({})))
        .await;
    let sent = json!({"request_id": request_id(), "code": shown["code"]});
    let made = walk
        .call("createStaffSignIn", DOORMAN, RequestParts::body(sent))
        .await;
    text(&made["staff_sign_in"]["staff_sign_in_id"])
}

/// Somebody who says that they met a confirmed patient is red, and comes to the door.
async fn report(walk: &mut Walk<'_>) {
    let mut form = form(&number(801));
    let contact = json!([{
        "contact_date": form["contact_history"][0]["contact_date"],
        "type": "CONTACT_TYPE_KNOWN_CASE_CONTACT",
    }]);
    form["contact_history"] = contact;
    let body = json!({"request_id": request_id(), "form": form});
    walk.call("createApplication", CITIZEN, RequestParts::body(body))
        .await;
    let is_red = |shown: &Value| shown["colour"] == "COLOUR_RED";
    let shown = walk
        .call_until("showCode", CITIZEN, RequestParts::nothing(), is_red)
        .await;
    let own = json!({"request_id": request_id(), "division": "370203"});
    walk.call("createSelfReport", CITIZEN, RequestParts::body(own))
        .await;
    let scan = json!({"request_id": request_id(), "token": shown["token"]});
    let made = walk
        .call("createDoorReport", DEVICE, RequestParts::body(scan))
        .await;
    let id = text(&made["name"]).replace("door-reports/", "");
    let named = || RequestParts::nothing().with("door_report", &id);
    walk.call("listDoorReports", OFFICER, RequestParts::nothing())
        .await;
    walk.call("getDoorReport", OFFICER, named()).await;
    let purpose = named().with("purpose.code", "PURPOSE_CODE_MANAGEMENT");
    walk.call("inspectDoorReport", OFFICER, purpose).await;
    let take = json!({"request_id": request_id()});
    walk.call("acknowledgeDoorReport", OFFICER, named().and_body(take))
        .await;
    let follow = json!({
        "request_id": request_id(),
        "follow_up": {"door_report": format!("door-reports/{id}"), "text": "请联系社区核实人员去向"},
        "purpose": {"code": "PURPOSE_CODE_MANAGEMENT"},
    });
    crate::complaints::filed(walk, "/v1/cases:follow", OFFICER, &follow, FOLLOWED).await;
    walk.call("followDoorReport", OFFICER, RequestParts::body(follow))
        .await;
    let close = json!({"request_id": request_id(), "outcome": "DOOR_REPORT_OUTCOME_TRANSFERRED"});
    walk.call("closeDoorReport", OFFICER, named().and_body(close))
        .await;
}
