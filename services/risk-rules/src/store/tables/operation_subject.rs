//! Whose decisions are to be brought into force.

use sea_orm::entity::prelude::*;

/// A subject whose latest decision an operation is to bring into force.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "operation_subjects")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub operation_id: Vec<u8>,
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject_id: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
