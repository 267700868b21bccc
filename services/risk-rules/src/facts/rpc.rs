//! Wire form of the results of appended statements.

use lutong_kernel::Violation;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::types::v1::FieldError;

use super::service::appending::{AppendResult, Outcome};

pub fn results(appended: AppendResult) -> Vec<wire::StatementResult> {
    appended.outcomes.into_iter().map(result).collect()
}

fn result(outcome: Result<Outcome, Violation>) -> wire::StatementResult {
    use wire::statement_result::Outcome as Sent;
    let outcome = match outcome {
        Ok(Outcome::Stored(id)) => Sent::FactId(id.to_string()),
        Ok(Outcome::Unchanged(id)) => Sent::UnchangedFactId(id.to_string()),
        Err(wrong) => Sent::Error(FieldError::from(wrong)),
    };
    wire::StatementResult {
        outcome: Some(outcome),
    }
}
