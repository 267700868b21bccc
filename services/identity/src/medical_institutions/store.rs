//! The table `medical_institutions`.

use std::collections::HashMap;

use lutong_kernel::{DivisionCode, MedicalInstitutionId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{in_division, read_division, read_uuid, uuid_bytes};
use lutong_transport::access::DivisionPermit;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
};
use uuid::Uuid;

use self::medical_institution::{ActiveModel, Column, Entity, Model};
use super::domain::{MedicalInstitution, State};
use crate::accounts::domain::AccountId;

pub mod medical_institution {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "medical_institutions")]
    pub struct Model {
        /// Ordered by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub institution_id: Vec<u8>,
        pub code: String,
        pub title: String,
        /// The code as a number.
        pub division: i64,
        pub account: String,
        pub created_at: i64,
        pub ended_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Which institutions of those that are reached.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// In this division or inside it.
    pub division: Option<DivisionCode>,
    pub state: Option<State>,
}

impl TryFrom<Model> for MedicalInstitution {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let damaged = |_| StorageError::Damaged("medical_institutions.account".to_owned());
        let id = read_uuid(&row.institution_id, "medical_institutions.institution_id")?;
        Ok(Self {
            id: MedicalInstitutionId::from_uuid(id),
            code: row.code,
            title: row.title,
            division: read_division(row.division, "medical_institutions.division")?,
            account: AccountId::stored(&row.account).map_err(damaged)?,
            created_at: Timestamp::from_micros(row.created_at),
            ended_at: row.ended_at.map(Timestamp::from_micros),
        })
    }
}

fn reached(permit: DivisionPermit, id: MedicalInstitutionId) -> Select<Entity> {
    Entity::find_by_id(uuid_bytes(id.uuid()))
        .filter(in_division(Column::Division, permit.jurisdiction().division()))
}

/// An institution of the division of the permit.
pub async fn find(
    connection: &impl ConnectionTrait,
    permit: DivisionPermit,
    id: MedicalInstitutionId,
) -> Result<Option<MedicalInstitution>, StorageError> {
    let row = reached(permit, id).one(connection).await?;
    row.map(MedicalInstitution::try_from).transpose()
}

/// Like [`find`], locked until the end of the transaction.
pub async fn lock(
    transaction: &DatabaseTransaction,
    permit: DivisionPermit,
    id: MedicalInstitutionId,
) -> Result<Option<MedicalInstitution>, StorageError> {
    let row = reached(permit, id).lock_exclusive().one(transaction).await?;
    row.map(MedicalInstitution::try_from).transpose()
}

/// The active institution for which an account reads, within the division of its permit.
pub async fn of_account(
    connection: &impl ConnectionTrait,
    permit: DivisionPermit,
    account: &str,
) -> Result<Option<MedicalInstitution>, StorageError> {
    let row = Entity::find()
        .filter(Column::Account.eq(account))
        .filter(Column::EndedAt.is_null())
        .filter(in_division(Column::Division, permit.jurisdiction().division()))
        .one(connection)
        .await?;
    row.map(MedicalInstitution::try_from).transpose()
}

/// Institutions by their ids, for what people see of them.
pub async fn find_all(
    connection: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = MedicalInstitutionId>,
) -> Result<HashMap<MedicalInstitutionId, MedicalInstitution>, StorageError> {
    let mut ids: Vec<_> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let keys = ids.into_iter().map(|id| uuid_bytes(id.uuid()));
    let rows = Entity::find()
        .filter(Column::InstitutionId.is_in(keys))
        .all(connection)
        .await?;
    let read = |row: Model| MedicalInstitution::try_from(row).map(|found| (found.id, found));
    rows.into_iter().map(read).collect()
}

/// Institutions of the division of the permit, the newest first, from before an id on.
pub async fn list(
    connection: &impl ConnectionTrait,
    permit: DivisionPermit,
    filter: Filter,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<MedicalInstitution>, StorageError> {
    let mut all = Condition::all().add(in_division(Column::Division, permit.jurisdiction().division()));
    if let Some(division) = filter.division {
        all = all.add(in_division(Column::Division, division));
    }
    all = match filter.state {
        None => all,
        Some(State::Active) => all.add(Column::EndedAt.is_null()),
        Some(State::Ended) => all.add(Column::EndedAt.is_not_null()),
    };
    if let Some(before) = before {
        all = all.add(Column::InstitutionId.lt(uuid_bytes(before)));
    }
    let rows = Entity::find()
        .filter(all)
        .order_by_desc(Column::InstitutionId)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(MedicalInstitution::try_from).collect()
}

/// Adds an institution. Returns `false` where an active one has its code or its account.
pub async fn insert(
    transaction: &DatabaseTransaction,
    new: MedicalInstitution,
) -> Result<bool, StorageError> {
    let taken = Condition::any()
        .add(Column::Code.eq(&new.code))
        .add(Column::Account.eq(new.account.as_str()));
    let taken = Entity::find().filter(taken).filter(Column::EndedAt.is_null());
    if taken.one(transaction).await?.is_some() {
        return Ok(false);
    }
    let row = ActiveModel {
        institution_id: Set(uuid_bytes(new.id.uuid())),
        code: Set(new.code),
        title: Set(new.title),
        division: Set(i64::from(new.division.number())),
        account: Set(new.account.as_str().to_owned()),
        created_at: Set(new.created_at.micros()),
        ended_at: Set(None),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(true)
}

/// Ends a locked institution.
pub async fn end(
    transaction: &DatabaseTransaction,
    id: MedicalInstitutionId,
    at: Timestamp,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(at.micros()))
        .filter(Column::InstitutionId.eq(uuid_bytes(id.uuid())))
        .exec(transaction)
        .await?;
    Ok(())
}
