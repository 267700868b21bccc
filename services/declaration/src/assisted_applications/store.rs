//! The table `assisted_applications`: applications that counter staff entered, by the division of the home, and by the divisions around it.

use lutong_kernel::{ApplicationId, DivisionCode, SubjectId};
use lutong_storage::StorageError;
use lutong_storage::column::{read_subject, read_uuid, subject_bytes, uuid_bytes};
use lutong_transport::access::DivisionPermit;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use self::assisted_application::{ActiveModel, Column, Entity, Model};

pub mod assisted_application {
    use sea_orm::entity::prelude::*;

    /// An assisted application that concerns the staff of a division.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "assisted_applications")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        /// Ordered by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub declaration_id: Vec<u8>,
        /// The code as a number.
        #[sea_orm(primary_key, auto_increment = false)]
        pub division: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The key of a declaration.
pub type DeclarationKey = (SubjectId, ApplicationId);

/// Lists an application under divisions.
pub async fn insert(
    transaction: &DatabaseTransaction,
    (subject, declaration): DeclarationKey,
    divisions: Vec<DivisionCode>,
) -> Result<(), StorageError> {
    let rows = divisions.into_iter().map(|division| ActiveModel {
        subject_id: Set(subject_bytes(subject)),
        declaration_id: Set(uuid_bytes(declaration.uuid())),
        division: Set(i64::from(division.number())),
    });
    Entity::insert_many(rows)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// One of the division of the permit.
pub async fn find(
    connection: &impl ConnectionTrait,
    permit: DivisionPermit,
    id: Uuid,
) -> Result<Option<DeclarationKey>, StorageError> {
    let row = Entity::find()
        .filter(Column::Division.eq(number(permit)))
        .filter(Column::DeclarationId.eq(uuid_bytes(id)))
        .one(connection)
        .await?;
    row.as_ref().map(read).transpose()
}

/// Those of the division of the permit, the newest first, from before an id on.
pub async fn list(
    connection: &impl ConnectionTrait,
    permit: DivisionPermit,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<DeclarationKey>, StorageError> {
    let mut rows = Entity::find()
        .filter(Column::Division.eq(number(permit)))
        .order_by_desc(Column::DeclarationId)
        .limit(limit);
    if let Some(before) = before {
        rows = rows.filter(Column::DeclarationId.lt(uuid_bytes(before)));
    }
    rows.all(connection).await?.iter().map(read).collect()
}

fn number(permit: DivisionPermit) -> i64 {
    i64::from(permit.jurisdiction().division().number())
}

fn read(row: &Model) -> Result<DeclarationKey, StorageError> {
    let id = read_uuid(&row.declaration_id, "assisted_applications.declaration_id")?;
    let subject = read_subject(&row.subject_id, "assisted_applications.subject_id")?;
    Ok((subject, ApplicationId::from_uuid(id)))
}
