//! The table `recognition_refusals`.

use lutong_kernel::{DivisionCode, RecognitionRefusalId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{in_division, read_division, read_uuid, uuid_bytes};
use lutong_transport::access::DivisionPermit;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
};
use uuid::Uuid;

use self::recognition_refusal::{ActiveModel, Column, Entity, Model};
use crate::domain::place::PlaceKind;
use crate::domain::recognition_refusal::{RecognitionRefusal, Report, Signature, State};

pub mod recognition_refusal {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "recognition_refusals")]
    pub struct Model {
        /// Ordered by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub recognition_refusal_id: Vec<u8>,
        /// The code as a number.
        pub division: i64,
        pub place_kind: Option<String>,
        pub place_name: Option<String>,
        pub legal_basis: String,
        pub approval_reference: String,
        pub from_at: i64,
        pub planned_until_at: i64,
        /// Accounts of supervisors.
        pub proposed_by: String,
        pub proposed_at: i64,
        pub approved_by: Option<String>,
        pub approved_at: Option<i64>,
        pub ended_by: Option<String>,
        pub ended_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn signature(account: Option<String>, at: Option<i64>) -> Option<Signature> {
    Some(Signature {
        account: account?,
        at: Timestamp::from_micros(at?),
    })
}

impl TryFrom<Model> for RecognitionRefusal {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let id = read_uuid(
            &row.recognition_refusal_id,
            "recognition_refusals.recognition_refusal_id",
        )?;
        let damaged = |_| StorageError::Damaged("recognition_refusals.place_kind".to_owned());
        let place_kind = row.place_kind.as_deref().map(str::parse);
        Ok(Self {
            id: RecognitionRefusalId::from_uuid(id),
            report: Report {
                division: read_division(row.division, "recognition_refusals.division")?,
                place_kind: place_kind.transpose().map_err(damaged)?,
                place_name: row.place_name,
                legal_basis: row.legal_basis,
                approval_reference: row.approval_reference,
                from: Timestamp::from_micros(row.from_at),
                planned_until: Timestamp::from_micros(row.planned_until_at),
            },
            proposed: Signature {
                account: row.proposed_by,
                at: Timestamp::from_micros(row.proposed_at),
            },
            approved: signature(row.approved_by, row.approved_at),
            ended: signature(row.ended_by, row.ended_at),
        })
    }
}

