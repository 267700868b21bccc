//! Documents of rule sets by version, and the instant from which on each is in force.

use futures::FutureExt as _;
use lutong_kernel::Timestamp;
use lutong_storage::{Database, StorageError};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use lutong_risk_engine::rule_set::RuleSet;

use rule_set::{ActiveModel, Column, Entity, Model};

/// The table `rule_sets`.
pub mod rule_set {
    use sea_orm::entity::prelude::*;

    /// A version of a rule set: the document as its author wrote it.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "rule_sets")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub number: i64,
        pub id: String,
        pub version: String,
        pub document: String,
        pub recorded_at: i64,
        /// The instant from which on it is in force; absent until it is active.
        pub active_from: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A stored version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRuleSet {
    pub number: i64,
    pub id: String,
    pub version: String,
    pub document: String,
    pub recorded_at: Timestamp,
    pub active_from: Option<Timestamp>,
}

impl From<Model> for StoredRuleSet {
    fn from(row: Model) -> Self {
        Self {
            number: row.number,
            id: row.id,
            version: row.version,
            document: row.document,
            recorded_at: Timestamp::from_micros(row.recorded_at),
            active_from: row.active_from.map(Timestamp::from_micros),
        }
    }
}

/// Stores the rule set that a build brings where the store has none yet, in force from its own effective time on. Its record
/// bears that time too, so that several processes that start at once store the same.
pub async fn seed(database: &Database, set: &RuleSet, document: &str) -> Result<(), StorageError> {
    let from = set.effective_from.micros();
    let row = ActiveModel {
        number: NotSet,
        id: Set(set.id.clone()),
        version: Set(set.version.clone()),
        document: Set(document.to_owned()),
        recorded_at: Set(from),
        active_from: Set(Some(from)),
    };
    if !approvals(database.reader()).await?.is_empty() {
        return Ok(());
    }
    let seeded = database.write(move |transaction| {
        async move {
            let same = OnConflict::columns([Column::Id, Column::Version])
                .do_nothing()
                .to_owned();
            Entity::insert(row)
                .on_conflict(same)
                .exec_without_returning(transaction)
                .await?;
            Ok::<_, StorageError>(())
        }
        .boxed()
    });
    seeded.await
}

/// Number and beginning of the versions that are or will be in force, ordered by beginning.
pub async fn approvals(connection: &impl ConnectionTrait) -> Result<Vec<(i64, Timestamp)>, StorageError> {
    let rows: Vec<(i64, i64)> = Entity::find()
        .select_only()
        .column(Column::Number)
        .column(Column::ActiveFrom)
        .filter(Column::ActiveFrom.is_not_null())
        .order_by_asc(Column::ActiveFrom)
        .order_by_asc(Column::Number)
        .into_tuple()
        .all(connection)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(number, from)| (number, Timestamp::from_micros(from)))
        .collect())
}

/// The versions that are or will be in force, ordered by beginning.
pub async fn approved(connection: &impl ConnectionTrait) -> Result<Vec<StoredRuleSet>, StorageError> {
    let rows = Entity::find()
        .filter(Column::ActiveFrom.is_not_null())
        .order_by_asc(Column::ActiveFrom)
        .order_by_asc(Column::Number)
        .all(connection)
        .await?;
    Ok(rows.into_iter().map(StoredRuleSet::from).collect())
}

pub async fn by_name(
    connection: &impl ConnectionTrait,
    id: &str,
    version: &str,
) -> Result<Option<StoredRuleSet>, StorageError> {
    let row = Entity::find()
        .filter(Column::Id.eq(id))
        .filter(Column::Version.eq(version))
        .one(connection)
        .await?;
    Ok(row.map(StoredRuleSet::from))
}

/// A version that must exist.
pub async fn by_number(
    connection: &impl ConnectionTrait,
    number: i64,
) -> Result<StoredRuleSet, StorageError> {
    let row = Entity::find_by_id(number).one(connection).await?;
    let row = row.ok_or_else(|| StorageError::Damaged(format!("rule_sets has no number {number}")))?;
    Ok(row.into())
}
