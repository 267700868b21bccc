//! The tables as sea-orm entities.

pub mod declaration {
    use sea_orm::entity::prelude::*;

    /// An acknowledged application or arrival.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "declarations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub declaration_id: Vec<u8>,
        /// `application` or `arrival`.
        pub kind: String,
        /// Keyed hash of the account that made it.
        pub account: Vec<u8>,
        pub created_at: i64,
        pub commitment_version: String,
        /// What was stated, as JSON, encrypted.
        pub statements: Vec<u8>,
        /// Names of the contract, blank-separated.
        pub normalisations: String,
        /// Days abroad, blank-separated.
        pub abroad_days: String,
        /// Where a converted code came from, as JSON.
        pub provenance: Option<String>,
        pub in_force_at: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
