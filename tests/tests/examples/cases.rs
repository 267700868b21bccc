//! Actions that take two members of staff, and corrections by one.

use std::io::Write as _;

use lutong_tests::examples::{RequestParts, Walk};
use lutong_tests::instants::now;
use lutong_tests::people::request_id;
use serde_json::{Value, json};

use crate::citizens::{applied, document, number};

const OFFICER: &str = "officer-1";
const SECOND_OFFICER: &str = "officer-2";
const SUPERVISOR: &str = "supervisor-1";
const SECOND_SUPERVISOR: &str = "supervisor-2";

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// An action without arguments.
fn action() -> Value {
    json!({"request_id": request_id()})
}

/// An action that concerns other people, with its purpose.
fn action_for(purpose: &str) -> Value {
    json!({"request_id": request_id(), "purpose": {"code": purpose}})
}

pub async fn merges(walk: &mut Walk<'_>) {
    let (one, two) = (number(2), number(3));
    applied(walk, "wx-3", &one).await;
    applied(walk, "wx-4", &two).await;
    let mut create = action_for("PURPOSE_CODE_DATA_CORRECTION");
    create["subject"] = json!({"document": document(&one)});
    create["into"] = json!({"document": document(&two)});
    create["reason"] = json!("同一人的两本证件");
    let created = walk
        .call("createMerge", SUPERVISOR, RequestParts::body(create))
        .await;
    let id = text(&created["merge"]["merge_id"]);
    let correction = RequestParts::nothing().with("purpose.code", "PURPOSE_CODE_DATA_CORRECTION");
    let get = correction.clone().with("merge", &id);
    walk.call("getMerge", SUPERVISOR, get).await;
    walk.call("listMerges", SUPERVISOR, correction).await;
    let mut undo = action_for("PURPOSE_CODE_DATA_CORRECTION");
    undo["reason"] = json!("证件登记有误");
    walk.call(
        "undoMerge",
        SUPERVISOR,
        RequestParts::nothing().with("merge", &id).and_body(undo),
    )
    .await;
}

/// Proposes a key area; returns its id.
async fn key_area(walk: &mut Walk<'_>) -> String {
    let mut propose = action();
    propose["division"] = json!("370202");
    propose["start_time"] = json!(now().to_rfc3339());
    propose["end_time"] = json!(now().plus_seconds(7 * 86_400).to_rfc3339());
    propose["legal_basis"] = json!("LEGAL_BASIS_CODE_PICL_43");
    let proposed = walk
        .call("proposeKeyArea", OFFICER, RequestParts::body(propose))
        .await;
    text(&proposed["key_area"]["key_area_id"])
}

pub async fn key_areas(walk: &mut Walk<'_>) {
    let id = key_area(walk).await;
    let of = |id: &str| RequestParts::nothing().with("key_area", id);
    walk.call("getKeyArea", OFFICER, of(&id)).await;
    walk.call("listKeyAreas", OFFICER, RequestParts::nothing()).await;
    walk.call("approveKeyArea", SECOND_OFFICER, of(&id).and_body(action()))
        .await;
    walk.call("endKeyArea", SECOND_OFFICER, of(&id).and_body(action()))
        .await;
    let id = key_area(walk).await;
    walk.call("rejectKeyArea", SECOND_OFFICER, of(&id).and_body(action()))
        .await;
    let id = key_area(walk).await;
    walk.call("withdrawKeyArea", OFFICER, of(&id).and_body(action()))
        .await;
}

/// A notice of two communities, one of which an officer must place.
fn notice() -> String {
    let row = json!({"province": "山东省", "city": "青岛市", "county": "市南区", "communitys": ["海景小区", "全域"]});
    json!({"data": {"end_update_time": "2022-11-26 12时", "hcount": 2, "mcount": 0, "lcount": 0,
        "highlist": [row], "middlelist": [], "lowlist": []}})
    .to_string()
}

