//! What ends, and what is forgotten, with an operation of declaration: nothing. They are pulls that somebody asked for.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lutong_chassis::operations::Operation;
use lutong_storage::StorageError;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

/// A pull that nobody has begun leaves nothing behind; the source stays due as it was.
pub fn end_nothing(_: &DatabaseTransaction, _: Operation) -> BoxFuture<'_, Result<(), StorageError>> {
    std::future::ready(Ok(())).boxed()
}

/// Nothing else is kept about an operation.
pub fn forget_nothing(_: &DatabaseTransaction, _: Vec<Uuid>) -> BoxFuture<'_, Result<(), StorageError>> {
    std::future::ready(Ok(())).boxed()
}
