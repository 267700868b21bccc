//! Checks of history.

use sea_orm::entity::prelude::*;

/// A check of the chains of decisions, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "history_verifications")]
pub struct Model {
    /// Of version 7: by time.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    /// Absent: everybody.
    pub subject_id: Option<Vec<u8>>,
    pub created_at: i64,
    pub finished_at: Option<i64>,
    pub cancelled_at: Option<i64>,
    /// The last subject that was checked.
    pub after: Option<Vec<u8>>,
    pub subjects: i64,
    pub intact: i64,
    pub erased: i64,
    pub broken: i64,
    /// The first breaks, as JSON.
    pub breaks: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
