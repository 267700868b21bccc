//! Key areas as stored.

use lutong_kernel::{DivisionCode, Jurisdiction, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{in_division, read_division, read_uuid, uuid_bytes};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use crate::approval::domain::{Approval, Closing, Signature, State};
use crate::approval::store::{closing, signature};
use crate::key_areas::domain::{KeyArea, Proposal};
use key_area::{ActiveModel, Column, Entity, Model};

/// The table `key_areas`.
pub mod key_area {
    use sea_orm::entity::prelude::*;

    /// A key area that an officer proposed, and who approved it.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "key_areas")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        /// The id of the resource, a UUID of version 7: ordered by time.
        pub uid: Vec<u8>,
        pub code: i64,
        pub from_at: i64,
        pub to_at: Option<i64>,
        pub legal_basis: String,
        /// Accounts.
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

fn read(row: Model) -> Result<KeyArea, StorageError> {
    let damaged = |what: &str| StorageError::Damaged(format!("key_areas.{what}"));
    let closed = closing(
        "key_areas",
        row.closed_as.as_deref(),
        row.closed_by,
        row.closed_at,
    )?;
    Ok(KeyArea {
        id: read_uuid(&row.uid, "key_areas.uid")?,
        proposal: Proposal {
            code: read_division(row.code, "key_areas.code")?,
            from: Timestamp::from_micros(row.from_at),
            to: row.to_at.map(Timestamp::from_micros),
            basis: row.legal_basis.parse().map_err(|_| damaged("legal_basis"))?,
        },
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

pub async fn insert(transaction: &DatabaseTransaction, one: &KeyArea) -> Result<(), StorageError> {
    let row = ActiveModel {
        id: NotSet,
        uid: Set(uuid_bytes(one.id)),
        code: Set(i64::from(one.proposal.code.number())),
        from_at: Set(one.proposal.from.micros()),
        to_at: Set(one.proposal.to.map(Timestamp::micros)),
        legal_basis: Set(one.proposal.basis.into_str().to_owned()),
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

/// A key area of the jurisdiction. Others are reported as not found.
pub async fn find(
    connection: &impl ConnectionTrait,
    own: Jurisdiction,
    id: Uuid,
) -> Result<Option<KeyArea>, StorageError> {
    let row = Entity::find()
        .filter(Column::Uid.eq(uuid_bytes(id)))
        .one(connection)
        .await?;
    let found = row.map(read).transpose()?;
    Ok(found.filter(|one| own.covers(one.proposal.code)))
}

/// Stores the approval of a key area.
pub async fn approve(
    transaction: &DatabaseTransaction,
    id: Uuid,
    approved: &Signature,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::ApprovedBy, Expr::value(approved.officer.as_str()))
        .col_expr(Column::ApprovedAt, Expr::value(approved.at.micros()))
        .filter(Column::Uid.eq(uuid_bytes(id)))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Stores the closing of a key area and its end.
pub async fn close(
    transaction: &DatabaseTransaction,
    one: &KeyArea,
    (how, closed): (Closing, &Signature),
) -> Result<(), StorageError> {
    let to = one.proposal.to.map(Timestamp::micros);
    Entity::update_many()
        .col_expr(Column::ToAt, Expr::value(to))
        .col_expr(Column::ClosedAs, Expr::value(how.into_str()))
        .col_expr(Column::ClosedBy, Expr::value(closed.officer.as_str()))
        .col_expr(Column::ClosedAt, Expr::value(closed.at.micros()))
        .filter(Column::Uid.eq(uuid_bytes(one.id)))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Whether an approved key area has the same listing: the same division and beginning.
pub async fn is_listed(transaction: &DatabaseTransaction, proposal: &Proposal) -> Result<bool, StorageError> {
    let there = Entity::find()
        .filter(Column::Code.eq(i64::from(proposal.code.number())))
        .filter(Column::FromAt.eq(proposal.from.micros()))
        .filter(Column::ApprovedAt.is_not_null())
        .filter(Column::ClosedAs.is_null())
        .one(transaction)
        .await?;
    Ok(there.is_some())
}

/// Restricts a list of key areas.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    pub state: Option<State>,
    pub division: Option<DivisionCode>,
}

/// Key areas of the jurisdiction before an id, the newest first.
pub async fn list(
    connection: &impl ConnectionTrait,
    own: Jurisdiction,
    (filter, now): (Filter, Timestamp),
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<KeyArea>, StorageError> {
    let mut query = Entity::find().filter(in_division(Column::Code, own.division()));
    if let Some(division) = filter.division {
        query = query.filter(in_division(Column::Code, division));
    }
    if let Some(state) = filter.state {
        query = query.filter(in_state(state, now));
    }
    if let Some(before) = before {
        query = query.filter(Column::Uid.lt(uuid_bytes(before)));
    }
    let rows = query
        .order_by_desc(Column::Uid)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(read).collect()
}

fn in_state(state: State, now: Timestamp) -> Condition {
    let open = Condition::all().add(Column::ClosedAs.is_null());
    let is_over = Condition::all()
        .add(Column::ToAt.is_not_null())
        .add(Column::ToAt.lte(now.micros()));
    let closed = |how: Closing| Condition::all().add(Column::ClosedAs.eq(how.into_str()));
    match state {
        State::Proposed => open.add(Column::ApprovedAt.is_null()).add(is_over.not()),
        State::Approved => open.add(Column::ApprovedAt.is_not_null()).add(is_over.not()),
        State::Expired => open.add(is_over),
        State::Rejected => closed(Closing::Rejected),
        State::Withdrawn => closed(Closing::Withdrawn),
        State::Ended => closed(Closing::Ended),
        // A key area is not a fact, so that it cannot be retracted.
        State::Retracted => Condition::all().add(Expr::value(false)),
    }
}
