//! The table `checkpoints`.

use std::collections::HashMap;

use lutong_kernel::{CheckpointId, DivisionCode, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{in_division, read_division, read_uuid, uuid_bytes};
use lutong_transport::access::DivisionPermit;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
};
use uuid::Uuid;

use self::checkpoint::{ActiveModel, Column, Entity, Model};
use super::domain::{Checkpoint, Kind, State};

pub mod checkpoint {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "checkpoints")]
    pub struct Model {
        /// Ordered by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub checkpoint_id: Vec<u8>,
        pub kind: String,
        /// The code as a number.
        pub division: i64,
        pub place_name: String,
        pub created_at: i64,
        /// When one of its devices was last heard of.
        pub heard_at: Option<i64>,
        pub ended_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Which checkpoints of those that are reached.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// In this division or inside it.
    pub division: Option<DivisionCode>,
    pub kind: Option<Kind>,
    pub state: Option<State>,
    /// Active ones of which nothing was heard since this instant.
    pub silent_since: Option<Timestamp>,
}

impl TryFrom<Model> for Checkpoint {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let Model {
            checkpoint_id,
            kind,
            division,
            place_name,
            created_at,
            heard_at,
            ended_at,
        } = row;
        let damaged = |_| StorageError::Damaged("checkpoints.kind".to_owned());
        Ok(Self {
            id: CheckpointId::from_uuid(read_uuid(&checkpoint_id, "checkpoints.checkpoint_id")?),
            kind: kind.parse().map_err(damaged)?,
            division: read_division(division, "checkpoints.division")?,
            place_name,
            created_at: Timestamp::from_micros(created_at),
            heard_at: heard_at.map(Timestamp::from_micros),
            ended_at: ended_at.map(Timestamp::from_micros),
        })
    }
}

fn reached(permit: DivisionPermit, id: CheckpointId) -> Select<Entity> {
    Entity::find_by_id(uuid_bytes(id.uuid()))
        .filter(in_division(Column::Division, permit.jurisdiction().division()))
}

/// A checkpoint of the division of the permit.
pub async fn find(
    connection: &impl ConnectionTrait,
    permit: DivisionPermit,
    id: CheckpointId,
) -> Result<Option<Checkpoint>, StorageError> {
    let row = reached(permit, id).one(connection).await?;
    row.map(Checkpoint::try_from).transpose()
}

/// Like [`find`], locked until the end of the transaction.
pub async fn lock(
    transaction: &DatabaseTransaction,
    permit: DivisionPermit,
    id: CheckpointId,
) -> Result<Option<Checkpoint>, StorageError> {
    let row = reached(permit, id).lock_exclusive().one(transaction).await?;
    row.map(Checkpoint::try_from).transpose()
}

/// Checkpoints by their ids, for their own devices and reports.
pub async fn find_all(
    connection: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = CheckpointId>,
) -> Result<HashMap<CheckpointId, Checkpoint>, StorageError> {
    let mut ids: Vec<_> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let keys = ids.into_iter().map(|id| uuid_bytes(id.uuid()));
    let rows = Entity::find()
        .filter(Column::CheckpointId.is_in(keys))
        .all(connection)
        .await?;
    let read = |row: Model| Checkpoint::try_from(row).map(|checkpoint| (checkpoint.id, checkpoint));
    rows.into_iter().map(read).collect()
}

/// Checkpoints of the division of the permit, the newest first, from before an id on.
pub async fn list(
    connection: &impl ConnectionTrait,
    permit: DivisionPermit,
    filter: Filter,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Checkpoint>, StorageError> {
    let mut all = Condition::all().add(in_division(Column::Division, permit.jurisdiction().division()));
    if let Some(division) = filter.division {
        all = all.add(in_division(Column::Division, division));
    }
    if let Some(kind) = filter.kind {
        all = all.add(Column::Kind.eq(kind.into_str()));
    }
    all = match filter.state {
        None => all,
        Some(State::Active) => all.add(Column::EndedAt.is_null()),
        Some(State::Ended) => all.add(Column::EndedAt.is_not_null()),
    };
    if let Some(since) = filter.silent_since {
        let never = Condition::all()
            .add(Column::HeardAt.is_null())
            .add(Column::CreatedAt.lte(since.micros()));
        let silent = Condition::any()
            .add(Column::HeardAt.lte(since.micros()))
            .add(never);
        all = all.add(Column::EndedAt.is_null()).add(silent);
    }
    if let Some(before) = before {
        all = all.add(Column::CheckpointId.lt(uuid_bytes(before)));
    }
    let rows = Entity::find()
        .filter(all)
        .order_by_desc(Column::CheckpointId)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(Checkpoint::try_from).collect()
}

pub async fn insert(transaction: &DatabaseTransaction, new: Checkpoint) -> Result<(), StorageError> {
    let row = ActiveModel {
        checkpoint_id: Set(uuid_bytes(new.id.uuid())),
        kind: Set(new.kind.into_str().to_owned()),
        division: Set(i64::from(new.division.number())),
        place_name: Set(new.place_name),
        created_at: Set(new.created_at.micros()),
        heard_at: Set(new.heard_at.map(Timestamp::micros)),
        ended_at: Set(new.ended_at.map(Timestamp::micros)),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// Ends a locked checkpoint.
pub async fn end(
    transaction: &DatabaseTransaction,
    id: CheckpointId,
    at: Timestamp,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(at.micros()))
        .filter(Column::CheckpointId.eq(uuid_bytes(id.uuid())))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Notes that a device of a checkpoint was heard of.
pub async fn hear(
    transaction: &DatabaseTransaction,
    id: CheckpointId,
    at: Timestamp,
) -> Result<(), StorageError> {
    let earlier = Condition::any()
        .add(Column::HeardAt.is_null())
        .add(Column::HeardAt.lt(at.micros()));
    Entity::update_many()
        .col_expr(Column::HeardAt, Expr::value(at.micros()))
        .filter(Column::CheckpointId.eq(uuid_bytes(id.uuid())))
        .filter(earlier)
        .exec(transaction)
        .await?;
    Ok(())
}
