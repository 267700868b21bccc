//! Lets the clocks of cases warn and raise what is overdue. Whatever a clock does is written in one transaction with the cases that it
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
/// Cases that share a transaction: few enough that an action on one of them hardly waits.
const TOGETHER: usize = 25;

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
            self.fire_each(&found).await;
        }
        let mut after = None;
        loop {
            let found = cases::due(reader, now, after.as_ref(), CHUNK).await?;
            let Some(last) = found.last() else {
                return Ok(());
            };
            after = Some(last.clone());
            let found: Vec<_> = found.into_iter().map(|(_, number)| number).collect();
            self.fire_each(&found).await;
        }
    }

    /// Several share a transaction; where one of them fails, each has one of its own.
    async fn fire_each(&self, stored: &[String]) {
        for together in stored.chunks(TOGETHER) {
            if self.fire_together(together).await.is_err() {
                for number in together {
                    self.try_to_fire(number).await;
                }
            }
        }
    }

    async fn try_to_fire(&self, stored: &str) {
        if let Err(fault) = self.fire_together(&[stored.to_owned()]).await {
            tracing::warn!(case = stored, %fault, "the clocks of a case are looked at again with the next round");
        }
    }

    async fn fire_together(&self, stored: &[String]) -> Result<(), Fault> {
        let damaged = |_| StorageError::Damaged("complaints.tracking_number".to_owned());
        let numbers = stored.iter().map(|stored| TrackingNumber::parse(stored));
        let numbers: Vec<_> = numbers.collect::<Result<_, _>>().map_err(damaged)?;
        let (cipher, this) = (self.fields.ready().await?, self.clone());
        let fired = self.database.write(move |transaction| {
            async move {
                let mut fired = Vec::new();
                for number in numbers {
                    let entries = this.fire_in(transaction, &cipher, &number).await?;
                    fired.extend(entries.into_iter().map(|entry| (number.clone(), entry)));
                }
                Ok::<_, Fault>(fired)
            }
            .boxed()
        });
        for (number, entry) in fired.await?.into_iter().filter(|(_, entry)| entry.is_late()) {
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
