//! The tables as sea-orm entities.

pub mod complaints {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "complaints")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tracking_number: String,
        /// Keyed hash of the account.
        pub account: Vec<u8>,
        pub category: String,
        pub created_at: i64,
        /// Encrypted.
        pub text: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
