//! Cuts batches: what partners are to be told, as it stands now, signed and chained.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault, SubjectId, Timestamp};
use lutong_proto::federation::v1 as wire;
use lutong_proto::time::instant;
use lutong_storage::crypto::keyed_hash;
use lutong_storage::{Database, StorageError, advisory};
use lutong_token::{BatchHeader, BatchTag, SigningKey, VerifyingKey, body_digest};
use prost::Message as _;
use tokio_util::sync::CancellationToken;

use super::store::{self, StoredBatch};
use crate::colour_maps::domain::RecognitionOutcome;
use crate::followed_codes::domain::ChangedCode;
use crate::followed_codes::service::FollowedCodes;
use crate::followed_codes::store as followed_codes;
use crate::outcomes::outcome;
use crate::partners::domain::PartnerId;
use crate::peers::Peers;
use crate::trust_lists::service::current::CurrentTrust;

/// Changes of a batch.
const MAX_CHANGES: u64 = 1_000;
/// How often it is looked for changes that another replica noted, or that could not be told.
const CUT_EVERY: Duration = Duration::from_secs(1);
/// How long batches are kept.
const KEPT_SECONDS: i64 = 7 * 86_400;
/// The advisory lock of all chains: batches are cut one after the other.
const CUT_LOCK: i64 = 0x6c74_6261_7463_6873;

/// Batches for partners; cheap to clone.
#[derive(Clone)]
pub struct Batches {
    database: Database,
    clock: Arc<dyn Clock>,
    current: CurrentTrust,
    followed: FollowedCodes,
    peers: Peers,
    key: Arc<SigningKey>,
    /// The partners for which a batch was cut.
    cut: Arc<tokio::sync::Notify>,
}

