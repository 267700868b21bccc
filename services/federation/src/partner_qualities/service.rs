//! Counts what happens with partners: in memory, noted in the database every few seconds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::skin::Page;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault, Timestamp};
use lutong_operating::pause::pause;
use lutong_storage::{Database, StorageError};
use tokio_util::sync::CancellationToken;

use super::domain::{Counts, Delays, Happened, Observed, begins, forgotten_before, hour};
use super::store;
use crate::conversions::store as conversions;
use crate::fault;
use crate::partners::domain::PartnerId;
use crate::partners::service::after;
use crate::trust_lists::service::current::CurrentTrust;

/// How often counts are noted.
const NOTE_EVERY: Duration = Duration::from_secs(5);
/// Changes of which delays are shown.
const DELAYS: u64 = 10_000;

/// Counts of all partners; cheap to clone, all clones share them.
#[derive(Clone)]
pub struct PartnerQualities {
    database: Database,
    clock: Arc<dyn Clock>,
    current: CurrentTrust,
    observed: Arc<Mutex<HashMap<PartnerId, Observed>>>,
}

/// The numbers of a partner.
#[derive(Debug, Clone)]
pub struct Quality {
    pub partner: PartnerId,
    pub since: Timestamp,
    pub counts: Counts,
    pub away_since: Option<Timestamp>,
    pub changes: u64,
    pub unconfirmed: u64,
    pub delays: Delays,
}

impl PartnerQualities {
    pub fn new(store: &Store, foundation: &Foundation, current: CurrentTrust) -> Self {
        Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            current,
            observed: Arc::default(),
        }
    }

    /// Counts something that happened with a partner.
    pub fn note(&self, partner: PartnerId, happened: Happened) {
        let (name, labels) = metric(happened);
        metrics::counter!(name, "partner" => partner.to_string(), "outcome" => labels).increment(1);
        let now = self.clock.now();
        let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        observed.entry(partner).or_default().note(happened, now);
    }

    /// Takes what was counted since it was taken last.
    fn take(&self) -> Vec<(PartnerId, Counts)> {
        let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = observed
            .iter_mut()
            .map(|(partner, one)| (*partner, std::mem::take(&mut one.counts)));
        taken.filter(|(_, counts)| *counts != Counts::default()).collect()
    }

    /// Puts back what could not be noted.
    fn put_back(&self, taken: &[(PartnerId, Counts)]) {
        let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        for (partner, counts) in taken {
            observed.entry(*partner).or_default().counts.add(counts);
        }
    }

    /// Notes what was counted.
    async fn write(&self) -> Result<(), StorageError> {
        let taken = self.take();
        if taken.is_empty() {
            return Ok(());
        }
        let (now, counted) = (self.clock.now(), taken.clone());
        let written: Result<(), StorageError> = self
            .database
            .write(move |transaction| {
                let counted = counted.clone();
                async move {
                    for (partner, counts) in &counted {
                        store::add(transaction, (*partner, hour(now)), counts).await?;
                    }
                    store::forget(transaction, forgotten_before(now)).await
                }
                .boxed()
            })
            .await;
        if written.is_err() {
            self.put_back(&taken);
        }
        written
    }

    /// Notes what is counted, until the process stops.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let stops = pause(NOTE_EVERY, &stop).await;
            if let Err(error) = self.write().await {
                tracing::warn!(%error, "what was counted of partners could not be noted; the next round does");
            }
            if stops {
                return;
            }
        }
    }

    /// The numbers of a partner of the last hours.
    pub async fn find(&self, partner: PartnerId, hours: i64) -> Result<Quality, Fault> {
        let known = self.current.partner_in(self.database.reader(), partner).await?;
        known.ok_or_else(fault::partner_not_found)?;
        self.write().await?;
        self.of(partner, hours).await
    }

    async fn of(&self, partner: PartnerId, hours: i64) -> Result<Quality, Fault> {
        let from = hour(self.clock.now()) - hours + 1;
        let (since, reader) = (begins(from), self.database.reader());
        let delays = store::delays(reader, partner, since, DELAYS).await?;
        let away_since = {
            let observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
            observed.get(&partner).and_then(|one| one.away_since)
        };
        Ok(Quality {
            partner,
            since,
            counts: store::sum(reader, partner, from).await?,
            away_since,
            changes: delays.len() as u64,
            unconfirmed: conversions::count_unconfirmed(reader, partner).await?,
            delays: Delays::of(delays),
        })
    }

    /// The numbers of partners, in their order, and the token of the next page.
    pub async fn list(&self, hours: i64, page: &Page) -> Result<(Vec<Quality>, String), Fault> {
        let after = after(page)?;
        self.write().await?;
        let known = self.current.partners().await?.into_iter().map(|one| one.id);
        let most = usize::try_from(page.limit()).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        for id in known
            .filter(|id| after.is_none_or(|after| after < *id))
            .take(most)
        {
            found.push(self.of(id, hours).await?);
        }
        page.cut(found, |last: &Quality| last.partner.to_string().into_bytes())
    }
}

/// The metric of something that happened, and its outcome.
fn metric(happened: Happened) -> (&'static str, &'static str) {
    const CALLS: &str = "lutong_federation_partner_calls_total";
    const MESSAGES: &str = "lutong_federation_partner_messages_total";
    match happened {
        Happened::Called(Ok(())) => (CALLS, "ANSWERED"),
        Happened::Called(Err(why)) => (CALLS, why.into_str()),
        Happened::AcceptedMessage => (MESSAGES, "ACCEPTED"),
        Happened::RefusedMessage => (MESSAGES, "REFUSED"),
        Happened::RefusedCode => ("lutong_federation_partner_codes_refused_total", "REFUSED"),
    }
}
