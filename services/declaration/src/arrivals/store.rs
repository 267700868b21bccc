//! The table `division_arrivals`: arrivals by the division of their destination, and by the divisions around it.

use lutong_kernel::{ApplicationId, DivisionCode, SubjectId};
use lutong_storage::StorageError;
use lutong_storage::column::{read_subject, read_uuid, subject_bytes, uuid_bytes};
use lutong_transport::access::DivisionPermit;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, Order,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use self::division_arrival::{ActiveModel, Column, Entity, Model};

pub mod division_arrival {
    use sea_orm::entity::prelude::*;

    /// An arrival that concerns the officers of a division.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "division_arrivals")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub declaration_id: Vec<u8>,
        /// The code as a number.
        #[sea_orm(primary_key, auto_increment = false)]
        pub division: i64,
        /// That of the event in this service's log.
        pub sequence: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// An arrival in a division.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArrivalKey {
    pub subject: SubjectId,
    pub declaration: ApplicationId,
    pub sequence: i64,
}

/// Lists arrivals under divisions. One that is there already stays.
pub async fn insert(
    transaction: &DatabaseTransaction,
    arrivals: &[(ArrivalKey, Vec<DivisionCode>)],
) -> Result<(), StorageError> {
    let rows = arrivals.iter().flat_map(|(key, divisions)| {
        divisions.iter().map(|division| ActiveModel {
            subject_id: Set(subject_bytes(key.subject)),
            declaration_id: Set(uuid_bytes(key.declaration.uuid())),
            division: Set(i64::from(division.number())),
            sequence: Set(key.sequence),
        })
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return Ok(());
    }
    let key = [Column::SubjectId, Column::DeclarationId, Column::Division];
    Entity::insert_many(rows)
        .on_conflict(OnConflict::columns(key).do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// Which arrivals of a division to read.
#[derive(Debug, Clone, Copy)]
pub enum Span {
    /// The newest first, those before a sequence.
    Before(Option<i64>),
    /// In order, those after a sequence.
    After(i64),
}

/// Arrivals of a division, which the permit covers.
pub async fn of_division(
    connection: &impl ConnectionTrait,
    _permit: DivisionPermit,
    division: DivisionCode,
    span: Span,
    limit: u64,
) -> Result<Vec<ArrivalKey>, StorageError> {
    let mut rows = Entity::find().filter(Column::Division.eq(i64::from(division.number())));
    let order = match span {
        Span::Before(before) => {
            if let Some(before) = before {
                rows = rows.filter(Column::Sequence.lt(before));
            }
            Order::Desc
        }
        Span::After(after) => {
            rows = rows.filter(Column::Sequence.gt(after));
            Order::Asc
        }
    };
    let rows = rows
        .order_by(Column::Sequence, order)
        .limit(limit)
        .all(connection)
        .await?;
    rows.iter().map(read).collect()
}

fn read(row: &Model) -> Result<ArrivalKey, StorageError> {
    Ok(ArrivalKey {
        subject: read_subject(&row.subject_id, "division_arrivals.subject_id")?,
        declaration: ApplicationId::from_uuid(read_uuid(
            &row.declaration_id,
            "division_arrivals.declaration_id",
        )?),
        sequence: row.sequence,
    })
}
