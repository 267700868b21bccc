//! The hooks of the end and the expiry of an operation. An operation of declaration is a pull that an operator started; nothing else
//! is stored for it.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lutong_chassis::operations::Operation;
use lutong_storage::StorageError;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

/// A cancelled pull has not begun, so that nothing has to be undone. Its source stays due.
pub fn end_nothing(_: &DatabaseTransaction, _: Operation) -> BoxFuture<'_, Result<(), StorageError>> {
    std::future::ready(Ok(())).boxed()
}

/// Nothing else has to be deleted with an operation.
pub fn forget_nothing(_: &DatabaseTransaction, _: Vec<Uuid>) -> BoxFuture<'_, Result<(), StorageError>> {
    std::future::ready(Ok(())).boxed()
}
