//! Registrations for whoever has the person's document before them: in any state, with how many other documents were shown.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use lutong_storage::column::{read_uuid, uuid_bytes};
use sea_orm::sea_query::Expr;
use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QuerySelect as _,
};
use uuid::Uuid;

use super::registration::{Column, Entity, Model};
use super::{End, WaitingRegistration, damaged};
use crate::people::store::DocumentIndex;
use crate::registrations::domain::State;

/// A registration in any state.
#[derive(Debug, Clone)]
pub struct StoredRegistration {
    pub id: Uuid,
    pub index: DocumentIndex,
    pub state: State,
    pub wrong_documents: i64,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// With its items, as long as it waits.
    pub waiting: Option<WaitingRegistration>,
}

impl TryFrom<Model> for StoredRegistration {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let index = row.document_index.clone();
        Ok(Self {
            id: read_uuid(&row.registration_id, "registrations.registration_id")?,
            index: index.try_into().map_err(|_| damaged("document_index"))?,
            state: match row.ended_at {
                None => State::Waiting,
                Some(_) => match row.state.parse().map_err(|_| damaged("state"))? {
                    End::Proved => State::Proved,
                    End::Refused => State::Refused,
                    End::Expired => State::Expired,
                    End::Replaced => State::Replaced,
                },
            },
            wrong_documents: row.wrong_documents,
            created_at: Timestamp::from_micros(row.created_at),
            ended_at: row.ended_at.map(Timestamp::from_micros),
            waiting: match row.ended_at {
                None => Some(row.try_into()?),
                Some(_) => None,
            },
        })
    }
}

pub async fn find(
    connection: &impl ConnectionTrait,
    id: Uuid,
) -> Result<Option<StoredRegistration>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id)).one(connection).await?;
    row.map(StoredRegistration::try_from).transpose()
}

/// The same; nobody else decides it until the transaction ends.
pub async fn lock(
    transaction: &DatabaseTransaction,
    id: Uuid,
) -> Result<Option<StoredRegistration>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id))
        .lock_exclusive()
        .one(transaction)
        .await?;
    row.map(StoredRegistration::try_from).transpose()
}

/// Counts a document or name that differs.
pub async fn count_wrong(transaction: &DatabaseTransaction, id: Uuid) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::WrongDocuments, Expr::col(Column::WrongDocuments).add(1))
        .filter(Column::RegistrationId.eq(uuid_bytes(id)))
        .exec(transaction)
        .await?;
    Ok(())
}
