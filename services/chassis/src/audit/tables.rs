//! The tables of an audit log.

use lutong_kernel::{LocalDay, Timestamp};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait as _};

use super::record::{Head, Record, Seal};
use lutong_storage::StorageError;
use lutong_storage::crypto::Entry;

pub mod record {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_records")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub recorded_at: i64,
        pub rpc: String,
        pub caller: String,
        pub principal: String,
        pub purpose: Option<String>,
        pub outcome: String,
        pub roles: String,
        pub division: String,
        pub reason: String,
        pub objects: String,
        pub unrecorded: i64,
        /// Absent in records from before the log was chained.
        pub entry: Option<Vec<u8>>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod head {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_head")]
    pub struct Model {
        /// Always 1.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub sequence: i64,
        pub entry: Vec<u8>,
        pub unchained: i64,
        pub sealed_day: Option<i32>,
        pub sealed_proof: Option<Vec<u8>>,
        pub proof: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod seal {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_seals")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub day: i32,
        pub sealed_at: i64,
        pub sequence: i64,
        pub entry: Vec<u8>,
        pub records: i64,
        pub proof: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The entry in a column; a value of another length becomes one that matches nothing.
pub fn entry_of(bytes: &[u8]) -> Entry {
    bytes.try_into().unwrap_or([0xff; 32])
}

impl From<record::Model> for Record {
    fn from(row: record::Model) -> Self {
        Self {
            sequence: row.id,
            at: Timestamp::from_micros(row.recorded_at),
            rpc: row.rpc,
            caller: row.caller,
            account: row.principal,
            roles: row.roles,
            division: row.division,
            purpose: row.purpose,
            outcome: row.outcome,
            reason: row.reason,
            objects: row.objects,
            unrecorded: row.unrecorded,
        }
    }
}

impl From<(Record, Entry)> for record::ActiveModel {
    fn from((record, entry): (Record, Entry)) -> Self {
        Self {
            id: Set(record.sequence),
            recorded_at: Set(record.at.micros()),
            rpc: Set(record.rpc),
            caller: Set(record.caller),
            principal: Set(record.account),
            purpose: Set(record.purpose),
            outcome: Set(record.outcome),
            roles: Set(record.roles),
            division: Set(record.division),
            reason: Set(record.reason),
            objects: Set(record.objects),
            unrecorded: Set(record.unrecorded),
            entry: Set(Some(entry.to_vec())),
        }
    }
}

impl From<head::Model> for Head {
    fn from(row: head::Model) -> Self {
        Self {
            sequence: row.sequence,
            entry: entry_of(&row.entry),
            unchained: row.unchained,
            sealed: row
                .sealed_day
                .zip(row.sealed_proof)
                .map(|(day, proof)| (LocalDay::from_days(day), entry_of(&proof))),
        }
    }
}

impl head::ActiveModel {
    pub fn of(head: &Head, proof: Entry) -> Self {
        Self {
            id: Set(1),
            sequence: Set(head.sequence),
            entry: Set(head.entry.to_vec()),
            unchained: Set(head.unchained),
            sealed_day: Set(head.sealed.map(|(day, _)| day.days())),
            sealed_proof: Set(head.sealed.map(|(_, proof)| proof.to_vec())),
            proof: Set(proof.to_vec()),
        }
    }
}

impl From<&seal::Model> for Seal {
    fn from(row: &seal::Model) -> Self {
        Self {
            day: LocalDay::from_days(row.day),
            sealed_at: Timestamp::from_micros(row.sealed_at),
            sequence: row.sequence,
            entry: entry_of(&row.entry),
            records: row.records,
        }
    }
}

impl From<(Seal, Entry)> for seal::ActiveModel {
    fn from((seal, proof): (Seal, Entry)) -> Self {
        Self {
            day: Set(seal.day.days()),
            sealed_at: Set(seal.sealed_at.micros()),
            sequence: Set(seal.sequence),
            entry: Set(seal.entry.to_vec()),
            records: Set(seal.records),
            proof: Set(proof.to_vec()),
        }
    }
}

/// The highest id: the chain begins after it in a log with records from before it was chained.
pub async fn last_id(connection: &impl ConnectionTrait) -> Result<i64, StorageError> {
    use sea_orm::{QueryOrder as _, QuerySelect as _};
    let last: Option<i64> = record::Entity::find()
        .select_only()
        .column_as(Expr::col(record::Column::Id), "id")
        .order_by_desc(record::Column::Id)
        .limit(1)
        .into_tuple()
        .one(connection)
        .await?;
    Ok(last.unwrap_or(0))
}
