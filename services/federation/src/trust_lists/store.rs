//! The table `trust_lists`.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use self::trust_list::{ActiveModel, Column, Entity, Model};
use super::domain::{ListState, StoredList};
use crate::partners::domain::Signature;
use crate::seal::RowSeal;

const TABLE: &str = "trust_lists";

pub mod trust_list {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "trust_lists")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub sequence: i64,
        pub state: String,
        /// As signed.
        pub document: Vec<u8>,
        /// JSON.
        pub comparison: String,
        pub staged_by: String,
        pub staged_at: i64,
        pub decided_by: Option<String>,
        pub decided_at: Option<i64>,
        pub seal: Vec<u8>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

impl Model {
    fn seal(&self, seal: &RowSeal) -> Vec<u8> {
        let number = |number: i64| number.to_be_bytes();
        let decided_at = self.decided_at.map(number);
        seal.of(
            TABLE,
            &[
                Some(&number(self.sequence)),
                Some(self.state.as_bytes()),
                Some(&self.document),
                Some(self.comparison.as_bytes()),
                Some(self.staged_by.as_bytes()),
                Some(&number(self.staged_at)),
                self.decided_by.as_deref().map(str::as_bytes),
                decided_at.as_ref().map(<[u8; 8]>::as_slice),
            ],
        )
    }

    fn write(list: &StoredList, seal: &RowSeal) -> Result<Self, StorageError> {
        let comparison = serde_json::to_string(&list.comparison)
            .map_err(|error| StorageError::Damaged(format!("{TABLE}.comparison: {error}")))?;
        let mut row = Self {
            sequence: list.sequence,
            state: list.state.into_str().to_owned(),
            document: list.document.clone(),
            comparison,
            staged_by: list.staged.account.clone(),
            staged_at: list.staged.at.micros(),
            decided_by: list.decided.as_ref().map(|by| by.account.clone()),
            decided_at: list.decided.as_ref().map(|by| by.at.micros()),
            seal: Vec::new(),
        };
        row.seal = row.seal(seal);
        Ok(row)
    }

    /// The list of a row; DAMAGED where the row is not as it was written.
    fn read(self, seal: &RowSeal) -> StoredList {
        let is_intact = self.seal == self.seal(seal);
        let state = self.state.parse().ok().filter(|_| is_intact);
        let comparison = serde_json::from_str(&self.comparison).ok();
        let decided_at = self.decided_at.map(Timestamp::from_micros);
        StoredList {
            sequence: self.sequence,
            state: state.unwrap_or(ListState::Damaged),
            document: self.document,
            comparison: comparison.unwrap_or_default(),
            staged: Signature {
                account: self.staged_by,
                at: Timestamp::from_micros(self.staged_at),
            },
            decided: self
                .decided_by
                .zip(decided_at)
                .map(|(account, at)| Signature { account, at }),
        }
    }
}

/// Stores a list that was staged.
pub async fn insert(
    transaction: &DatabaseTransaction,
    seal: &RowSeal,
    list: &StoredList,
) -> Result<(), StorageError> {
    let row: ActiveModel = Model::write(list, seal)?.into();
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// Stores how a list stands now.
pub async fn update(
    transaction: &DatabaseTransaction,
    seal: &RowSeal,
    list: &StoredList,
) -> Result<(), StorageError> {
    let row = Model::write(list, seal)?;
    let row = ActiveModel {
        state: Set(row.state),
        decided_by: Set(row.decided_by),
        decided_at: Set(row.decided_at),
        seal: Set(row.seal),
        ..Default::default()
    };
    Entity::update_many()
        .set(row)
        .filter(Column::Sequence.eq(list.sequence))
        .exec(transaction)
        .await?;
    Ok(())
}

pub async fn find(
    connection: &impl ConnectionTrait,
    seal: &RowSeal,
    sequence: i64,
) -> Result<Option<StoredList>, StorageError> {
    let row = Entity::find_by_id(sequence).one(connection).await?;
    Ok(row.map(|row| row.read(seal)))
}

/// The highest sequence number that was ever stored.
pub async fn highest(connection: &impl ConnectionTrait) -> Result<Option<i64>, StorageError> {
    let row = Entity::find()
        .order_by_desc(Column::Sequence)
        .one(connection)
        .await?;
    Ok(row.map(|row| row.sequence))
}

/// The list whose row says that it is in force; DAMAGED where that cannot be relied on.
pub async fn standing(
    connection: &impl ConnectionTrait,
    seal: &RowSeal,
) -> Result<Option<StoredList>, StorageError> {
    let row = Entity::find()
        .filter(Column::State.eq(ListState::Active.into_str()))
        .order_by_desc(Column::Sequence)
        .one(connection)
        .await?;
    Ok(row.map(|row| row.read(seal)))
}

/// Whether a list was ever put in force.
pub async fn was_ever_active(connection: &impl ConnectionTrait) -> Result<bool, StorageError> {
    let states = [ListState::Active.into_str(), ListState::Superseded.into_str()];
    let row = Entity::find()
        .filter(Column::State.is_in(states))
        .one(connection)
        .await?;
    Ok(row.is_some())
}

/// Lists before a sequence number, the highest first.
pub async fn list(
    connection: &impl ConnectionTrait,
    seal: &RowSeal,
    state: Option<ListState>,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<StoredList>, StorageError> {
    let mut query = Entity::find();
    if let Some(state) = state {
        query = query.filter(Column::State.eq(state.into_str()));
    }
    if let Some(before) = before {
        query = query.filter(Column::Sequence.lt(before));
    }
    let rows = query
        .order_by_desc(Column::Sequence)
        .limit(limit)
        .all(connection)
        .await?;
    Ok(rows.into_iter().map(|row| row.read(seal)).collect())
}
