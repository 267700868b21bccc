//! Raises accountability cases whose outcome is overdue to the divisions above. What is raised is written in one transaction with the case
//! that it has locked, so that it happens once, however many workers there are; after a downtime everything that was to happen is done at
//! once, and says that it is late.

use futures::FutureExt as _;
use lutong_kernel::Fault;
use lutong_storage::StorageError;
use sea_orm::DatabaseTransaction;

use super::accountability_cases::AccountabilityCases;
use crate::store::accountability_cases as store;

/// Cases that are read at once.
const CHUNK: u64 = 100;

impl AccountabilityCases {
    /// Goes through everything that is due. A case that cannot be read holds up no other.
    pub(super) async fn raise_overdue(&self) -> Result<(), StorageError> {
        let (reader, now) = (self.database.reader(), self.clock.now());
        let mut after = None;
        loop {
            let found = store::to_raise(reader, now, after.as_ref(), CHUNK).await?;
            let Some(last) = found.last() else {
                return Ok(());
            };
            after = Some(last.clone());
            for (_, id) in found {
                if let Err(fault) = self.raise(id).await {
                    tracing::warn!(%fault, "an accountability case is raised with the next round");
                }
            }
        }
    }

    async fn raise(&self, id: Vec<u8>) -> Result<(), Fault> {
        let this = self.clone();
        self.database
            .write(move |transaction| async move { this.raise_in(transaction, &id).await }.boxed())
            .await
    }

    async fn raise_in(&self, transaction: &DatabaseTransaction, id: &[u8]) -> Result<(), Fault> {
        let Some(case) = store::lock_if_free(transaction, id).await? else {
            return Ok(());
        };
        let raised = case.raise(self.clock.now(), &self.calendar);
        for escalation in raised.escalations.iter().skip(case.escalations.len()) {
            let (division, is_late) = (escalation.division, escalation.is_late());
            tracing::info!(case = %case.id, %division, is_late, "an accountability case is overdue");
        }
        if raised != case {
            store::save(transaction, &raised).await?;
        }
        Ok(())
    }
}
