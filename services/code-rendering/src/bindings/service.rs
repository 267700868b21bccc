//! Takes in bindings, and answers whether somebody may show another's code.

mod follower;

use futures::FutureExt as _;
use lutong_chassis::Store;
use lutong_kernel::{Fault, SubjectId};
use lutong_storage::outbox::Position;
use lutong_storage::{Database, StorageError};

use super::domain::{BindingCopy, newest};
use super::store;

pub use self::follower::BindingFollower;

/// The copy of identity's bindings; cheap to clone.
#[derive(Clone)]
pub struct Bindings {
    database: Database,
}

impl Bindings {
    pub fn new(store: &Store) -> Self {
        Self {
            database: store.database.clone(),
        }
    }

    /// Whether a binding of these two is active. It is read from the database at every call: a copy in memory could be older than an
    /// acknowledged unbinding.
    pub async fn is_bound(&self, binder: SubjectId, ward: SubjectId) -> Result<bool, Fault> {
        Ok(store::is_active(self.database.reader(), binder, ward).await?)
    }

    /// Takes in those that are newer than the stored ones, and returns how many were. The `position` of a follower is stored in the
    /// same transaction.
    pub async fn apply(&self, copies: Vec<BindingCopy>, position: Option<Position>) -> Result<u64, Fault> {
        let copies = newest(copies);
        let written: Result<u64, StorageError> = self
            .database
            .write(move |transaction| {
                async move {
                    let written = store::upsert_newer(transaction, copies).await?;
                    if let Some(position) = position {
                        position.advance(transaction).await?;
                    }
                    Ok(written)
                }
                .boxed()
            })
            .await;
        lutong_failpoint::hit("code_rendering.bindings_committed");
        Ok(written?)
    }
}
