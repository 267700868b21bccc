//! The table `homes`.

use std::collections::{BTreeMap, HashMap};

use lutong_kernel::{DivisionCode, SubjectId};
use lutong_storage::StorageError;
use lutong_storage::column::{read_division, read_subject, subject_bytes};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _,
};

use self::home::{ActiveModel, Column, Entity};

pub mod home {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "homes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        /// The county's code as a number.
        pub division: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Stores where people live now.
pub async fn place(
    transaction: &DatabaseTransaction,
    homes: &BTreeMap<SubjectId, DivisionCode>,
) -> Result<(), StorageError> {
    if homes.is_empty() {
        return Ok(());
    }
    let rows = homes.iter().map(|(subject, division)| ActiveModel {
        subject_id: Set(subject_bytes(*subject)),
        division: Set(i64::from(division.number())),
    });
    Entity::insert_many(rows)
        .on_conflict(
            OnConflict::column(Column::SubjectId)
                .update_column(Column::Division)
                .to_owned(),
        )
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// Where each of these people lives, as far as it is known.
pub async fn of(
    connection: &impl ConnectionTrait,
    subjects: &[SubjectId],
) -> Result<HashMap<SubjectId, DivisionCode>, StorageError> {
    let rows = Entity::find()
        .filter(Column::SubjectId.is_in(subjects.iter().map(|subject| subject_bytes(*subject))))
        .all(connection)
        .await?;
    let read = |row: home::Model| {
        let subject = read_subject(&row.subject_id, "homes.subject_id")?;
        Ok((subject, read_division(row.division, "homes.division")?))
    };
    rows.into_iter().map(read).collect()
}
