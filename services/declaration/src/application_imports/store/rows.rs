//! The rows of imports. The items of a person are encrypted, and are there only while the row waits.

use lutong_kernel::{Fault, Violation};
use lutong_proto::types::v1::PersonItems;
use lutong_storage::StorageError;
use lutong_storage::column::uuid_bytes;
use lutong_storage::crypto::{CipherError, ReadyCipher};
use prost::Message as _;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::application_import_row::{ActiveModel, Column, Entity};
use crate::application_imports::domain::{ImportedRow, RowState};
use crate::fault;

pub mod application_import_row {
    use sea_orm::entity::prelude::*;

    /// A row of an import.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "application_import_rows")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub import_id: Vec<u8>,
        /// From 1.
        #[sea_orm(primary_key, auto_increment = false)]
        pub row: i64,
        pub state: String,
        /// The items of the person, encrypted; only while the row waits.
        pub person: Option<Vec<u8>>,
        /// What is wrong with a refused row, as JSON: fields and reasons, no value.
        pub errors: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Rows of one SQL statement.
const BATCH: usize = 500;

/// A violation as stored.
#[derive(Serialize, Deserialize)]
struct StoredViolation {
    field: String,
    reason: String,
    zh: String,
    en: String,
}

/// A row that waits.
#[derive(Debug, Clone)]
pub struct WaitingRow {
    pub row: i64,
    pub person: PersonItems,
}

fn context(import: Uuid, row: i64) -> Vec<u8> {
    format!("application_import_rows/person/{import}/{row}").into_bytes()
}

fn write_errors(errors: &[Violation]) -> String {
    let stored: Vec<_> = errors
        .iter()
        .map(|one| StoredViolation {
            field: one.field.clone(),
            reason: one.reason.to_string(),
            zh: one.zh.clone(),
            en: one.en.clone(),
        })
        .collect();
    // Plain data: it always serialises.
    serde_json::to_string(&stored).unwrap_or_default()
}

fn read_errors(text: Option<&str>) -> Result<Vec<Violation>, StorageError> {
    let damaged = |_| StorageError::Damaged("application_import_rows.errors".to_owned());
    let stored: Vec<StoredViolation> = serde_json::from_str(text.unwrap_or("[]")).map_err(damaged)?;
    let errors = stored
        .into_iter()
        .map(|one| fault::stored(one.field, one.reason, one.zh, one.en));
    Ok(errors.collect())
}

/// Adds rows that wait.
pub async fn stage(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    import: Uuid,
    waiting: &[WaitingRow],
) -> Result<(), CipherError> {
    for some in waiting.chunks(BATCH) {
        let mut rows = Vec::with_capacity(some.len());
        for one in some {
            let person = cipher.encrypt(&one.person.encode_to_vec(), &context(import, one.row))?;
            rows.push(ActiveModel {
                import_id: Set(uuid_bytes(import)),
                row: Set(one.row),
                state: Set(RowState::Waiting.into_str().to_owned()),
                person: Set(Some(person)),
                errors: Set(None),
            });
        }
        Entity::insert_many(rows)
            .exec_without_returning(transaction)
            .await
            .map_err(StorageError::from)?;
    }
    Ok(())
}

/// Refuses rows, whether they wait or are new.
pub async fn refuse(
    transaction: &DatabaseTransaction,
    import: Uuid,
    refused: &[(i64, Vec<Violation>)],
) -> Result<(), StorageError> {
    for some in refused.chunks(BATCH) {
        let rows = some.iter().map(|(row, errors)| ActiveModel {
            import_id: Set(uuid_bytes(import)),
            row: Set(*row),
            state: Set(RowState::Refused.into_str().to_owned()),
            person: Set(None),
            errors: Set(Some(write_errors(errors))),
        });
        let replace = OnConflict::columns([Column::ImportId, Column::Row])
            .update_columns([Column::State, Column::Person, Column::Errors])
            .to_owned();
        Entity::insert_many(rows)
            .on_conflict(replace)
            .exec_without_returning(transaction)
            .await?;
    }
    Ok(())
}

/// Refuses everything of an import that waits, for one reason.
pub async fn refuse_waiting(
    transaction: &DatabaseTransaction,
    import: Uuid,
    why: Violation,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(RowState::Refused.into_str()))
        .col_expr(Column::Person, Expr::value(Option::<Vec<u8>>::None))
        .col_expr(Column::Errors, Expr::value(write_errors(&[why])))
        .filter(Column::ImportId.eq(uuid_bytes(import)))
        .filter(Column::State.eq(RowState::Waiting.into_str()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Records that rows are registered, and erases what they said.
pub async fn registered(
    transaction: &DatabaseTransaction,
    import: Uuid,
    rows: &[i64],
) -> Result<(), StorageError> {
    for some in rows.chunks(BATCH) {
        Entity::update_many()
            .col_expr(Column::State, Expr::value(RowState::Registered.into_str()))
            .col_expr(Column::Person, Expr::value(Option::<Vec<u8>>::None))
            .filter(Column::ImportId.eq(uuid_bytes(import)))
            .filter(Column::Row.is_in(some.iter().copied()))
            .exec(transaction)
            .await?;
    }
    Ok(())
}

/// The first rows of an import that wait, in order.
pub async fn waiting(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    import: Uuid,
    limit: u64,
) -> Result<Vec<WaitingRow>, Fault> {
    let rows = Entity::find()
        .filter(Column::ImportId.eq(uuid_bytes(import)))
        .filter(Column::State.eq(RowState::Waiting.into_str()))
        .order_by_asc(Column::Row)
        .limit(limit)
        .all(connection)
        .await
        .map_err(StorageError::from)?;
    let open = |row: application_import_row::Model| {
        let damaged = || StorageError::Damaged("application_import_rows.person".to_owned());
        let sealed = row.person.ok_or_else(damaged)?;
        let bytes = cipher.decrypt(&sealed, &context(import, row.row))?;
        let person = PersonItems::decode(&*bytes).map_err(|_| damaged())?;
        Ok(WaitingRow { row: row.row, person })
    };
    rows.into_iter().map(open).collect()
}

/// What became of rows of an import after one, in order.
pub async fn list(
    connection: &impl ConnectionTrait,
    import: Uuid,
    state: Option<RowState>,
    after: i64,
    limit: u64,
) -> Result<Vec<ImportedRow>, StorageError> {
    let mut query = Entity::find()
        .select_only()
        .columns([Column::Row, Column::State, Column::Errors])
        .filter(Column::ImportId.eq(uuid_bytes(import)))
        .filter(Column::Row.gt(after));
    if let Some(state) = state {
        query = query.filter(Column::State.eq(state.into_str()));
    }
    let rows = query
        .order_by_asc(Column::Row)
        .limit(limit)
        .into_tuple::<(i64, String, Option<String>)>()
        .all(connection)
        .await?;
    let damaged = |_| StorageError::Damaged("application_import_rows.state".to_owned());
    rows.into_iter()
        .map(|(row, state, errors)| {
            Ok(ImportedRow {
                row,
                state: state.parse().map_err(damaged)?,
                errors: read_errors(errors.as_deref())?,
            })
        })
        .collect()
}

/// Deletes the rows of imports.
pub async fn delete(transaction: &DatabaseTransaction, imports: &[Vec<u8>]) -> Result<(), StorageError> {
    Entity::delete_many()
        .filter(Column::ImportId.is_in(imports.iter().cloned()))
        .exec(transaction)
        .await?;
    Ok(())
}
