//! What auditors read and prove.

use lutong_tests::examples::{Sent, Walk};

use crate::comparing::tamper;

const AUDITOR: &str = "auditor-1";
const PURPOSE: (&str, &str) = ("purpose.code", "PURPOSE_CODE_AUDIT");

pub async fn logs(walk: &mut Walk<'_>) {
    for service in ["declaration", "identity", "riskRules"] {
        let list = Sent::nothing().with("page_size", "1").with(PURPOSE.0, PURPOSE.1);
        walk.call(&format!("{service}ListAuditRecords"), AUDITOR, list)
            .await;
        walk.call(&format!("{service}VerifyAuditLog"), AUDITOR, Sent::nothing())
            .await;
    }
}

pub async fn decisions(walk: &mut Walk<'_>, subject: &str) {
    let of_subject = Sent::nothing().with("subject_id", subject);
    let inspect = of_subject.with(PURPOSE.0, PURPOSE.1).with("page_size", "1");
    walk.call("inspectDecisions", AUDITOR, inspect).await;
    for operation in ["inspectDecision", "replayDecision"] {
        let of_decision = Sent::nothing().with("subject", subject).with("decision", "2");
        walk.call(operation, AUDITOR, of_decision.with(PURPOSE.0, PURPOSE.1))
            .await;
    }
}

/// Only a day that is over is sealed: the first decision is made one of the day before yesterday.
pub async fn sealed_day(walk: &mut Walk<'_>) {
    let two_days = 2_i64 * 86_400 * 1_000_000;
    let earliest = "SELECT MIN(evaluated_at) FROM decisions";
    let statement = format!(
        "UPDATE decisions SET evaluated_at = evaluated_at - {two_days} WHERE evaluated_at = ({earliest})"
    );
    tamper(walk.mesh, &statement).await;
    let day = lutong_tests::instants::now()
        .local_day()
        .plus_days(-2)
        .to_string();
    walk.call("verifyDay", AUDITOR, Sent::nothing().with("decision_date", day))
        .await;
}
