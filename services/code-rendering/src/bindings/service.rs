//! Takes in bindings, and answers whether somebody may show another's code.

mod follower;

use std::collections::BTreeMap;

use futures::FutureExt as _;
use lutong_chassis::Store;
use lutong_kernel::{DivisionCode, Fault, SubjectId};
use lutong_storage::outbox::Position;
use lutong_storage::{Database, StorageError};

use super::domain::{BindingCopy, newest};
use super::store;
use crate::homes::store as homes;

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

    /// Takes in those that are newer than the stored ones, and returns how many were.
    pub async fn apply(&self, copies: Vec<BindingCopy>) -> Result<u64, Fault> {
        let copies = newest(copies);
        let written: Result<u64, StorageError> = self
            .database
            .write(move |transaction| store::upsert_newer(transaction, copies).boxed())
            .await;
        lutong_failpoint::hit("code_rendering.bindings_committed");
        Ok(written?)
    }

    /// Takes in what a part of identity's log says.
    async fn follow(
        &self,
        copies: Vec<BindingCopy>,
        homes: BTreeMap<SubjectId, DivisionCode>,
        position: Position,
    ) -> Result<(), Fault> {
        let copies = newest(copies);
        let written: Result<(), StorageError> = self
            .database
            .write(move |transaction| {
                async move {
                    store::upsert_newer(transaction, copies).await?;
                    homes::place(transaction, &homes).await?;
                    position.advance(transaction).await
                }
                .boxed()
            })
            .await;
        lutong_failpoint::hit("code_rendering.bindings_committed");
        Ok(written?)
    }
}
