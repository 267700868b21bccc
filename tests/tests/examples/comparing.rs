//! Long-running operations: re-comparisons and verifications of history.

use lutong_kernel::Secret;
use lutong_storage::StorageConfig;
use lutong_testing::tamper;
use lutong_tests::examples::{RequestParts, Walk};
use lutong_tests::mesh::Mesh;
use lutong_tests::people::request_id;
use serde_json::{Value, json};

const OPERATOR: &str = "operator-1";
const AUDITOR: &str = "auditor-1";

/// Changes risk-rules' database directly, bypassing the service.
pub async fn tamper_risk_rules(mesh: &Mesh, statement: &str) {
    tamper(&risk_rules(mesh), statement).await;
}

/// Where risk-rules keeps its data.
pub fn risk_rules(mesh: &Mesh) -> StorageConfig {
    StorageConfig {
        url: Secret::new(mesh.storage["risk-rules"].clone()),
        ..StorageConfig::default()
    }
}

/// A subject as an SQL literal of the engine.
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
    let get = RequestParts::nothing().with("operation", name.trim_start_matches("operations/"));
    let is_ended = |answer: &Value| answer["operation"]["finish_time"].is_string();
    walk.call_until("riskRulesGetOperation", account, get, is_ended)
        .await
}

fn last<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap()
}

/// Runs over everyone before the examples, so that there are two runs also before the hour of the day's own.
async fn earlier_run(walk: &mut Walk<'_>) {
    let gateway = &walk.mesh.gateway;
    let session = gateway.session(OPERATOR).await;
    let body = json!({"request_id": request_id()});
    let begun = gateway.call(
        http::Method::POST,
        "/v1/recomparisons",
        Some(&session),
        Some(body),
    );
    let begun = begun.await.unwrap().expect();
    ended(walk, OPERATOR, last(&begun, "operation")).await;
}

pub async fn walk(walk: &mut Walk<'_>, subject: &str) {
    earlier_run(walk).await;
    let subject = literal(walk.mesh, subject);
    tamper_risk_rules(
        walk.mesh,
        &format!("UPDATE subjects SET colour = 10, rules = 1 WHERE subject_id = {subject}"),
    )
    .await;
    let body = || RequestParts::body(json!({"request_id": request_id()}));
    let begun = walk.call("startRecomparison", OPERATOR, body()).await;
    ended(walk, OPERATOR, last(&begun, "operation")).await;
    let id = last(&begun["recomparison"], "recomparison_id").to_owned();
    let of_run = || RequestParts::nothing().with("recomparison", &id);
    walk.call("getRecomparison", OPERATOR, of_run()).await;
    walk.call(
        "listRecomparisons",
        OPERATOR,
        RequestParts::nothing().with("page_size", "1"),
    )
    .await;
    let findings = of_run().with("purpose.code", "PURPOSE_CODE_OPERATION");
    walk.call("inspectRecomparisonFindings", AUDITOR, findings).await;
    walk.call(
        "riskRulesListOperations",
        OPERATOR,
        RequestParts::nothing().with("page_size", "1"),
    )
    .await;
    check_of_history(walk).await;
    cancelled(walk, &begun).await;
}

async fn check_of_history(walk: &mut Walk<'_>) {
    let body = json!({"request_id": request_id(), "purpose": {"code": "PURPOSE_CODE_AUDIT"}});
    let begun = walk
        .call("startHistoryVerification", AUDITOR, RequestParts::body(body))
        .await;
    ended(walk, AUDITOR, last(&begun, "operation")).await;
    let id = last(&begun["history_verification"], "history_verification_id");
    let of_check = RequestParts::nothing().with("history_verification", id);
    walk.call("getHistoryVerification", AUDITOR, of_check).await;
    walk.call("listHistoryVerifications", AUDITOR, RequestParts::nothing())
        .await;
}

/// Cancels a run with a quarter done, while a worker still holds the leases of the other parts.
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
        tamper_risk_rules(walk.mesh, &statement).await;
    }
    let operation = last(begun, "operation").trim_start_matches("operations/");
    let cancel = RequestParts::nothing().with("operation", operation);
    let cancel = cancel.and_body(json!({"request_id": request_id()}));
    walk.call("riskRulesCancelOperation", OPERATOR, cancel).await;
}
