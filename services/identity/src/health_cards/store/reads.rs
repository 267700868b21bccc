//! The table `health_card_reads`: what reports of use and patient bindings refer to.

use lutong_kernel::{HealthCardReadId, MedicalInstitutionId, MedicalTerminalId, SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_subject, read_uuid, subject_bytes, uuid_bytes};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _,
};

use self::health_card_read::{ActiveModel, Column, Entity, Model};
use crate::health_cards::domain::CodeKind;

pub mod health_card_read {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "health_card_reads")]
    pub struct Model {
        /// Ordered by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub read_id: Vec<u8>,
        pub subject_id: Vec<u8>,
        pub institution_id: Vec<u8>,
        pub terminal_id: Vec<u8>,
        pub code_kind: String,
        pub read_at: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A reading of a card.
#[derive(Debug, Clone)]
pub struct StoredRead {
    pub id: HealthCardReadId,
    pub subject: SubjectId,
    pub institution: MedicalInstitutionId,
    pub terminal: MedicalTerminalId,
    pub code_kind: CodeKind,
    pub at: Timestamp,
}

impl TryFrom<Model> for StoredRead {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let id = |bytes: &[u8], column: &str| read_uuid(bytes, &format!("health_card_reads.{column}"));
        let damaged = |_| StorageError::Damaged("health_card_reads.code_kind".to_owned());
        Ok(Self {
            id: HealthCardReadId::from_uuid(id(&row.read_id, "read_id")?),
            subject: read_subject(&row.subject_id, "health_card_reads.subject_id")?,
            institution: MedicalInstitutionId::from_uuid(id(&row.institution_id, "institution_id")?),
            terminal: MedicalTerminalId::from_uuid(id(&row.terminal_id, "terminal_id")?),
            code_kind: row.code_kind.parse().map_err(damaged)?,
            at: Timestamp::from_micros(row.read_at),
        })
    }
}

/// A reading by an institution, at an instant or later.
pub async fn find(
    connection: &impl ConnectionTrait,
    institution: MedicalInstitutionId,
    id: HealthCardReadId,
    since: Timestamp,
) -> Result<Option<StoredRead>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id.uuid()))
        .filter(Column::InstitutionId.eq(uuid_bytes(institution.uuid())))
        .filter(Column::ReadAt.gte(since.micros()));
    row.one(connection).await?.map(StoredRead::try_from).transpose()
}

pub async fn insert(transaction: &DatabaseTransaction, new: StoredRead) -> Result<(), StorageError> {
    let row = ActiveModel {
        read_id: Set(uuid_bytes(new.id.uuid())),
        subject_id: Set(subject_bytes(new.subject)),
        institution_id: Set(uuid_bytes(new.institution.uuid())),
        terminal_id: Set(uuid_bytes(new.terminal.uuid())),
        code_kind: Set(new.code_kind.into_str().to_owned()),
        read_at: Set(new.at.micros()),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// Deletes readings that nothing may refer to any more. Returns how many.
pub async fn delete_before(
    transaction: &DatabaseTransaction,
    least: HealthCardReadId,
) -> Result<u64, StorageError> {
    let deleted = Entity::delete_many()
        .filter(Column::ReadId.lt(uuid_bytes(least.uuid())))
        .exec(transaction)
        .await?;
    Ok(deleted.rows_affected)
}
