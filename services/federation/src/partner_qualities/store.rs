//! The table `partner_qualities`: counts by partner and hour.

use std::time::Duration;

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use self::partner_quality::{Column, Entity, Model};
use super::domain::Counts;
use crate::conversions::domain::ConversionState;
use crate::conversions::store::change;
use crate::partners::domain::PartnerId;

pub mod partner_quality {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "partner_qualities")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub partner: String,
        /// Since 1970.
        #[sea_orm(primary_key, auto_increment = false)]
        pub hour: i64,
        pub calls: i64,
        pub answered: i64,
        pub throttled: i64,
        pub unreachable: i64,
        pub unbelieved: i64,
        pub accepted_messages: i64,
        pub refused_messages: i64,
        pub refused_codes: i64,
        pub outages: i64,
        pub outage_seconds: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

const COUNTED: [Column; 10] = [
    Column::Calls,
    Column::Answered,
    Column::Throttled,
    Column::Unreachable,
    Column::Unbelieved,
    Column::AcceptedMessages,
    Column::RefusedMessages,
    Column::RefusedCodes,
    Column::Outages,
    Column::OutageSeconds,
];

fn write(partner: PartnerId, hour: i64, counts: &Counts) -> Model {
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    Model {
        partner: partner.to_string(),
        hour,
        calls: count(counts.calls),
        answered: count(counts.answered),
        throttled: count(counts.throttled),
        unreachable: count(counts.unreachable),
        unbelieved: count(counts.unbelieved),
        accepted_messages: count(counts.accepted_messages),
        refused_messages: count(counts.refused_messages),
        refused_codes: count(counts.refused_codes),
        outages: count(counts.outages),
        outage_seconds: count(counts.outage_seconds),
    }
}

impl From<Model> for Counts {
    fn from(row: Model) -> Self {
        let count = |count: i64| u64::try_from(count).unwrap_or(0);
        Self {
            calls: count(row.calls),
            answered: count(row.answered),
            throttled: count(row.throttled),
            unreachable: count(row.unreachable),
            unbelieved: count(row.unbelieved),
            accepted_messages: count(row.accepted_messages),
            refused_messages: count(row.refused_messages),
            refused_codes: count(row.refused_codes),
            outages: count(row.outages),
            outage_seconds: count(row.outage_seconds),
        }
    }
}

/// The row that was to be inserted, as both engines name it.
const EXCLUDED: &str = "excluded";

/// Adds to what was counted of a partner in an hour; several processes count the same partner.
pub async fn add(
    transaction: &DatabaseTransaction,
    (partner, hour): (PartnerId, i64),
    counts: &Counts,
) -> Result<(), StorageError> {
    let sums = COUNTED.map(|column| {
        let before = Expr::col((Entity, column));
        (column, before.add(Expr::col((EXCLUDED, column))))
    });
    let known = OnConflict::columns([Column::Partner, Column::Hour])
        .values(sums)
        .to_owned();
    Entity::insert(write(partner, hour, counts).into_active_model())
        .on_conflict(known)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// Forgets what was counted before an hour.
pub async fn forget(transaction: &DatabaseTransaction, before: i64) -> Result<(), StorageError> {
    Entity::delete_many()
        .filter(Column::Hour.lt(before))
        .exec(transaction)
        .await?;
    Ok(())
}

/// What was counted of a partner from an hour on.
pub async fn sum(
    connection: &impl ConnectionTrait,
    partner: PartnerId,
    from: i64,
) -> Result<Counts, StorageError> {
    let rows = Entity::find()
        .filter(Column::Partner.eq(partner.to_string()))
        .filter(Column::Hour.gte(from))
        .all(connection)
        .await?;
    let mut sum = Counts::default();
    for row in rows {
        sum.add(&row.into());
    }
    Ok(sum)
}

/// How long the newest `limit` changes of a partner took that came into force from an instant on.
pub async fn delays(
    connection: &impl ConnectionTrait,
    partner: PartnerId,
    from: Timestamp,
    limit: u64,
) -> Result<Vec<Duration>, StorageError> {
    let times = change::Entity::find()
        .select_only()
        .column(change::Column::ChangedAt)
        .column(change::Column::ConfirmedAt)
        .filter(change::Column::Partner.eq(partner.to_string()))
        // What people here decided is no change of the partner's.
        .filter(change::Column::State.ne(ConversionState::RolledBack.into_str()))
        .filter(change::Column::ConfirmedAt.gte(from.micros()))
        .order_by_desc(change::Column::ChangeId)
        .limit(limit)
        .into_tuple::<(i64, i64)>()
        .all(connection)
        .await?;
    let delay = |(changed, confirmed): (i64, i64)| {
        Duration::from_micros(u64::try_from(confirmed - changed).unwrap_or(0))
    };
    Ok(times.into_iter().map(delay).collect())
}
