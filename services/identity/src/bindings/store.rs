//! The table `bindings`.

pub mod changes;

use lutong_kernel::{SubjectId, Timestamp};
use lutong_storage::column::{read_subject, read_uuid, subject_bytes, uuid_bytes};
use lutong_storage::{StorageError, advisory};
use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use self::binding::{Column, Entity, Model};
use super::domain::{Binding, State};
use crate::people::store::DocumentIndex;

pub mod binding {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "bindings")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub binding_id: Vec<u8>,
        pub binder_id: Vec<u8>,
        /// The blind index of the ward's document.
        pub ward_index: Vec<u8>,
        /// Keyed hash of the ward's document and name.
        pub ward_key: Vec<u8>,
        /// Absent until somebody has consented.
        pub ward_id: Option<Vec<u8>>,
        /// Encrypted, as the binder stated it; erased with the end.
        pub ward_name: Option<Vec<u8>>,
        pub relation: String,
        pub state: String,
        pub created_at: i64,
        pub activated_at: Option<i64>,
        pub of_age_at: Option<i64>,
        pub ended_at: Option<i64>,
        pub end_reason: Option<String>,
        /// When both are to be told that it ended.
        pub notice_due_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A keyed hash of a document and a name: who has registered both is the ward.
pub type WardKey = [u8; 32];

/// A binding with what finds its ward.
#[derive(Debug, Clone)]
pub struct StoredBinding {
    pub binding: Binding,
    pub ward_index: DocumentIndex,
    pub ward_key: WardKey,
    /// Encrypted; erased with the end.
    pub sealed_name: Option<Vec<u8>>,
}

/// What the ward's name is encrypted for.
pub fn name_context(id: Uuid) -> Vec<u8> {
    format!("bindings/ward_name/{id}").into_bytes()
}

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("bindings.{what}"))
}

impl TryFrom<Model> for StoredBinding {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let ward = row.ward_id.map(|ward| read_subject(&ward, "bindings.ward_id"));
        let reason = row
            .end_reason
            .map(|reason| reason.parse().map_err(|_| damaged("end_reason")));
        Ok(Self {
            binding: Binding {
                id: read_uuid(&row.binding_id, "bindings.binding_id")?,
                binder: read_subject(&row.binder_id, "bindings.binder_id")?,
                ward: ward.transpose()?,
                relation: row.relation.parse().map_err(|_| damaged("relation"))?,
                state: row.state.parse().map_err(|_| damaged("state"))?,
                created_at: Timestamp::from_micros(row.created_at),
                activated_at: row.activated_at.map(Timestamp::from_micros),
                of_age_at: row.of_age_at.map(Timestamp::from_micros),
                ended_at: row.ended_at.map(Timestamp::from_micros),
                end_reason: reason.transpose()?,
            },
            ward_index: row.ward_index.try_into().map_err(|_| damaged("ward_index"))?,
            ward_key: row.ward_key.try_into().map_err(|_| damaged("ward_key"))?,
            sealed_name: row.ward_name,
        })
    }
}

/// The position of a binding in a list, which has the newest first: the key of a page token.
#[derive(Debug, Clone, Copy)]
pub struct BindingPosition {
    created_at: i64,
    id: Uuid,
}

impl BindingPosition {
    pub const fn of(binding: &Binding) -> Self {
        Self {
            created_at: binding.created_at.micros(),
            id: binding.id,
        }
    }

    pub fn write(self) -> Vec<u8> {
        [&self.created_at.to_be_bytes()[..], self.id.as_bytes()].concat()
    }

    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (created_at, id) = bytes.split_first_chunk::<8>()?;
        Some(Self {
            created_at: i64::from_be_bytes(*created_at),
            id: Uuid::from_slice(id).ok()?,
        })
    }

    /// Selects the bindings after this position.
    fn beyond(self) -> Condition {
        let same_instant = Column::CreatedAt.eq(self.created_at);
        Condition::any()
            .add(Column::CreatedAt.lt(self.created_at))
            .add(same_instant.and(Column::BindingId.gt(uuid_bytes(self.id))))
    }
}

/// Excludes other changes to the bindings of these people until the end of the transaction.
pub async fn lock(transaction: &DatabaseTransaction, people: &[SubjectId]) -> Result<(), StorageError> {
    // In one order, so that two transactions never wait for each other. The second half of an id is random.
    let mut keys: Vec<u64> = people
        .iter()
        .map(|subject| subject.uuid().as_u64_pair().1)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        advisory::lock(transaction, key.cast_signed()).await?;
    }
    Ok(())
}

