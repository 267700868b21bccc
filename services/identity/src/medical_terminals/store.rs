//! The table `medical_terminals`.

use lutong_kernel::{MedicalInstitutionId, MedicalTerminalId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_uuid, uuid_bytes};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use self::medical_terminal::{ActiveModel, Column, Entity, Model};
use super::domain::MedicalTerminal;
use crate::medical_institutions::domain::State;
use crate::medical_steps::domain::MedicalStep;

pub mod medical_terminal {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "medical_terminals")]
    pub struct Model {
        /// Ordered by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub terminal_id: Vec<u8>,
        pub institution_id: Vec<u8>,
        pub code: String,
        pub kind: String,
        /// Their codes, between commas.
        pub steps: String,
        pub created_at: i64,
        pub ended_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("medical_terminals.{what}"))
}

impl TryFrom<Model> for MedicalTerminal {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let steps = row.steps.split(',').filter(|code| !code.is_empty());
        let steps = steps.map(|code| MedicalStep::parse(code).ok_or_else(|| damaged("steps")));
        let institution = read_uuid(&row.institution_id, "medical_terminals.institution_id")?;
        let id = read_uuid(&row.terminal_id, "medical_terminals.terminal_id")?;
        Ok(Self {
            id: MedicalTerminalId::from_uuid(id),
            institution: MedicalInstitutionId::from_uuid(institution),
            code: row.code,
            kind: row.kind.parse().map_err(|_| damaged("kind"))?,
            steps: steps.collect::<Result<_, _>>()?,
            created_at: Timestamp::from_micros(row.created_at),
            ended_at: row.ended_at.map(Timestamp::from_micros),
        })
    }
}

pub async fn find(
    connection: &impl ConnectionTrait,
    id: MedicalTerminalId,
) -> Result<Option<MedicalTerminal>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id.uuid())).one(connection).await?;
    row.map(MedicalTerminal::try_from).transpose()
}

/// Like [`find`], locked until the end of the transaction.
pub async fn lock(
    transaction: &DatabaseTransaction,
    id: MedicalTerminalId,
) -> Result<Option<MedicalTerminal>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id.uuid()))
        .lock_exclusive()
        .one(transaction)
        .await?;
    row.map(MedicalTerminal::try_from).transpose()
}

/// The terminals of an institution, the newest first, from before an id on.
pub async fn list(
    connection: &impl ConnectionTrait,
    institution: MedicalInstitutionId,
    state: Option<State>,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<MedicalTerminal>, StorageError> {
    let mut rows = Entity::find()
        .filter(Column::InstitutionId.eq(uuid_bytes(institution.uuid())))
        .order_by_desc(Column::TerminalId)
        .limit(limit);
    rows = match state {
        None => rows,
        Some(State::Active) => rows.filter(Column::EndedAt.is_null()),
        Some(State::Ended) => rows.filter(Column::EndedAt.is_not_null()),
    };
    if let Some(before) = before {
        rows = rows.filter(Column::TerminalId.lt(uuid_bytes(before)));
    }
    let rows = rows.all(connection).await?;
    rows.into_iter().map(MedicalTerminal::try_from).collect()
}

/// Adds a terminal of a locked institution. Returns `false` where an active one of it has the code.
pub async fn insert(transaction: &DatabaseTransaction, new: MedicalTerminal) -> Result<bool, StorageError> {
    let taken = Entity::find()
        .filter(Column::InstitutionId.eq(uuid_bytes(new.institution.uuid())))
        .filter(Column::Code.eq(&new.code))
        .filter(Column::EndedAt.is_null());
    if taken.one(transaction).await?.is_some() {
        return Ok(false);
    }
    let steps: Vec<&str> = new.steps.iter().map(|step| step.code()).collect();
    let row = ActiveModel {
        terminal_id: Set(uuid_bytes(new.id.uuid())),
        institution_id: Set(uuid_bytes(new.institution.uuid())),
        code: Set(new.code),
        kind: Set(new.kind.into_str().to_owned()),
        steps: Set(steps.join(",")),
        created_at: Set(new.created_at.micros()),
        ended_at: Set(None),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(true)
}

/// Ends a locked terminal.
pub async fn end(
    transaction: &DatabaseTransaction,
    id: MedicalTerminalId,
    at: Timestamp,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(at.micros()))
        .filter(Column::TerminalId.eq(uuid_bytes(id.uuid())))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Ends the active terminals of an institution.
pub async fn end_all(
    transaction: &DatabaseTransaction,
    institution: MedicalInstitutionId,
    at: Timestamp,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(at.micros()))
        .filter(Column::InstitutionId.eq(uuid_bytes(institution.uuid())))
        .filter(Column::EndedAt.is_null())
        .exec(transaction)
        .await?;
    Ok(())
}
