//! The table `conversion_rollbacks`, and the conversions that a span concerns.

use lutong_kernel::{ConversionRollbackId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_uuid, uuid_bytes};
use sea_orm::sea_query::{Expr, ExprTrait as _, IntoColumnRef, Query, SelectStatement};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use self::conversion_rollback::{Column, Entity, Model};
use super::domain::{ConversionRollback, RollbackState, Span};
use crate::conversions::domain::{Conversion, ConversionState};
use crate::conversions::store::{change, conversion, read_conversion};
use crate::partners::domain::{PartnerId, Signature};

pub mod conversion_rollback {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "conversion_rollbacks")]
    pub struct Model {
        /// Ordered by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub rollback_id: Vec<u8>,
        pub partner: String,
        pub key_id: Option<String>,
        pub from_at: i64,
        /// Exclusive.
        pub until_at: i64,
        pub reason: String,
        pub state: String,
        pub proposed_by: String,
        pub proposed_at: i64,
        pub decided_by: Option<String>,
        pub decided_at: Option<i64>,
        pub conversions: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// What people here no longer believe.
const ROLLED_BACK: &str = ConversionState::RolledBack.into_str();

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("conversion_rollbacks.{what}"))
}

impl From<&ConversionRollback> for Model {
    fn from(one: &ConversionRollback) -> Self {
        let decided = one.decided.as_ref();
        Self {
            rollback_id: uuid_bytes(one.id.uuid()),
            partner: one.span.partner.to_string(),
            key_id: one.span.key_id.clone(),
            from_at: one.span.from.micros(),
            until_at: one.span.until.micros(),
            reason: one.reason.clone(),
            state: one.state.into_str().to_owned(),
            proposed_by: one.proposed.account.clone(),
            proposed_at: one.proposed.at.micros(),
            decided_by: decided.map(|by| by.account.clone()),
            decided_at: decided.map(|by| by.at.micros()),
            conversions: i64::try_from(one.conversions).unwrap_or(i64::MAX),
        }
    }
}

impl TryFrom<Model> for ConversionRollback {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let id = read_uuid(&row.rollback_id, "conversion_rollbacks.rollback_id")?;
        let decided = row.decided_by.zip(row.decided_at);
        Ok(Self {
            id: ConversionRollbackId::from_uuid(id),
            span: Span {
                partner: PartnerId::parse(&row.partner).map_err(|_| damaged("partner"))?,
                key_id: row.key_id,
                from: Timestamp::from_micros(row.from_at),
                until: Timestamp::from_micros(row.until_at),
            },
            reason: row.reason,
            state: row.state.parse().map_err(|_| damaged("state"))?,
            proposed: Signature {
                account: row.proposed_by,
                at: Timestamp::from_micros(row.proposed_at),
            },
            decided: decided.map(|(account, at)| Signature {
                account,
                at: Timestamp::from_micros(at),
            }),
            conversions: u64::try_from(row.conversions).map_err(|_| damaged("conversions"))?,
        })
    }
}

pub async fn insert(transaction: &DatabaseTransaction, one: &ConversionRollback) -> Result<(), StorageError> {
    Entity::insert(Model::from(one).into_active_model())
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// Stores how a rollback stands now.
pub async fn update(transaction: &DatabaseTransaction, one: &ConversionRollback) -> Result<(), StorageError> {
    let row = Model::from(one);
    Entity::update_many()
        .col_expr(Column::State, Expr::value(row.state))
        .col_expr(Column::DecidedBy, Expr::value(row.decided_by))
        .col_expr(Column::DecidedAt, Expr::value(row.decided_at))
        .col_expr(Column::Conversions, Expr::value(row.conversions))
        .filter(Column::RollbackId.eq(row.rollback_id))
        .exec(transaction)
        .await?;
    Ok(())
}

pub async fn find(
    connection: &impl ConnectionTrait,
    id: ConversionRollbackId,
) -> Result<Option<ConversionRollback>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id.uuid())).one(connection).await?;
    row.map(ConversionRollback::try_from).transpose()
}

