//! Rollbacks.

use sea_orm::entity::prelude::*;

/// A feed's span to be undone, proposed by one account and approved by another.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rollbacks")]
pub struct Model {
    /// Of version 7: by time.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    pub source: String,
    pub from_at: i64,
    pub until_at: i64,
    pub reason: String,
    /// Of the feed's grant, blank-separated; empty: the whole province.
    pub divisions: String,
    /// Counts, as JSON.
    pub preview: String,
    pub state: String,
    /// Accounts.
    pub proposed_by: String,
    pub proposed_at: i64,
    pub approved_by: Option<String>,
    pub approved_at: Option<i64>,
    /// Who rejected or withdrew it; who approved it, once it is done.
    pub closed_by: Option<String>,
    pub closed_at: Option<i64>,
    /// The last subject whose statements are undone.
    pub after: Option<Vec<u8>>,
    pub subjects: i64,
    pub retracted: i64,
    pub restated: i64,
    pub redecided: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
