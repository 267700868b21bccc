//! A change of the rules: announced, previewed, approved, paused by its own limit and resumed.

use std::time::Duration;

use lutong_tests::examples::{RequestParts, Walk};
use lutong_tests::instants::now;
use lutong_tests::people::request_id;
use serde_json::{Value, json};

const AUTHOR: &str = "rule-author-1";
const APPROVER: &str = "rule-approver-1";
/// How far ahead the version that activates within the walk is announced; long enough to approve it.
const SOON_S: i64 = 10;
const DAY_S: i64 = 86_400;

/// A rule set with one rule: a visit to a fever clinic, yellow under the current rules, is red.
fn document(version: u32, ahead_s: i64) -> String {
    let from = now().plus_seconds(ahead_s).to_rfc3339();
    format!(
        r#"id = "example"
version = "{version}"
effective_from = "{from}"
legal_basis = "示例通知"

[guidance.green]
zh = "凭绿码通行。"
en = "Pass freely."

[guidance.yellow]
zh = "请居家隔离医学观察。"
en = "Stay in home isolation for medical observation."

[guidance.red]
zh = "请立即报告。"
en = "Report at once."

[[rule]]
id = "red.fever-clinic"
colour = "red"
fact = "fever_clinic_visit"
reason = {{ zh = "5天内有发热门诊就诊记录", en = "Fever-clinic record within 5 days" }}
legal_basis = "示例通知"

[rule.window]
from = ["visited_at"]
anchor = "visited_at"
days = 5
"#
    )
}

fn cases() -> String {
    let fact = json!({"id": "f1", "kind": "fever_clinic_visit", "source": "cdc-370200", "recorded_at": "2022-11-20T09:00:00+08:00",
        "attributes": {"visited_at": "2022-11-20T08:00:00+08:00"}});
    let case = json!({"name": "fever clinic", "facts": [fact], "expect": [{"at": "2022-11-21T08:00:00+08:00", "colour": "red"}]});
    json!({"format": "lutong-decision-cases/1", "rule_set": "example", "cases": [case]}).to_string()
}

async fn announced(walk: &mut Walk<'_>, version: u32, ahead_s: i64) {
    let body = json!({"request_id": request_id(), "document": document(version, ahead_s), "cases": cases(), "expected_changes": "0"});
    walk.call("announceRuleSet", AUTHOR, RequestParts::body(body))
        .await;
}

fn of_version(version: u32) -> RequestParts {
    RequestParts::nothing().with("rule_set", format!("example.{version}"))
}

fn action(version: u32) -> RequestParts {
    of_version(version).and_body(json!({"request_id": request_id()}))
}

pub async fn walk(walk: &mut Walk<'_>) {
    crate::feeds::reported_again(walk).await;
    announced(walk, 1, DAY_S).await;
    let previewed = |answer: &Value| answer["rule_set"]["preview"]["finish_time"].is_string();
    walk.call("previewRuleSet", AUTHOR, action(1)).await;
    walk.call_until("getRuleSet", AUTHOR, of_version(1), previewed)
        .await;
    walk.call(
        "listRuleSets",
        AUTHOR,
        RequestParts::nothing().with("page_size", "1"),
    )
    .await;
    walk.call("rejectRuleSet", APPROVER, action(1)).await;
    announced(walk, 2, DAY_S).await;
    walk.call("withdrawRuleSet", AUTHOR, action(2)).await;
    announced(walk, 3, SOON_S).await;
    walk.call("previewRuleSet", AUTHOR, action(3)).await;
    walk.call_until("getRuleSet", AUTHOR, of_version(3), previewed)
        .await;
    walk.call("approveRuleSet", APPROVER, action(3)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let is_paused = |answer: &Value| answer["rule_set"]["state"] == "RULE_SET_STATE_PAUSED";
    walk.call_until("getRuleSet", AUTHOR, of_version(3), is_paused)
        .await;
    let resume = json!({"request_id": request_id(), "expected_changes": "10"});
    walk.call("resumeRuleSet", APPROVER, of_version(3).and_body(resume))
        .await;
}
