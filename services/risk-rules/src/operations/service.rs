//! Use cases of operations: ending the work of a cancelled operation, and deleting what belongs to a deleted one.

pub mod effect;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lutong_chassis::operations::{Kind, Operation};
use lutong_storage::StorageError;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::store as operation_subjects;
use crate::history_verifications::store as history_verifications;
use crate::recomparisons::store as recomparisons;
use crate::rule_sets::store::steps as rule_sets;

/// Ends the work of a cancelled operation.
pub fn end_work(
    transaction: &DatabaseTransaction,
    operation: Operation,
) -> BoxFuture<'_, Result<(), StorageError>> {
    async move {
        let now = operation.finished_at.unwrap_or(operation.created_at);
        let target = operation.target.rsplit('/').next().and_then(|id| id.parse().ok());
        match (operation.kind, target) {
            (Kind::PreviewRuleSet, _) => rule_sets::forget_preview(transaction, &operation.target).await,
            (Kind::Recompare, Some(run)) => recomparisons::cancel(transaction, run, now).await,
            (Kind::VerifyHistory, Some(id)) => history_verifications::cancel(transaction, id, now).await,
            _ => Ok(()),
        }
    }
    .boxed()
}

/// Deletes the subjects of deleted operations.
pub fn forget_subjects(
    transaction: &DatabaseTransaction,
    operations: Vec<Uuid>,
) -> BoxFuture<'_, Result<(), StorageError>> {
    async move { operation_subjects::forget(transaction, &operations).await }.boxed()
}