pub async fn risk_areas(walk: &mut Walk<'_>) {
    let mut file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    file.write_all(notice().as_bytes()).unwrap();
    let path = file.path().display().to_string();
    let imported = walk
        .mesh
        .command(&["areas", "import", &path, "--account", "epidemiologist-1"]);
    assert!(
        imported.status.success(),
        "{}",
        String::from_utf8_lossy(&imported.stderr)
    );
    let listed = walk
        .call(
            "listAreas",
            OFFICER,
            RequestParts::nothing().with("division", "370202"),
        )
        .await;
    let area = text(&listed["areas"][0]["area_id"]);
    walk.call("getArea", OFFICER, RequestParts::nothing().with("area", area))
        .await;
    let waiting = RequestParts::nothing().with("state", "UNPLACED_AREA_STATE_WAITING");
    let listed = walk.call("listUnplacedAreas", OFFICER, waiting).await;
    let id = text(&listed["unplaced_areas"][0]["unplaced_area_id"]);
    let of_row = || RequestParts::nothing().with("unplaced_area", &id);
    walk.call("getUnplacedArea", OFFICER, of_row()).await;
    let mut place = action();
    place["division"] = json!("370202");
    place["community"] = json!("滨海小区");
    walk.call("placeUnplacedArea", OFFICER, of_row().and_body(place))
        .await;
}

async fn designation(walk: &mut Walk<'_>, subject: &str) -> String {
    let mut propose = action_for("PURPOSE_CODE_MANAGEMENT");
    propose["subject_id"] = json!(subject);
    propose["level"] = json!("DESIGNATION_LEVEL_MEDIUM");
    propose["start_time"] = json!(now().to_rfc3339());
    propose["end_time"] = json!(now().plus_seconds(14 * 86_400).to_rfc3339());
    propose["legal_basis"] = json!("LEGAL_BASIS_CODE_PICL_42");
    // Identity publishes a person's division within a second of the declaration.
    let proposed = walk
        .call("proposeDesignation", OFFICER, RequestParts::body(propose))
        .await;
    text(&proposed["designation"]["designation_id"])
}

pub async fn designations(walk: &mut Walk<'_>, subject: &str) {
    let action = || action_for("PURPOSE_CODE_MANAGEMENT");
    let of = |id: &str| RequestParts::nothing().with("designation", id);
    let id = designation(walk, subject).await;
    let management = of(&id).with("purpose.code", "PURPOSE_CODE_MANAGEMENT");
    walk.call("getDesignation", OFFICER, management).await;
    let waiting = RequestParts::nothing()
        .with("state", "DESIGNATION_STATE_PROPOSED")
        .with("purpose.code", "PURPOSE_CODE_MANAGEMENT");
    walk.call("listDesignations", SECOND_OFFICER, waiting).await;
    walk.call("approveDesignation", SECOND_OFFICER, of(&id).and_body(action()))
        .await;
    walk.call("countDesignations", "", RequestParts::nothing()).await;
    walk.call("endDesignation", SECOND_OFFICER, of(&id).and_body(action()))
        .await;
    let id = designation(walk, subject).await;
    walk.call("rejectDesignation", SECOND_OFFICER, of(&id).and_body(action()))
        .await;
    let id = designation(walk, subject).await;
    walk.call("withdrawDesignation", OFFICER, of(&id).and_body(action()))
        .await;
}

async fn rollback(walk: &mut Walk<'_>) -> String {
    let mut propose = action_for("PURPOSE_CODE_DATA_CORRECTION");
    propose["source"] = json!("cdc-370200");
    propose["start_time"] = json!(now().plus_seconds(-600).to_rfc3339());
    propose["end_time"] = json!(now().plus_seconds(86_400).to_rfc3339());
    propose["reason"] = json!("导出有误");
    let proposed = walk
        .call("proposeRollback", SUPERVISOR, RequestParts::body(propose))
        .await;
    text(&proposed["rollback"]["rollback_id"])
}

pub async fn rollbacks(walk: &mut Walk<'_>) {
    let action = || action_for("PURPOSE_CODE_DATA_CORRECTION");
    let of = |id: &str| RequestParts::nothing().with("rollback", id);
    let id = rollback(walk).await;
    walk.call("getRollback", SUPERVISOR, of(&id)).await;
    walk.call("listRollbacks", SUPERVISOR, RequestParts::nothing())
        .await;
    walk.call("rejectRollback", SECOND_SUPERVISOR, of(&id).and_body(action()))
        .await;
    let id = rollback(walk).await;
    walk.call("withdrawRollback", SUPERVISOR, of(&id).and_body(action()))
        .await;
    let id = rollback(walk).await;
    let approved = walk
        .call("approveRollback", SECOND_SUPERVISOR, of(&id).and_body(action()))
        .await;
    let operation = text(&approved["effect"]["operation"]);
    crate::comparing::ended(walk, SECOND_SUPERVISOR, &operation).await;
}
