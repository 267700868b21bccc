//! Keeps conversions, and says what their origins change.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::skin::Page;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, ConversionChangeId, ConversionId, Fault, Random, Timestamp};
use lutong_storage::crypto::FieldCipher;
use lutong_storage::outbox::Outbox;
use lutong_storage::{Database, StorageError};
use sea_orm::DatabaseTransaction;
use tokio::sync::Notify;

use super::domain::{Conversion, Told};
use super::store::{self, Filter, Source, told as told_codes};
use crate::partners::domain::PartnerId;
use crate::{events, fault};

/// How long what an origin said is kept for a conversion that is being stored.
const TOLD_KEPT_SECONDS: i64 = 86_400;
/// The changes of which the longest delay is shown.
const DELAYS: u64 = 1_000;

/// Conversions; cheap to clone.
#[derive(Clone)]
pub struct Conversions {
    database: Database,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    outbox: Outbox,
    fields: FieldCipher,
    confirmed: Arc<Notify>,
}

/// How what a partner tells has come into force here.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Changes that are not in force.
    pub unconfirmed: u64,
    pub longest_delay: Duration,
}

impl Conversions {
    pub fn new(store: &Store, foundation: &Foundation, outbox: Outbox) -> Self {
        Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            outbox,
            fields: store.fields.clone(),
            confirmed: Arc::default(),
        }
    }

    pub fn new_id(&self, now: Timestamp) -> ConversionId {
        ConversionId::new(now, &*self.random)
    }

    /// Makes the keys ready with which events are sealed. Called before a transaction with [`Self::apply`]: a key that is made in it would wait for
    /// its end.
    pub async fn prepare(&self) -> Result<(), Fault> {
        self.fields.ready().await?;
        Ok(())
    }

    /// Stores a conversion. What its origin told while it was being stored, counts.
    pub async fn insert(&self, conversion: Conversion) -> Result<(), Fault> {
        let (origin, reference) = (conversion.origin, conversion.reference.clone());
        let inserted = self.database.write(move |transaction| {
            let conversion = conversion.clone();
            async move { store::insert(transaction, &conversion).await }.boxed()
        });
        inserted.await.map_err(|error: StorageError| Fault::from(error))?;
        let Some(reference) = reference else {
            return Ok(());
        };
        // After the commit: whoever takes in a batch keeps it before it looks for conversions, so that one of both sees the other's.
        let told = told_codes::find(self.database.reader(), origin, &reference).await?;
        let Some((told, source)) = told else {
            return Ok(());
        };
        self.prepare().await?;
        let this = self.clone();
        self.database
            .write(move |transaction| {
                async move { this.apply(transaction, origin, vec![told], Some(&source)).await }.boxed()
            })
            .await?;
        self.outbox.wake();
        Ok(())
    }

    /// Keeps what an origin tells, for conversions that are being stored at this moment. Committed before [`Self::apply`] reads any.
    pub async fn keep_told(&self, origin: PartnerId, told: Vec<Told>, source: Source) -> Result<(), Fault> {
        let now = self.clock.now();
        let before = now.plus_seconds(-TOLD_KEPT_SECONDS);
        let kept = self.database.write(move |transaction| {
            async move {
                told_codes::save(transaction, origin, &told, &source, now).await?;
                told_codes::forget(transaction, before).await
            }
            .boxed()
        });
        kept.await.map_err(|error: StorageError| Fault::from(error))
    }

    /// Says of the conversions of an origin's codes what it tells. Of a code that is there more than once the last counts.
    pub async fn apply(
        &self,
        transaction: &DatabaseTransaction,
        origin: PartnerId,
        told: Vec<Told>,
        source: Option<&Source>,
    ) -> Result<(), Fault> {
        let told: HashMap<&str, &Told> = told.iter().map(|one| (one.reference.as_str(), one)).collect();
        let references: Vec<&str> = told.keys().copied().collect();
        let mut changed = Vec::new();
        for some in references.chunks(500) {
            for one in store::of_references(transaction, origin, some).await? {
                let said = one.reference.as_deref().and_then(|reference| told.get(reference));
                changed.extend(said.and_then(|said| one.told(said)));
            }
        }
        self.change(transaction, changed, source).await
    }

    /// Stores how conversions stand now, and says so in the log.
    pub async fn change(
        &self,
        transaction: &DatabaseTransaction,
        changed: Vec<Conversion>,
        source: Option<&Source>,
    ) -> Result<(), Fault> {
        if changed.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let new_id = || ConversionChangeId::new(now, &*self.random);
        let changed: Vec<_> = changed.into_iter().map(|one| (new_id(), one)).collect();
        store::save_changes(transaction, &changed, source, now).await?;
        let said = changed.iter();
        let said = said.map(|(change, one)| events::conversion_changed(one, *change, now));
        let sealed = self.outbox.seal(now, said.collect()).await?;
        sealed.append(transaction).await?;
        Ok(())
    }

    /// Has the log be read, after a transaction with [`Self::apply`].
    pub fn wake(&self) {
        self.outbox.wake();
    }

    /// Changes are in force for the people concerned.
    pub async fn confirm(&self, changes: Vec<ConversionChangeId>) -> Result<(), Fault> {
        let now = self.clock.now();
        let confirmed = self.database.write(move |transaction| {
            let changes = changes.clone();
            async move {
                let waiting = store::unconfirmed_among(transaction, &changes).await?;
                store::confirm(transaction, &changes, now).await?;
                Ok(waiting)
            }
            .boxed()
        });
        let waited = confirmed
            .await
            .map_err(|error: StorageError| Fault::from(error))?;
        for (partner, changed_at) in waited {
            let waited = now.micros().saturating_sub(changed_at.micros());
            let seconds = Duration::from_micros(u64::try_from(waited).unwrap_or(0)).as_secs_f64();
            metrics::histogram!("lutong_federation_change_delay_seconds", "partner" => partner)
                .record(seconds);
        }
        self.confirmed.notify_one();
        Ok(())
    }

    /// Waits until changes came into force by a call to this process.
    pub async fn wait(&self) {
        self.confirmed.notified().await;
    }

    /// The number of the first batch of an origin with a change that is not in force.
    pub async fn first_unconfirmed(&self, origin: PartnerId) -> Result<Option<u32>, StorageError> {
        store::first_unconfirmed(self.database.reader(), origin).await
    }

    pub async fn progress(&self, origin: PartnerId) -> Result<Progress, StorageError> {
        let reader = self.database.reader();
        Ok(Progress {
            unconfirmed: store::count_unconfirmed(reader, origin).await?,
            longest_delay: store::longest_delay(reader, origin, DELAYS).await?,
        })
    }

    /// References of an origin's codes, after one, in their order.
    pub async fn references(
        &self,
        origin: PartnerId,
        after: &str,
        limit: u64,
    ) -> Result<Vec<String>, StorageError> {
        store::references(self.database.reader(), origin, after, limit).await
    }

    pub async fn find(&self, id: ConversionId) -> Result<Conversion, Fault> {
        let found = store::find(self.database.reader(), id).await?;
        found.ok_or_else(fault::conversion_not_found)
    }

    /// Conversions, the newest first, and the token of the next page.
    pub async fn list(&self, filter: Filter, page: &Page) -> Result<(Vec<Conversion>, String), Fault> {
        let found = store::list(self.database.reader(), filter, page.after_id()?, page.limit()).await?;
        page.cut(found, |last: &Conversion| last.id.uuid().as_bytes().to_vec())
    }
}