pub async fn find(
    connection: &impl ConnectionTrait,
    id: Uuid,
) -> Result<Option<StoredBinding>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id)).one(connection).await?;
    row.map(StoredBinding::try_from).transpose()
}

/// The bindings of a person after a position, the newest first: as binder, as ward, and those that wait for their consent.
pub async fn list(
    connection: &impl ConnectionTrait,
    person: SubjectId,
    key: Option<WardKey>,
    after: Option<BindingPosition>,
    limit: u64,
) -> Result<Vec<StoredBinding>, StorageError> {
    let mut own = Condition::any()
        .add(Column::BinderId.eq(subject_bytes(person)))
        .add(Column::WardId.eq(subject_bytes(person)));
    if let Some(key) = key {
        own = own.add(Column::WardKey.eq(key.to_vec()));
    }
    let mut rows = Entity::find()
        .filter(own)
        .order_by_desc(Column::CreatedAt)
        .order_by_asc(Column::BindingId)
        .limit(limit);
    if let Some(after) = after {
        rows = rows.filter(after.beyond());
    }
    let rows = rows.all(connection).await?;
    rows.into_iter().map(StoredBinding::try_from).collect()
}

fn open() -> sea_orm::sea_query::SimpleExpr {
    Column::State.ne(State::Ended.into_str())
}

/// The bindings of a binder that are not over.
pub async fn wards_of(connection: &impl ConnectionTrait, binder: SubjectId) -> Result<u64, StorageError> {
    let open = Entity::find()
        .filter(Column::BinderId.eq(subject_bytes(binder)))
        .filter(open());
    Ok(open.count(connection).await?)
}

/// The bindings of a ward that are active or ending.
pub async fn binders_of(connection: &impl ConnectionTrait, ward: SubjectId) -> Result<u64, StorageError> {
    let open = Entity::find()
        .filter(Column::WardId.eq(subject_bytes(ward)))
        .filter(open());
    Ok(open.count(connection).await?)
}

/// Whether a binding of this binder to this document is not over.
pub async fn is_asked_for(
    connection: &impl ConnectionTrait,
    binder: SubjectId,
    ward_index: &DocumentIndex,
) -> Result<bool, StorageError> {
    let open = Entity::find()
        .filter(Column::BinderId.eq(subject_bytes(binder)))
        .filter(Column::WardIndex.eq(ward_index.to_vec()))
        .filter(open());
    Ok(open.count(connection).await? > 0)
}

/// Whether a binding of these two is active or ending.
pub async fn is_bound(
    connection: &impl ConnectionTrait,
    binder: SubjectId,
    ward: SubjectId,
) -> Result<bool, StorageError> {
    let open = Entity::find()
        .filter(Column::BinderId.eq(subject_bytes(binder)))
        .filter(Column::WardId.eq(subject_bytes(ward)))
        .filter(open());
    Ok(open.count(connection).await? > 0)
}

/// Bindings whose end code-rendering has not confirmed.
pub async fn ending(
    connection: &impl ConnectionTrait,
    limit: u64,
) -> Result<Vec<StoredBinding>, StorageError> {
    let rows = Entity::find()
        .filter(Column::State.eq(State::Ending.into_str()))
        .limit(limit);
    let rows = rows.all(connection).await?;
    rows.into_iter().map(StoredBinding::try_from).collect()
}

/// Bindings that were made before an instant and still wait for a consent.
pub async fn older(
    connection: &impl ConnectionTrait,
    before: Timestamp,
    limit: u64,
) -> Result<Vec<StoredBinding>, StorageError> {
    let rows = Entity::find()
        .filter(Column::State.eq(State::PendingConsent.into_str()))
        .filter(Column::CreatedAt.lte(before.micros()))
        .limit(limit);
    let rows = rows.all(connection).await?;
    rows.into_iter().map(StoredBinding::try_from).collect()
}

/// Active bindings whose ward has come of age.
pub async fn of_age(
    connection: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<StoredBinding>, StorageError> {
    let rows = Entity::find()
        .filter(Column::State.eq(State::Active.into_str()))
        .filter(Column::OfAgeAt.lte(now.micros()))
        .order_by_asc(Column::OfAgeAt)
        .limit(limit);
    let rows = rows.all(connection).await?;
    rows.into_iter().map(StoredBinding::try_from).collect()
}
