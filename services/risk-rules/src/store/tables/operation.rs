//! Operations.

use sea_orm::entity::prelude::*;

/// Work that goes on by itself.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "operations")]
pub struct Model {
    /// Of version 7: by time.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    pub kind: String,
    pub state: String,
    /// The name of a resource; may be empty.
    pub target: String,
    /// Who began it; may be empty.
    pub account: String,
    pub created_at: i64,
    pub finished_at: Option<i64>,
    pub done: i64,
    pub total: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
