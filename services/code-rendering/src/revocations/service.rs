//! Signs parts of the revocation list, and forgets revocations of tokens that have expired.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::skin::Page;
use lutong_chassis::{Foundation, Store, pause};
use lutong_kernel::{Clock, Fault, Timestamp};
use lutong_storage::crypto::keyed_hash;
use lutong_storage::{Database, StorageError};
use lutong_token::{CLOCK_TOLERANCE_SECONDS, Kid, PartSource};

use super::store;
use crate::fault;
use crate::keys::domain::LIST_MAX_AGE;
use crate::keys::service::{Keys, Ring};

/// Interval of deleting revocations of expired tokens.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);

/// The revocation list; cheap to clone.
#[derive(Clone)]
pub struct RevocationList {
    database: Database,
    keys: Keys,
    clock: Arc<dyn Clock>,
    salt: [u8; 16],
}

/// A signed part.
#[derive(Debug, Clone)]
pub struct SignedPart {
    pub bytes: Vec<u8>,
    pub through: i64,
    pub last: i64,
    pub issued_at: Timestamp,
    pub reliable_until: Timestamp,
    /// Empty after the last part.
    pub next_page_token: String,
}

impl RevocationList {
    pub fn new(store: &Store, foundation: &Foundation, keys: Keys) -> Self {
        let mut salt = [0; 16];
        salt.copy_from_slice(&keyed_hash(&store.index_key, b"revocation list salt")[..16]);
        Self {
            database: store.database.clone(),
            keys,
            clock: Arc::clone(&foundation.clock),
            salt,
        }
    }

    /// The part after a sequence, or after the page before.
    pub async fn part(&self, after: i64, page: &Page) -> Result<SignedPart, Fault> {
        let after = page.after_number()?.unwrap_or(after);
        let ring = self.keys.ring().await?;
        // Taken before the rows are read: whatever was committed before this instant is in the list.
        let issued_at = self.clock.now();
        let last = store::last_sequence(self.database.reader()).await?;
        if after > last {
            return Err(Fault::invalid(vec![fault::sequence_ahead(last)]));
        }
        let rows = store::list(self.database.reader(), after, last, page.limit()).await?;
        let (rows, next_page_token) = page.cut(rows, |(sequence, _, _)| sequence.to_be_bytes().to_vec())?;
        let through = match rows.last() {
            Some((sequence, _, _)) if !next_page_token.is_empty() => *sequence,
            _ => last,
        };
        let is_needed = |expires_at: Timestamp| issued_at < expires_at.plus_seconds(CLOCK_TOLERANCE_SECONDS);
        let tokens: Vec<_> = rows
            .into_iter()
            .filter(|(_, _, expires_at)| is_needed(*expires_at))
            .map(|(_, token_id, _)| token_id)
            .collect();
        let source = PartSource {
            salt: self.salt,
            after,
            through,
            last,
            issued_at,
            max_age_seconds: u32::try_from(LIST_MAX_AGE.as_secs()).unwrap_or(u32::MAX),
            tokens: &tokens,
            keys: &revoked_keys(&ring),
        };
        let signed = source.sign(&ring.list_signer);
        Ok(SignedPart {
            bytes: signed.map_err(|error| {
                Fault::internal(format_args!("a revocation list was not signed: {error}"))
            })?,
            through,
            last,
            issued_at,
            reliable_until: issued_at.plus(LIST_MAX_AGE),
            next_page_token,
        })
    }

    /// Deletes revocations of tokens that expired a day ago.
    pub async fn delete_expired(self, foundation: Foundation) {
        while !pause(SWEEP_EVERY, &foundation.stop).await {
            let before = self.clock.now().minus(LIST_MAX_AGE);
            let deleted = self
                .database
                .write(move |transaction| store::delete_expired(transaction, before).boxed());
            if let Err(error) = deleted.await {
                let error: StorageError = error;
                tracing::warn!(%error, "expired revocations are deleted with the next round");
            }
        }
    }
}

fn revoked_keys(ring: &Ring) -> Vec<(Kid, Timestamp)> {
    let keys = ring.listed.iter();
    let revoked = keys.filter_map(|listed| Some((listed.trusted.key.kid(), listed.trusted.revoked_at?)));
    revoked.collect()
}