impl Batches {
    /// The key of our batches is derived from a key that is never rotated.
    pub fn new(
        (store, foundation): (&Store, &Foundation),
        current: CurrentTrust,
        followed: FollowedCodes,
        peers: Peers,
    ) -> Self {
        let seed = keyed_hash(&store.index_key, b"lutong-federation-batches/1");
        Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            current,
            followed,
            peers,
            key: Arc::new(SigningKey::from_seed(&seed)),
            cut: Arc::default(),
        }
    }

    /// The key that signs our batches.
    pub fn key(&self) -> &VerifyingKey {
        self.key.verifying_key()
    }

    /// Waits until a batch was cut in this process.
    pub async fn wait(&self) {
        self.cut.notified().await;
    }

    /// Cuts batches as changes come, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut swept_at = Timestamp::MIN;
        loop {
            for partner in self.partners() {
                if let Err(fault) = self.cut_all(partner).await {
                    tracing::info!(%partner, %fault, "no batch was cut; the next round tries again");
                }
            }
            let now = self.clock.now();
            if swept_at.plus(Duration::from_secs(3_600)) <= now {
                swept_at = now;
                if let Err(error) = self.sweep(now).await {
                    tracing::warn!(%error, "old batches were not deleted; the next hour tries again");
                }
            }
            tokio::select! {
                () = self.followed.wait() => {}
                () = tokio::time::sleep(CUT_EVERY) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    fn partners(&self) -> Vec<PartnerId> {
        self.current.get().list.partners.keys().copied().collect()
    }

    /// Cuts batches for a partner until it has been told everything.
    async fn cut_all(&self, partner: PartnerId) -> Result<(), Fault> {
        loop {
            let changed = self.followed.changed_for(partner, MAX_CHANGES).await?;
            let is_all = changed.len() < usize::try_from(MAX_CHANGES).unwrap_or(usize::MAX);
            let is_cut = !changed.is_empty() && self.cut_one(partner, changed).await?;
            if is_all || !is_cut {
                return Ok(());
            }
        }
    }

    /// Cuts a batch of these codes as they stand. Of a code that is being decided nothing is said until it is. Returns whether there was
    /// anything to say.
    async fn cut_one(&self, partner: PartnerId, changed: Vec<ChangedCode>) -> Result<bool, Fault> {
        let subjects: Vec<SubjectId> = changed.iter().map(|code| code.subject).collect();
        let standing = self.peers.colours(&subjects).await?;
        let told: Vec<(ChangedCode, RecognitionOutcome)> = changed
            .into_iter()
            .zip(standing)
            .filter(|(_, outcome)| *outcome != RecognitionOutcome::UnderReview)
            .collect();
        if told.is_empty() {
            return Ok(false);
        }
        let body = wire::ChangeBatch {
            changes: told
                .iter()
                .map(|(code, outcome)| change(&code.reference, *outcome, code.changed_at))
                .collect(),
        };
        let body = body.encode_to_vec();
        let codes: Vec<ChangedCode> = told.into_iter().map(|(code, _)| code).collect();
        let (this, now) = (self.clone(), self.clock.now());
        self.database
            .write(move |transaction| {
                async move {
                    advisory::lock(transaction, CUT_LOCK).await?;
                    let last = store::newest(transaction, partner).await?;
                    let batch = this.sign(partner, last.as_ref(), body, now)?;
                    store::append(transaction, partner, batch, now).await?;
                    followed_codes::set_told(transaction, partner, &codes).await?;
                    lutong_failpoint::hit("federation.before_batch_commit");
                    Ok::<_, Fault>(())
                }
                .boxed()
            })
            .await?;
        self.cut.notify_one();
        Ok(true)
    }

    fn sign(
        &self,
        partner: PartnerId,
        last: Option<&StoredBatch>,
        body: Vec<u8>,
        now: Timestamp,
    ) -> Result<StoredBatch, Fault> {
        let number = last.map_or(1, |last| last.number.saturating_add(1));
        let header = BatchHeader {
            sender: self.current.own().to_string(),
            audience: partner.to_string(),
            number,
            previous: last.map_or(BatchTag::BEGINNING, |last| last.tag),
            cut_at: now,
            body_digest: body_digest(&body),
        };
        let (header, tag) = header.sign(&self.key).map_err(Fault::internal)?;
        Ok(StoredBatch {
            number,
            tag,
            header,
            body,
        })
    }

    /// The tag of the newest batch for a partner.
    pub async fn head(&self, partner: PartnerId) -> Result<BatchTag, StorageError> {
        let newest = store::newest(self.database.reader(), partner).await?;
        Ok(newest.map_or(BatchTag::BEGINNING, |batch| batch.tag))
    }

    /// What comes after a batch for a partner.
    pub async fn after(&self, partner: PartnerId, tag: BatchTag) -> Result<Next, StorageError> {
        let reader = self.database.reader();
        let number = if tag == BatchTag::BEGINNING {
            0
        } else {
            match store::of_tag(reader, partner, tag).await? {
                Some(batch) => batch.number,
                None => return Ok(Next::Gone),
            }
        };
        if let Some(next) = store::of_number(reader, partner, number.saturating_add(1)).await? {
            return Ok(Next::Batch(next));
        }
        let newest = store::newest(reader, partner).await?;
        let is_gone = newest.is_some_and(|newest| number < newest.number);
        Ok(if is_gone { Next::Gone } else { Next::None })
    }

    /// How these references of a partner stand.
    pub async fn compare(
        &self,
        partner: PartnerId,
        references: Vec<String>,
    ) -> Result<Vec<wire::CodeChange>, Fault> {
        let now = self.clock.now();
        let followed = self.followed.of_references(partner, &references).await?;
        let subjects: Vec<SubjectId> = followed.iter().map(|(_, subject)| *subject).collect();
        let standing = self.peers.colours(&subjects).await?;
        let known: std::collections::HashMap<_, _> = followed
            .into_iter()
            .map(|(reference, _)| reference)
            .zip(standing)
            .collect();
        let compared = references.iter().map(|reference| {
            let standing = known.get(reference).copied();
            change(reference, standing.unwrap_or(RecognitionOutcome::NotFound), now)
        });
        Ok(compared.collect())
    }

    async fn sweep(&self, now: Timestamp) -> Result<(), StorageError> {
        let partners = self.partners();
        let before = now.plus_seconds(-KEPT_SECONDS);
        self.database
            .write(move |transaction| {
                async move {
                    for partner in partners {
                        store::delete_before(transaction, partner, before).await?;
                    }
                    followed_codes::forget(transaction, now).await
                }
                .boxed()
            })
            .await
    }
}

/// What comes after a batch.
#[derive(Debug, Clone)]
pub enum Next {
    Batch(StoredBatch),
    None,
    /// It is no longer kept, or never was.
    Gone,
}

fn change(reference: &str, standing: RecognitionOutcome, at: Timestamp) -> wire::CodeChange {
    wire::CodeChange {
        code_reference: reference.to_owned(),
        outcome: outcome(standing).into(),
        change_time: Some(instant(at)),
    }
}
