//! Signs heads of the record.

use std::time::Duration;

use futures::FutureExt as _;
use lutong_kernel::Fault;
use lutong_operating::pause::pause;
use lutong_storage::StorageError;
use lutong_storage::crypto::hex;
use lutong_token::document::Purpose;
use tokio_util::sync::CancellationToken;

use super::MessageRecords;
use crate::message_records::domain::{HEAD_EVERY, Head, Record};
use crate::message_records::store;

/// How often heads are signed.
const SIGN_EVERY: Duration = Duration::from_secs(10);
/// Heads that are signed at once.
const AT_ONCE: i64 = 256;

impl MessageRecords {
    /// Signs the heads that are due, again and again.
    pub async fn sign_heads(self, stop: CancellationToken) {
        while !pause(SIGN_EVERY, &stop).await {
            if let Err(error) = self.sign_due_heads().await {
                tracing::warn!(%error, "heads of the record of messages could not be signed; the next round catches up");
            }
        }
    }

    /// Signs all heads that are due.
    pub(super) async fn sign_due_heads(&self) -> Result<(), Fault> {
        loop {
            let reader = self.database.reader();
            let after = store::last_head(reader).await?;
            let due = store::without_head(reader, after, AT_ONCE).await?;
            let is_last = i64::try_from(due.len()).unwrap_or(AT_ONCE) < AT_ONCE;
            self.sign(&due).await?;
            if is_last {
                return Ok(());
            }
        }
    }

    /// The first head at a number or after it. Where there is none, because fewer records followed, the last record gets one.
    pub(super) async fn head_from(&self, sequence: i64) -> Result<(i64, Vec<u8>), Fault> {
        let reader = self.database.reader();
        if let Some(found) = store::head_from(reader, sequence).await? {
            return Ok(found);
        }
        self.sign_due_heads().await?;
        if let Some(last) = store::last(reader).await?
            && last.sequence.rem_euclid(HEAD_EVERY) != 0
        {
            self.sign(std::slice::from_ref(&last)).await?;
        }
        let found = store::head_from(reader, sequence).await?;
        found.ok_or_else(|| {
            StorageError::Damaged("message_heads: the last record has no head".to_owned()).into()
        })
    }

    async fn sign(&self, records: &[Record]) -> Result<(), Fault> {
        let mut heads = Vec::new();
        for record in records {
            let head = Head {
                sequence: record.sequence,
                entry: hex(&record.entry),
                signed_at: self.clock.now(),
            };
            let payload = head.payload();
            let signed = self
                .exchanges
                .sign_document(Purpose::Records, payload.as_bytes())?;
            heads.push((record.sequence, signed));
        }
        let kept: Result<(), StorageError> = self
            .database
            .write(move |transaction| store::keep_heads(transaction, heads).boxed())
            .await;
        kept.map_err(Fault::from)
    }
}
