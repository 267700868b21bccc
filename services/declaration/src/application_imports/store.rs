//! The tables of imports of applications: `application_imports`, `application_import_rows`. Functions that read for a call take the
//! organisation that calls.

pub mod rows;
pub mod worker;

use lutong_kernel::{DivisionCode, Jurisdiction, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_uuid, uuid_bytes};
use lutong_transport::access::{DivisionPermit, Grant};
use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    ExprTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use self::application_import::{ActiveModel, Column, Entity, Model};
use super::domain::{ApplicationImport, State};

pub mod application_import {
    use sea_orm::entity::prelude::*;

    /// An import of applications.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "application_imports")]
    pub struct Model {
        /// Ordered by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub import_id: Vec<u8>,
        /// The account of the organisation.
        pub account: String,
        pub organisation: String,
        pub division: i64,
        pub state: String,
        pub next_row: i64,
        pub registered: i64,
        pub refused: i64,
        pub created_at: i64,
        pub finished_at: Option<i64>,
        /// The worker that registers its rows.
        pub lease_owner: Option<Vec<u8>>,
        /// Until when no other worker takes it.
        pub lease_until: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Imports that one statement deletes.
const BATCH: u64 = 20;

/// The organisation that calls, and where it may apply for people.
#[derive(Debug, Clone)]
pub struct Organisation {
    account: String,
    pub jurisdiction: Jurisdiction,
}

impl Organisation {
    pub fn of(grant: &Grant, permit: DivisionPermit) -> Self {
        Self {
            account: grant.principal().account.clone(),
            jurisdiction: permit.jurisdiction(),
        }
    }

    pub fn account(&self) -> &str {
        &self.account
    }
}

pub async fn insert(
    transaction: &DatabaseTransaction,
    import: &ApplicationImport,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        import_id: Set(uuid_bytes(import.id)),
        account: Set(import.account.clone()),
        organisation: Set(import.organisation.clone()),
        division: Set(i64::from(import.division.number())),
        state: Set(import.state.into_str().to_owned()),
        next_row: Set(import.next_row),
        registered: Set(import.registered),
        refused: Set(import.refused),
        created_at: Set(import.created_at.micros()),
        finished_at: Set(import.finished_at.map(Timestamp::micros)),
        lease_owner: Set(None),
        lease_until: Set(0),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

fn read(row: Model) -> Result<ApplicationImport, StorageError> {
    let damaged = |what: &str| StorageError::Damaged(format!("application_imports.{what}"));
    let division = u32::try_from(row.division).ok();
    Ok(ApplicationImport {
        id: read_uuid(&row.import_id, "application_imports.import_id")?,
        account: row.account,
        organisation: row.organisation,
        division: division
            .and_then(|number| DivisionCode::from_number(number).ok())
            .ok_or_else(|| damaged("division"))?,
        state: row.state.parse().map_err(|_| damaged("state"))?,
        next_row: row.next_row,
        registered: row.registered,
        refused: row.refused,
        created_at: Timestamp::from_micros(row.created_at),
        finished_at: row.finished_at.map(Timestamp::from_micros),
    })
}

/// An import of the organisation. Another account's import is not found.
pub async fn find(
    connection: &impl ConnectionTrait,
    own: &Organisation,
    id: Uuid,
) -> Result<Option<ApplicationImport>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id))
        .filter(Column::Account.eq(own.account()))
        .one(connection)
        .await?;
    row.map(read).transpose()
}

/// The organisation's imports before one, the newest first.
pub async fn list(
    connection: &impl ConnectionTrait,
    own: &Organisation,
    state: Option<State>,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<ApplicationImport>, StorageError> {
    let mut query = Entity::find().filter(Column::Account.eq(own.account()));
    if let Some(state) = state {
        query = query.filter(Column::State.eq(state.into_str()));
    }
    if let Some(before) = before {
        query = query.filter(Column::ImportId.lt(uuid_bytes(before)));
    }
    let rows = query
        .order_by_desc(Column::ImportId)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(read).collect()
}

/// Moves an open import that is still as `seen` on by `count` rows, of which `refused` are refused. Returns `false` when another call
/// changed it meanwhile.
pub async fn advance(
    transaction: &DatabaseTransaction,
    seen: &ApplicationImport,
    count: i64,
    refused: i64,
) -> Result<bool, StorageError> {
    let moved = Entity::update_many()
        .col_expr(Column::NextRow, Expr::value(seen.next_row + count))
        .col_expr(Column::Refused, Expr::value(seen.refused + refused))
        .filter(Column::ImportId.eq(uuid_bytes(seen.id)))
        .filter(Column::State.eq(State::Open.into_str()))
        .filter(Column::NextRow.eq(seen.next_row))
        .exec(transaction)
        .await?;
    Ok(moved.rows_affected > 0)
}

/// Has the workers begin with an open import. Returns `false` when it is not open.
pub async fn start(transaction: &DatabaseTransaction, id: Uuid) -> Result<bool, StorageError> {
    let started = Entity::update_many()
        .col_expr(Column::State, Expr::value(State::Running.into_str()))
        .filter(Column::ImportId.eq(uuid_bytes(id)))
        .filter(Column::State.eq(State::Open.into_str()))
        .exec(transaction)
        .await?;
    Ok(started.rows_affected > 0)
}

/// Ends an import that has not ended. What waits of it is refused. Returns `false` when it has ended.
pub async fn end(
    transaction: &DatabaseTransaction,
    id: Uuid,
    ended: State,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let moved = Entity::update_many()
        .col_expr(Column::State, Expr::value(ended.into_str()))
        .col_expr(Column::FinishedAt, Expr::value(now.micros()))
        .col_expr(
            Column::Refused,
            Expr::col(Column::NextRow)
                .sub(1)
                .sub(Expr::col(Column::Registered)),
        )
        .filter(Column::ImportId.eq(uuid_bytes(id)))
        .filter(Column::State.is_in(State::ENDABLE.iter().map(State::into_str)))
        .exec(transaction)
        .await?;
    Ok(moved.rows_affected > 0)
}

/// Imports that were created before an instant and have not ended.
pub async fn unended(
    transaction: &DatabaseTransaction,
    created_before: Timestamp,
) -> Result<Vec<Uuid>, StorageError> {
    let ids: Vec<Vec<u8>> = Entity::find()
        .select_only()
        .column(Column::ImportId)
        .filter(Column::FinishedAt.is_null())
        .filter(Column::CreatedAt.lt(created_before.micros()))
        .limit(BATCH)
        .into_tuple()
        .all(transaction)
        .await?;
    ids.iter()
        .map(|id| read_uuid(id, "application_imports.import_id"))
        .collect()
}

/// Deletes imports that ended before an instant. Returns how many.
pub async fn delete_ended(
    transaction: &DatabaseTransaction,
    ended_before: Timestamp,
) -> Result<u64, StorageError> {
    let old: Vec<Vec<u8>> = Entity::find()
        .select_only()
        .column(Column::ImportId)
        .filter(Condition::all().add(Column::FinishedAt.lt(ended_before.micros())))
        .limit(BATCH)
        .into_tuple()
        .all(transaction)
        .await?;
    if old.is_empty() {
        return Ok(0);
    }
    rows::delete(transaction, &old).await?;
    let gone = Entity::delete_many()
        .filter(Column::ImportId.is_in(old))
        .exec(transaction)
        .await?;
    Ok(gone.rows_affected)
}
