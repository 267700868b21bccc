//! Key areas, proposed, approved and closed.

use lutong_kernel::{DivisionCode, Jurisdiction, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_division, read_uuid, uuid_bytes};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use super::signature;
use super::tables::key_area::{ActiveModel, Column, Entity, Model};
use crate::domain::approval::{Approval, Closing, Signature, State};
use crate::domain::key_area::{KeyArea, Proposal};
use crate::domain::legal_basis::LegalBasis;

fn read(row: Model) -> Result<KeyArea, StorageError> {
    let damaged = |what: &str| StorageError::Damaged(format!("key_areas.{what}"));
    let closed = match &row.closed_as {
        Some(how) => {
            let how = Closing::parse(how).ok_or_else(|| damaged("closed_as"))?;
            signature(row.closed_by, row.closed_at).map(|by| (how, by))
        }
        None => None,
    };
    Ok(KeyArea {
        id: read_uuid(&row.uid, "key_areas.uid")?,
        proposal: Proposal {
            code: read_division(row.code, "key_areas.code")?,
            from: Timestamp::from_micros(row.from_at),
            to: row.to_at.map(Timestamp::from_micros),
            basis: LegalBasis::parse(&row.legal_basis).ok_or_else(|| damaged("legal_basis"))?,
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
        legal_basis: Set(one.proposal.basis.code().to_owned()),
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

/// One of the jurisdiction; of others nothing is said.
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

/// Notes who closed one, and until when it is.
pub async fn close(
    transaction: &DatabaseTransaction,
    one: &KeyArea,
    (how, closed): (Closing, &Signature),
) -> Result<(), StorageError> {
    let to = one.proposal.to.map(Timestamp::micros);
    Entity::update_many()
        .col_expr(Column::ToAt, Expr::value(to))
        .col_expr(Column::ClosedAs, Expr::value(how.as_str()))
        .col_expr(Column::ClosedBy, Expr::value(closed.officer.as_str()))
        .col_expr(Column::ClosedAt, Expr::value(closed.at.micros()))
        .filter(Column::Uid.eq(uuid_bytes(one.id)))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Whether an approved one has the same listing: division and beginning.
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

/// What a list of key areas is narrowed to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    pub state: Option<State>,
    pub division: Option<DivisionCode>,
}

/// Those of the jurisdiction before an id, the newest first.
pub async fn list(
    connection: &impl ConnectionTrait,
    own: Jurisdiction,
    (filter, now): (Filter, Timestamp),
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<KeyArea>, StorageError> {
    let mut query = Entity::find().filter(super::inside(Column::Code, own.division()));
    if let Some(division) = filter.division {
        query = query.filter(super::inside(Column::Code, division));
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
    let closed = |how: Closing| Condition::all().add(Column::ClosedAs.eq(how.as_str()));
    match state {
        State::Proposed => open.add(Column::ApprovedAt.is_null()).add(is_over.not()),
        State::Approved => open.add(Column::ApprovedAt.is_not_null()).add(is_over.not()),
        State::Expired => open.add(is_over),
        State::Rejected => closed(Closing::Rejected),
        State::Withdrawn => closed(Closing::Withdrawn),
        State::Ended => closed(Closing::Ended),
        // No statement stands for a key area that could be taken back.
        State::Retracted => Condition::all().add(Expr::value(false)),
    }
}
