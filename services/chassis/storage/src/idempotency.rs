//! Executes each mutation once: for 24 hours the same `request_id` and body get the same answer, and another body is a
//! conflict. The answer is stored in the transaction of the effect and holds ids only.

use std::time::Duration;

use lutong_kernel::{Fault, FaultCode, RequestId, Timestamp};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _,
};
use uuid::Uuid;

use crate::StorageError;
use crate::crypto::{Key, keyed_hash};

/// How long an answer is kept.
pub const RETENTION: Duration = Duration::from_secs(24 * 3_600);

mod entry {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "idempotency")]
    pub struct Model {
        /// Keyed hash over principal, method and request id, so that accounts are not readable here.
        #[sea_orm(primary_key, auto_increment = false)]
        pub scope: Vec<u8>,
        pub fingerprint: Vec<u8>,
        pub answer: Vec<u8>,
        pub expires_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Whether a request is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// New: its effect must follow in the same transaction.
    Fresh,
    /// Executed before, with this answer.
    Replay(Vec<u8>),
}

/// The UUID that an answer is.
pub fn answered_id(answer: &[u8]) -> Result<Uuid, StorageError> {
    Uuid::from_slice(answer).map_err(|_| damaged_answer())
}

/// An answer that cannot be read, or names nothing that is stored.
pub fn damaged_answer() -> StorageError {
    StorageError::Damaged("idempotency.answer".to_owned())
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum ClaimError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("the request_id was used for another request")]
    Reused,
}

impl From<ClaimError> for Fault {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Storage(error) => error.into(),
            ClaimError::Reused => Self::new(
                FaultCode::AlreadyExists,
                "REQUEST_ID_REUSED",
                "该请求编号已用于另一请求",
                "this request_id was used for another request; use a new one",
            ),
        }
    }
}

/// Identifies a request: its id is unique per principal and method.
#[derive(Debug, Clone)]
pub struct RequestKey {
    scope: [u8; 32],
    fingerprint: [u8; 32],
}

/// Creates request keys; the body is kept only as a keyed hash.
#[derive(Debug, Clone)]
pub struct Idempotency(Key);

impl Idempotency {
    pub const fn new(key: Key) -> Self {
        Self(key)
    }

    pub fn key(&self, principal: &str, method: &str, request_id: RequestId, body: &[u8]) -> RequestKey {
        let scope = format!("{principal}\n{method}\n{request_id}");
        RequestKey {
            scope: keyed_hash(&self.0, scope.as_bytes()),
            fingerprint: keyed_hash(&self.0, body),
        }
    }
}

/// Claims the request in the transaction of its effect; takes one statement if it is new.
pub async fn claim(
    transaction: &DatabaseTransaction,
    key: &RequestKey,
    answer_if_fresh: &[u8],
    now: Timestamp,
) -> Result<Claim, ClaimError> {
    let row = row(key, answer_if_fresh.to_vec(), now);
    let inserted = entry::Entity::insert(row)
        .on_conflict(OnConflict::column(entry::Column::Scope).do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await
        .map_err(StorageError::from)?;
    if inserted > 0 {
        return Ok(Claim::Fresh);
    }
    let stored = entry::Entity::find_by_id(key.scope.to_vec())
        .one(transaction)
        .await
        .map_err(StorageError::from)?;
    match stored {
        Some(stored) if stored.fingerprint == key.fingerprint => Ok(Claim::Replay(stored.answer)),
        Some(_) => Err(ClaimError::Reused),
        None => Err(ClaimError::Storage(StorageError::Contended)),
    }
}

/// Claims several requests in one statement. On `false` one of them is not new and the transaction must be rolled back.
pub async fn claim_all<'a>(
    transaction: &DatabaseTransaction,
    requests: impl IntoIterator<Item = (&'a RequestKey, Vec<u8>)>,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let rows: Vec<_> = requests
        .into_iter()
        .map(|(key, answer)| row(key, answer, now))
        .collect();
    let wanted = rows.len() as u64;
    let inserted = entry::Entity::insert_many(rows)
        .on_conflict(OnConflict::column(entry::Column::Scope).do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    Ok(inserted == wanted)
}

fn row(key: &RequestKey, answer: Vec<u8>, now: Timestamp) -> entry::ActiveModel {
    entry::ActiveModel {
        scope: Set(key.scope.to_vec()),
        fingerprint: Set(key.fingerprint.to_vec()),
        answer: Set(answer),
        expires_at: Set(now.plus(RETENTION).micros()),
    }
}

/// The stored answer of a request that was executed before. For requests that must not be validated again, because what
/// they depend on may have expired since.
pub async fn stored_answer(
    connection: &impl ConnectionTrait,
    key: &RequestKey,
) -> Result<Option<Vec<u8>>, ClaimError> {
    let stored = entry::Entity::find_by_id(key.scope.to_vec())
        .one(connection)
        .await
        .map_err(StorageError::from)?;
    match stored {
        None => Ok(None),
        Some(stored) if stored.fingerprint == key.fingerprint => Ok(Some(stored.answer)),
        Some(_) => Err(ClaimError::Reused),
    }
}

/// Deletes expired answers.
pub async fn sweep(transaction: &DatabaseTransaction, now: Timestamp) -> Result<u64, StorageError> {
    let old = entry::Entity::delete_many().filter(entry::Column::ExpiresAt.lt(now.micros()));
    Ok(old.exec(transaction).await?.rows_affected)
}
