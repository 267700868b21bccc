//! What ends, and what is forgotten, with an operation of risk-rules.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lutong_chassis::operations::{Kind, Operation};
use lutong_storage::StorageError;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use crate::store::{history_verifications, operation_subjects, recomparisons, rule_changes};

/// Ends the work of a cancelled operation.
pub fn end_work(
    transaction: &DatabaseTransaction,
    operation: Operation,
) -> BoxFuture<'_, Result<(), StorageError>> {
    async move {
        let now = operation.finished_at.unwrap_or(operation.created_at);
        let target = operation.target.rsplit('/').next().and_then(|id| id.parse().ok());
        match (operation.kind, target) {
            (Kind::PreviewRuleSet, _) => rule_changes::forget_preview(transaction, &operation.target).await,
            (Kind::Recompare, Some(run)) => recomparisons::cancel(transaction, run, now).await,
            (Kind::VerifyHistory, Some(check)) => {
                history_verifications::cancel(transaction, check, now).await
            }
            _ => Ok(()),
        }
    }
    .boxed()
}

/// Forgets whom operations were to bring into force.
pub fn forget_subjects(
    transaction: &DatabaseTransaction,
    operations: Vec<Uuid>,
) -> BoxFuture<'_, Result<(), StorageError>> {
    async move { operation_subjects::forget(transaction, &operations).await }.boxed()
}
