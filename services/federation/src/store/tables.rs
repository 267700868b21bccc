//! The tables as sea-orm entities.

pub mod verification {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "verifications")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub verified_at: i64,
        /// Absent when the code was refused.
        pub province: Option<String>,
        pub trust_list_version: String,
        pub outcome: String,
        /// Of the key that the token names, hex; absent when it cannot be read.
        pub key_id: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