/// Stores what was reported. The caller has checked that the permit covers its division.
pub async fn insert(
    transaction: &DatabaseTransaction,
    refusal: &RecognitionRefusal,
) -> Result<(), StorageError> {
    let RecognitionRefusal {
        id,
        report,
        proposed,
        approved: _,
        ended: _,
    } = refusal;
    let row = ActiveModel {
        recognition_refusal_id: Set(uuid_bytes(id.uuid())),
        division: Set(i64::from(report.division.number())),
        place_kind: Set(report.place_kind.map(|kind| kind.into_str().to_owned())),
        place_name: Set(report.place_name.clone()),
        legal_basis: Set(report.legal_basis.clone()),
        approval_reference: Set(report.approval_reference.clone()),
        from_at: Set(report.from.micros()),
        planned_until_at: Set(report.planned_until.micros()),
        proposed_by: Set(proposed.account.clone()),
        proposed_at: Set(proposed.at.micros()),
        approved_by: Set(None),
        approved_at: Set(None),
        ended_by: Set(None),
        ended_at: Set(None),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// A refusal of the division of the permit, locked until the end of the transaction.
pub async fn lock(
    transaction: &DatabaseTransaction,
    permit: DivisionPermit,
    id: RecognitionRefusalId,
) -> Result<Option<RecognitionRefusal>, StorageError> {
    let own = in_division(Column::Division, permit.jurisdiction().division());
    let query = Entity::find_by_id(uuid_bytes(id.uuid())).filter(own);
    let row = query.lock_exclusive().one(transaction).await?;
    row.map(RecognitionRefusal::try_from).transpose()
}

/// Stores who published a locked refusal.
pub async fn approve(
    transaction: &DatabaseTransaction,
    id: RecognitionRefusalId,
    by: &Signature,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::ApprovedBy, Expr::value(by.account.as_str()))
        .col_expr(Column::ApprovedAt, Expr::value(by.at.micros()))
        .filter(Column::RecognitionRefusalId.eq(uuid_bytes(id.uuid())))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Stores who ended a locked refusal.
pub async fn end(
    transaction: &DatabaseTransaction,
    id: RecognitionRefusalId,
    by: &Signature,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::EndedBy, Expr::value(by.account.as_str()))
        .col_expr(Column::EndedAt, Expr::value(by.at.micros()))
        .filter(Column::RecognitionRefusalId.eq(uuid_bytes(id.uuid())))
        .exec(transaction)
        .await?;
    Ok(())
}

fn in_state(state: State, now: Timestamp) -> Condition {
    let open = Condition::all().add(Column::EndedAt.is_null());
    let is_over = Column::PlannedUntilAt.lte(now.micros());
    let is_ahead = Column::PlannedUntilAt.gt(now.micros());
    match state {
        State::Proposed => open.add(Column::ApprovedAt.is_null()).add(is_ahead),
        State::Approved => open.add(Column::ApprovedAt.is_not_null()).add(is_ahead),
        State::Ended => Condition::all().add(Column::EndedAt.is_not_null()),
        State::Expired => open.add(is_over),
    }
}

/// What is published and holds at an instant; [`RecognitionRefusal::is_in_force`] says the same of one.
fn in_force(now: Timestamp) -> Select<Entity> {
    Entity::find()
        .filter(in_state(State::Approved, now))
        .filter(Column::FromAt.lte(now.micros()))
}

/// A refusal that is in force.
pub async fn find_in_force(
    connection: &impl ConnectionTrait,
    id: RecognitionRefusalId,
    now: Timestamp,
) -> Result<Option<RecognitionRefusal>, StorageError> {
    let query = in_force(now).filter(Column::RecognitionRefusalId.eq(uuid_bytes(id.uuid())));
    let row = query.one(connection).await?;
    row.map(RecognitionRefusal::try_from).transpose()
}

/// Which refusals of those in force.
#[derive(Debug, Clone, Copy, Default)]
pub struct PublicFilter {
    pub division: Option<DivisionCode>,
    pub place_kind: Option<PlaceKind>,
}

/// Refusals in force before an id, the last reported first.
pub async fn list_in_force(
    connection: &impl ConnectionTrait,
    filter: PublicFilter,
    now: Timestamp,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<RecognitionRefusal>, StorageError> {
    let mut query = in_force(now);
    if let Some(division) = filter.division {
        query = query.filter(in_division(Column::Division, division));
    }
    if let Some(kind) = filter.place_kind {
        query = query.filter(Column::PlaceKind.eq(kind.into_str()));
    }
    page(connection, query, before, limit).await
}

/// Which refusals of those that were reported.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    pub division: Option<DivisionCode>,
    pub state: Option<State>,
}

/// Refusals of the division of the permit before an id, the last reported first.
pub async fn list(
    connection: &impl ConnectionTrait,
    permit: DivisionPermit,
    (filter, now): (Filter, Timestamp),
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<RecognitionRefusal>, StorageError> {
    let own = permit.jurisdiction().division();
    let mut query = Entity::find().filter(in_division(Column::Division, own));
    if let Some(division) = filter.division {
        query = query.filter(in_division(Column::Division, division));
    }
    if let Some(state) = filter.state {
        query = query.filter(in_state(state, now));
    }
    page(connection, query, before, limit).await
}

async fn page(
    connection: &impl ConnectionTrait,
    mut query: Select<Entity>,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<RecognitionRefusal>, StorageError> {
    if let Some(before) = before {
        query = query.filter(Column::RecognitionRefusalId.lt(uuid_bytes(before)));
    }
    let rows = query
        .order_by_desc(Column::RecognitionRefusalId)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(RecognitionRefusal::try_from).collect()
}
