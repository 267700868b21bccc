//! Designations as stored. Every query takes a permit and returns only designations of its jurisdiction.

use lutong_kernel::{DivisionCode, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{
    in_division, read_division, read_subject, read_uuid, subject_bytes, uuid_bytes,
};
use lutong_transport::access::DivisionPermit;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use crate::approval::domain::{Approval, Closing, Signature, State};
use crate::approval::store::{closing, signature};
use crate::designations::domain::Designation;
use designation::{ActiveModel, Column, Entity, Model};

/// The table `designations`.
pub mod designation {
    use sea_orm::entity::prelude::*;

    /// A designation, proposed by one officer and approved by another.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "designations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Vec<u8>,
        pub subject_id: Vec<u8>,
        pub level: String,
        pub from_at: i64,
        pub until_at: i64,
        pub legal_basis: String,
        pub division: i64,
        /// Accounts of officers.
        pub proposed_by: String,
        pub proposed_at: i64,
        pub approved_by: Option<String>,
        pub approved_at: Option<i64>,
        /// How it was closed: rejected, withdrawn or ended.
        pub closed_as: Option<String>,
        pub closed_by: Option<String>,
        pub closed_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

impl TryFrom<Model> for Designation {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let damaged = |what: &str| StorageError::Damaged(format!("designations.{what}"));
        let closed = closing(
            "designations",
            row.closed_as.as_deref(),
            row.closed_by,
            row.closed_at,
        )?;
        Ok(Self {
            id: read_uuid(&row.id, "designations.id")?,
            subject: read_subject(&row.subject_id, "designations.subject_id")?,
            level: row.level.parse().map_err(|_| damaged("level"))?,
            from: Timestamp::from_micros(row.from_at),
            until: Timestamp::from_micros(row.until_at),
            basis: row.legal_basis.parse().map_err(|_| damaged("legal_basis"))?,
            division: read_division(row.division, "designations.division")?,
            approval: Approval {
                proposed: Signature {
                    officer: row.proposed_by,
                    at: Timestamp::from_micros(row.proposed_at),
                },
                approved: signature(row.approved_by, row.approved_at),
                closed,
            },
        })
    }
}

/// Stores a proposal. The caller has checked that the permit covers the subject.
pub async fn insert(
    transaction: &DatabaseTransaction,
    _permit: &DivisionPermit,
    one: &Designation,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        id: Set(uuid_bytes(one.id)),
        subject_id: Set(subject_bytes(one.subject)),
        level: Set(one.level.into_str().to_owned()),
        from_at: Set(one.from.micros()),
        until_at: Set(one.until.micros()),
        legal_basis: Set(one.basis.into_str().to_owned()),
        division: Set(i64::from(one.division.number())),
        proposed_by: Set(one.approval.proposed.officer.clone()),
        proposed_at: Set(one.approval.proposed.at.micros()),
        approved_by: Set(None),
        approved_at: Set(None),
        closed_as: Set(None),
        closed_by: Set(None),
        closed_at: Set(None),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

fn reached(permit: DivisionPermit, row: Option<Model>) -> Result<Option<Designation>, StorageError> {
    let found = row.map(Designation::try_from).transpose()?;
    Ok(found.filter(|one| permit.jurisdiction().covers(one.division)))
}

pub async fn find(
    connection: &impl ConnectionTrait,
    permit: &DivisionPermit,
    id: Uuid,
) -> Result<Option<Designation>, StorageError> {
    reached(*permit, Entity::find_by_id(uuid_bytes(id)).one(connection).await?)
}

/// One designation, locked until the end of the transaction.
pub async fn lock(
    transaction: &DatabaseTransaction,
    permit: &DivisionPermit,
    id: Uuid,
) -> Result<Option<Designation>, StorageError> {
    let query = Entity::find_by_id(uuid_bytes(id)).lock_exclusive();
    reached(*permit, query.one(transaction).await?)
}

/// Stores the approval of a locked designation.
pub async fn approve(
    transaction: &DatabaseTransaction,
    locked: &Designation,
    approved: &Signature,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::ApprovedBy, Expr::value(approved.officer.as_str()))
        .col_expr(Column::ApprovedAt, Expr::value(approved.at.micros()))
        .filter(Column::Id.eq(uuid_bytes(locked.id)))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Stores the closing of a locked designation and its end.
pub async fn close(
    transaction: &DatabaseTransaction,
    locked: &Designation,
    (how, closed): (Closing, &Signature),
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::UntilAt, Expr::value(locked.until.micros()))
        .col_expr(Column::ClosedAs, Expr::value(how.into_str()))
        .col_expr(Column::ClosedBy, Expr::value(closed.officer.as_str()))
        .col_expr(Column::ClosedAt, Expr::value(closed.at.micros()))
        .filter(Column::Id.eq(uuid_bytes(locked.id)))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Restricts a list of designations. Without a filter, the list contains all designations of the jurisdiction.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    pub state: Option<State>,
    pub division: Option<DivisionCode>,
}

/// Designations before an id, the newest first. Whether the fact of an approved designation is still current is known to
/// [`crate::facts::store::statements`] only: APPROVED and RETRACTED are not distinguished here.
pub async fn list(
    connection: &impl ConnectionTrait,
    permit: &DivisionPermit,
    (filter, now): (Filter, Timestamp),
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Designation>, StorageError> {
    let own = permit.jurisdiction().division();
    let mut query = Entity::find().filter(in_division(Column::Division, own));
    if let Some(division) = filter.division {
        query = query.filter(in_division(Column::Division, division));
    }
    if let Some(state) = filter.state {
        query = query.filter(in_state(state, now));
    }
    if let Some(before) = before {
        query = query.filter(Column::Id.lt(uuid_bytes(before)));
    }
    let rows = query
        .order_by_desc(Column::Id)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(Designation::try_from).collect()
}

fn in_state(state: State, now: Timestamp) -> Condition {
    let open = Condition::all().add(Column::ClosedAs.is_null());
    let is_over = Column::UntilAt.lte(now.micros());
    let closed = |how: Closing| Condition::all().add(Column::ClosedAs.eq(how.into_str()));
    match state {
        State::Proposed => open.add(Column::ApprovedAt.is_null()).add(is_over.not()),
        State::Approved => open.add(Column::ApprovedAt.is_not_null()).add(is_over.not()),
        State::Retracted => open.add(Column::ApprovedAt.is_not_null()),
        State::Expired => open.add(is_over),
        State::Rejected => closed(Closing::Rejected),
        State::Withdrawn => closed(Closing::Withdrawn),
        State::Ended => closed(Closing::Ended),
    }
}

/// Approved designations that are not closed and whose period contains an instant, for the public count. Whether their facts
/// are still current is known to [`crate::facts::store::statements`] only.
pub async fn running(
    connection: &impl ConnectionTrait,
    at: Timestamp,
) -> Result<Vec<Designation>, StorageError> {
    let rows = Entity::find()
        .filter(in_state(State::Approved, at))
        .filter(Column::FromAt.lte(at.micros()))
        .order_by_asc(Column::Id)
        .all(connection)
        .await?;
    rows.into_iter().map(Designation::try_from).collect()
}
