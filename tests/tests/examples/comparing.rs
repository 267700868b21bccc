//! Work that goes on by itself: comparisons and checks of history.

use lutong_kernel::Secret;
use lutong_storage::StorageConfig;
use lutong_testing::meddle;
use lutong_tests::examples::{Sent, Walk};
use lutong_tests::mesh::Mesh;
use lutong_tests::people::request_id;
use serde_json::{Value, json};

const OPERATOR: &str = "operator-1";
const AUDITOR: &str = "auditor-1";

/// Changes what risk-rules stores behind its back.
pub async fn tamper(mesh: &Mesh, statement: &str) {
    let storage = StorageConfig {
        url: Secret::new(mesh.storage["risk-rules"].clone()),
        ..StorageConfig::default()
    };
    meddle(&storage, statement).await;
}

/// A subject as the engine writes it.
fn literal(mesh: &Mesh, subject: &str) -> String {
    let hex = subject.replace('-', "");
    if mesh.storage["risk-rules"].starts_with("sqlite") {
        format!("x'{hex}'")
    } else {
        format!("'\\x{hex}'::bytea")
    }
}

/// Waits for the end of `operations/{operation}`.
pub async fn ended(walk: &mut Walk<'_>, account: &str, name: &str) -> Value {
    let get = Sent::nothing().with("operation", name.trim_start_matches("operations/"));
    let is_ended = |answer: &Value| answer["operation"]["finish_time"].is_string();
    walk.call_until("riskRulesGetOperation", account, get, is_ended)
        .await
}

fn last<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap()
}

pub async fn walk(walk: &mut Walk<'_>, subject: &str) {
    let subject = literal(walk.mesh, subject);
    tamper(
        walk.mesh,
        &format!("UPDATE subjects SET colour = 10, rules = 1 WHERE subject_id = {subject}"),
    )
    .await;
    let body = || Sent::body(json!({"request_id": request_id()}));
    let begun = walk.call("startRecomparison", OPERATOR, body()).await;
    ended(walk, OPERATOR, last(&begun, "operation")).await;
    let id = last(&begun["recomparison"], "recomparison_id").to_owned();
    let of_run = || Sent::nothing().with("recomparison", &id);
    walk.call("getRecomparison", OPERATOR, of_run()).await;
    walk.call(
        "listRecomparisons",
        OPERATOR,
        Sent::nothing().with("page_size", "1"),
    )
    .await;
    let findings = of_run().with("purpose.code", "PURPOSE_CODE_OPERATION");
    walk.call("inspectRecomparisonFindings", AUDITOR, findings).await;
    walk.call(
        "riskRulesListOperations",
        OPERATOR,
        Sent::nothing().with("page_size", "1"),
    )
    .await;
    check_of_history(walk).await;
    cancelled(walk, &begun).await;
}

async fn check_of_history(walk: &mut Walk<'_>) {
    let body = json!({"request_id": request_id(), "purpose": {"code": "PURPOSE_CODE_AUDIT"}});
    let begun = walk
        .call("startHistoryVerification", AUDITOR, Sent::body(body))
        .await;
    ended(walk, AUDITOR, last(&begun, "operation")).await;
    let id = last(&begun["history_verification"], "history_verification_id");
    let of_check = Sent::nothing().with("history_verification", id);
    walk.call("getHistoryVerification", AUDITOR, of_check).await;
    walk.call("listHistoryVerifications", AUDITOR, Sent::nothing())
        .await;
}

/// A run is cancelled of which a quarter is done while a worker still holds the other parts.
async fn cancelled(walk: &mut Walk<'_>, begun: &Value) {
    let run = last(&begun["recomparison"], "name");
    for statement in [
        "UPDATE recomparison_parts SET done_at = NULL, lease_until = 9000000000000000 WHERE part >= 4"
            .to_owned(),
        "UPDATE recomparisons SET finished_at = NULL".to_owned(),
        format!(
            "UPDATE operations SET state = 'RUNNING', finished_at = NULL, done = 4 WHERE target = '{run}'"
        ),
    ] {
        tamper(walk.mesh, &statement).await;
    }
    let operation = last(begun, "operation").trim_start_matches("operations/");
    let cancel = Sent::nothing().with("operation", operation);
    let cancel = cancel.and_body(json!({"request_id": request_id()}));
    walk.call("riskRulesCancelOperation", OPERATOR, cancel).await;
}
