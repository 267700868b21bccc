//! Calls of auditors.

use std::time::Duration;

use lutong_testing::rows;
use lutong_tests::examples::{RequestParts, Walk};

use crate::comparing::{risk_rules, tamper_risk_rules};

const AUDITOR: &str = "auditor-1";
const PURPOSE: (&str, &str) = ("purpose.code", "PURPOSE_CODE_AUDIT");

pub async fn logs(walk: &mut Walk<'_>) {
    for service in ["complaint", "declaration", "federation", "identity", "riskRules"] {
        let list = RequestParts::nothing()
            .with("page_size", "1")
            .with(PURPOSE.0, PURPOSE.1);
        walk.call(&format!("{service}ListAuditRecords"), AUDITOR, list)
            .await;
        walk.call(
            &format!("{service}VerifyAuditLog"),
            AUDITOR,
            RequestParts::nothing(),
        )
        .await;
    }
}

pub async fn decisions(walk: &mut Walk<'_>, subject: &str) {
    let of_subject = RequestParts::nothing().with("subject_id", subject);
    let inspect = of_subject.with(PURPOSE.0, PURPOSE.1).with("page_size", "1");
    walk.call("inspectDecisions", AUDITOR, inspect).await;
    for operation in ["inspectDecision", "replayDecision"] {
        let of_decision = RequestParts::nothing()
            .with("subject", subject)
            .with("decision", "2");
        walk.call(operation, AUDITOR, of_decision.with(PURPOSE.0, PURPOSE.1))
            .await;
    }
}

/// Who read the decisions, once all of it has reached identity.
pub async fn lookups(walk: &mut Walk<'_>, subject: &str, citizen: &str) {
    let storage = risk_rules(walk.mesh);
    let arrived = async {
        while rows(&storage, "lookups_to_deliver").await > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), arrived)
        .await
        .unwrap();
    let one = RequestParts::nothing().with("page_size", "1");
    walk.call("listLookups", citizen, one.clone()).await;
    let inspect = one.with("subject_id", subject).with(PURPOSE.0, PURPOSE.1);
    walk.call("inspectLookups", AUDITOR, inspect).await;
}

/// Only past days are sealed, so the first decision is moved to the day before yesterday.
pub async fn sealed_day(walk: &mut Walk<'_>) {
    let two_days = 2_i64 * 86_400 * 1_000_000;
    let earliest = "SELECT MIN(evaluated_at) FROM decisions";
    let statement = format!(
        "UPDATE decisions SET evaluated_at = evaluated_at - {two_days} WHERE evaluated_at = ({earliest})"
    );
    tamper_risk_rules(walk.mesh, &statement).await;
    let day = lutong_tests::instants::now()
        .local_day()
        .plus_days(-2)
        .to_string();
    walk.call(
        "verifyDay",
        AUDITOR,
        RequestParts::nothing().with("decision_date", day),
    )
    .await;
}
