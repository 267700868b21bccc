//! Seals of days: each local day is sealed after its end and can be verified later.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::pause;
use lutong_kernel::{Clock, Fault, LocalDay, Timestamp};
use lutong_storage::{Database, StorageError};
use tokio_util::sync::CancellationToken;

use crate::decisions::store as decisions;
use crate::fault;
use crate::history::domain::{BEGINNING, ChainKeys, DayDigest};
use crate::history::store::{self as day_seals, DaySeal};

/// Time between the end of a day and its seal, for decisions that are still being committed.
const GRACE: Duration = Duration::from_secs(600);
/// Interval between two checks whether a day has to be sealed.
const INTERVAL: Duration = Duration::from_secs(5);
/// Number of decisions in one query.
const PAGE: u64 = 5_000;

/// The result of verifying a sealed day.
#[derive(Debug)]
pub struct DayCheck {
    pub seal: DaySeal,
    /// Number of decisions found.
    pub found: i64,
    pub broken_buckets: Vec<u8>,
    /// Whether the root follows from the digest of the day and the previous root, and the key of the service proves it.
    pub proven: bool,
}

impl DayCheck {
    pub fn is_intact(&self) -> bool {
        self.proven && self.broken_buckets.is_empty()
    }
}

/// Seals and verifies days. Cheap to clone.
#[derive(Clone)]
pub struct Days {
    database: Database,
    clock: Arc<dyn Clock>,
    chain: ChainKeys,
}

impl Days {
    pub const fn new(database: Database, clock: Arc<dyn Clock>, chain: ChainKeys) -> Self {
        Self {
            database,
            clock,
            chain,
        }
    }

    /// Computes the digest of a day again and compares it with the seal.
    pub async fn verify(&self, day: LocalDay) -> Result<DayCheck, Fault> {
        let reader = self.database.reader();
        let seal = day_seals::find(reader, day)
            .await?
            .ok_or_else(fault::decisions::day_not_sealed)?;
        let previous = day_seals::find(reader, day.plus_days(-1)).await?;
        let previous = previous.map_or(BEGINNING, |seal| seal.root);
        let digest = self.digest(day).await?;
        let proof = self.chain.proof(&seal.root);
        Ok(DayCheck {
            found: digest.decisions(),
            broken_buckets: digest.differing(&seal.digest),
            proven: seal.digest.root(day, &previous) == seal.root && proof[..] == seal.proof[..],
            seal,
        })
    }

    async fn digest(&self, day: LocalDay) -> Result<DayDigest, StorageError> {
        let (mut digest, mut after) = (DayDigest::default(), None);
        loop {
            let bounds = (day.start(), day.end());
            after = decisions::add_day_page(self.database.reader(), bounds, after, PAGE, &mut digest).await?;
            if after.is_none() {
                return Ok(digest);
            }
        }
    }

    /// Seals the next day that is over; `false` if there is none.
    async fn seal_next(&self) -> Result<bool, Fault> {
        let reader = self.database.reader();
        let last = day_seals::last(reader).await?;
        let next = match &last {
            Some(seal) => Some(seal.day.plus_days(1)),
            None => decisions::first(reader).await?.map(Timestamp::local_day),
        };
        let now = self.clock.now();
        let Some(day) = next.filter(|day| now >= day.end().plus(GRACE)) else {
            return Ok(false);
        };
        let digest = self.digest(day).await?;
        let root = digest.root(day, &last.map_or(BEGINNING, |seal| seal.root));
        let seal = DaySeal {
            day,
            sealed_at: now,
            proof: self.chain.proof(&root).to_vec(),
            digest,
            root,
        };
        let decisions = seal.digest.decisions();
        let sealed: Result<(), StorageError> = self
            .database
            .write(move |transaction| async move { day_seals::insert(transaction, &seal).await }.boxed())
            .await;
        sealed?;
        tracing::info!(%day, decisions, "a day's decisions are sealed");
        Ok(true)
    }

    /// Seals each day after its end, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            match self.seal_next().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(fault) => tracing::warn!(%fault, "a day could not be sealed; it is tried again"),
            }
            if pause(INTERVAL, &stop).await {
                return;
            }
        }
    }
}
