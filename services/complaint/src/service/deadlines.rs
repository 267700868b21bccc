//! Lets the clocks of cases warn and raise what is overdue. Whatever a clock does is written in one transaction with the case that it
//! has locked, so that it is done once, however many workers there are and whenever one stops. After a time without a worker everything
//! that is due is done at once, and its log says that it is late.

use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::pause;
use lutong_kernel::Fault;
use lutong_storage::StorageError;
use lutong_storage::crypto::ReadyCipher;
use sea_orm::DatabaseTransaction;
use tokio_util::sync::CancellationToken;

use super::Complaints;
use super::steps::fire;
use crate::domain::log::LogEntry;
use crate::domain::tracking::TrackingNumber;
use crate::store::cases;

/// The interval at which a worker looks for what is due.
const POLL: Duration = Duration::from_secs(1);
/// Cases that are read at once.
const CHUNK: u64 = 100;

impl Complaints {
    /// Lets clocks do what is due, until `stop`.
    pub async fn keep_deadlines(self, stop: CancellationToken) {
        loop {
            let done = tokio::select! {
                done = self.do_due() => done,
                () = stop.cancelled() => return,
            };
            if let Err(error) = done {
                tracing::warn!(%error, "deadlines are looked at again with the next round");
            }
            if pause(POLL, &stop).await {
                return;
            }
        }
    }

    async fn do_due(&self) -> Result<(), StorageError> {
        self.fire_all().await?;
        self.expire_questions().await?;
        self.move_reliefs().await?;
        self.drop_uploads().await?;
        self.delete_files().await
    }

    /// Goes through everything that is due. A case that cannot be read holds up no other.
    async fn fire_all(&self) -> Result<(), StorageError> {
        let (reader, now) = (self.database.reader(), self.clock.now());
        let mut after = String::new();
        loop {
            let found = cases::without_clocks(reader, &after, CHUNK).await?;
            let Some(last) = found.last() else { break };
            after.clone_from(last);
            for number in &found {
                self.try_to_fire(number).await;
            }
        }
        let mut after = None;
        loop {
            let found = cases::due(reader, now, after.as_ref(), CHUNK).await?;
            let Some(last) = found.last() else {
                return Ok(());
            };
            after = Some(last.clone());
            for (_, number) in &found {
                self.try_to_fire(number).await;
            }
        }
    }

    async fn try_to_fire(&self, stored: &str) {
        let fired = match TrackingNumber::parse(stored) {
            Ok(number) => self.fire_one(&number).await,
            Err(_) => Err(StorageError::Damaged("complaints.tracking_number".to_owned()).into()),
        };
        if let Err(fault) = fired {
            tracing::warn!(case = stored, %fault, "the clocks of a case are looked at again with the next round");
        }
    }

    async fn fire_one(&self, number: &TrackingNumber) -> Result<(), Fault> {
        let cipher = self.fields.ready().await?;
        let (this, of) = (self.clone(), number.clone());
        let fired = self
            .database
            .write(move |transaction| async move { this.fire_in(transaction, &cipher, &of).await }.boxed());
        let fired = fired.await?;
        for entry in fired.iter().filter(|entry| entry.is_late()) {
            let happening = entry.happening.as_str();
            tracing::warn!(case = %number, happening, "a clock fired late");
        }
        Ok(())
    }

    async fn fire_in(
        &self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        number: &TrackingNumber,
    ) -> Result<Vec<LogEntry>, Fault> {
        let Some(mut complaint) = cases::lock_if_free(transaction, cipher, number).await? else {
            return Ok(Vec::new());
        };
        let before = complaint.case.clone();
        let mut entries = self.adopt(&mut complaint);
        entries.extend(fire(&mut complaint.case, self.clock.now()));
        // A clock may come to its end without anything to say.
        if complaint.case != before {
            cases::save(transaction, cipher, number, &complaint.case, &entries).await?;
        }
        Ok(entries)
    }
}