/// A rollback, locked until the end of the transaction.
pub async fn lock(
    transaction: &DatabaseTransaction,
    id: ConversionRollbackId,
) -> Result<Option<ConversionRollback>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id.uuid())).lock_exclusive();
    row.one(transaction)
        .await?
        .map(ConversionRollback::try_from)
        .transpose()
}

/// Rollbacks, the newest first, from before an id on.
pub async fn list(
    connection: &impl ConnectionTrait,
    state: Option<RollbackState>,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<ConversionRollback>, StorageError> {
    let mut rows = Entity::find().order_by_desc(Column::RollbackId).limit(limit);
    if let Some(state) = state {
        rows = rows.filter(Column::State.eq(state.into_str()));
    }
    if let Some(before) = before {
        rows = rows.filter(Column::RollbackId.lt(uuid_bytes(before)));
    }
    let rows = rows.all(connection).await?;
    rows.into_iter().map(ConversionRollback::try_from).collect()
}

/// Conversions that rest on what the partner said within a span: its last change was taken in then, or it was converted then and has not changed
/// since. With the span's key where it names one. What the partner has said since stands.
fn concerned(span: &Span) -> Condition {
    let (from, until) = (span.from.micros(), span.until.micros());
    let partner = span.partner.to_string();
    let mut converted = Condition::all()
        .add(conversion::Column::ConvertedAt.gte(from))
        .add(conversion::Column::ConvertedAt.lt(until))
        .add(Expr::exists(changes_of((conversion::Entity, conversion::Column::ConversionId))).not());
    let mut later = changes_of((change::Entity, change::Column::ConversionId));
    let (of_later, of_this) = (
        Expr::col((LATER, change::Column::ChangeId)),
        Expr::col((change::Entity, change::Column::ChangeId)),
    );
    later.and_where(of_later.gt(of_this));
    let mut told = Query::select();
    told.column(change::Column::ConversionId)
        .from(change::Entity)
        .and_where(change::Column::Partner.eq(partner.clone()))
        .and_where(change::Column::RecordedAt.gte(from))
        .and_where(change::Column::RecordedAt.lt(until))
        // What people here decided the partner has not said.
        .and_where(change::Column::State.ne(ROLLED_BACK))
        .and_where(Expr::exists(later).not());
    if let Some(key) = &span.key_id {
        converted = converted.add(conversion::Column::KeyId.eq(key));
        told.and_where(change::Column::KeyId.eq(key));
    }
    Condition::all()
        .add(conversion::Column::Partner.eq(partner))
        .add(conversion::Column::State.ne(ROLLED_BACK))
        .add(
            Condition::any()
                .add(converted)
                .add(conversion::Column::ConversionId.in_subquery(told)),
        )
}

/// The name of the changes that are compared with others.
const LATER: &str = "later";

/// Changes that a partner told, of the conversion that a column names.
fn changes_of(conversion: impl IntoColumnRef) -> SelectStatement {
    let mut changes = Query::select();
    changes
        .expr(Expr::val(1))
        .from_as(change::Entity, LATER)
        .and_where(Expr::col((LATER, change::Column::ConversionId)).equals(conversion))
        .and_where(Expr::col((LATER, change::Column::State)).ne(ROLLED_BACK));
    changes
}

/// How many conversions a span concerns.
pub async fn count(connection: &impl ConnectionTrait, span: &Span) -> Result<u64, StorageError> {
    let found = conversion::Entity::find().filter(concerned(span));
    Ok(found.count(connection).await?)
}

/// Some of the conversions that a span concerns, locked.
pub async fn some(
    transaction: &DatabaseTransaction,
    span: &Span,
    limit: u64,
) -> Result<Vec<Conversion>, StorageError> {
    let rows = conversion::Entity::find()
        .filter(concerned(span))
        .order_by_asc(conversion::Column::ConversionId)
        .limit(limit)
        .lock_exclusive()
        .all(transaction)
        .await?;
    rows.into_iter().map(read_conversion).collect()
}
