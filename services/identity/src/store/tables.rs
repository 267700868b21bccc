//! The tables as sea-orm entities.

pub mod person {
    use sea_orm::entity::prelude::*;

    /// A subject: a registered person, or a placeholder for a document that only a feed has named.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "people")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        #[sea_orm(unique)]
        pub document_index: Vec<u8>,
        pub full_name: Option<Vec<u8>>,
        pub document: Option<Vec<u8>>,
        pub mobile: Option<Vec<u8>>,
        pub nationality: Option<Vec<u8>>,
        pub home: Option<Vec<u8>>,
        pub registered_at: Option<i64>,
        pub confirmed_at: Option<i64>,
        /// Where others were last told that the person lives.
        pub published_division: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod account {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "accounts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: String,
        pub subject_id: Option<Vec<u8>>,
        /// Names of the contract's roles, blank-separated.
        pub roles: String,
        pub division: Option<i64>,
        pub feed_source: Option<String>,
        /// Blank-separated.
        pub feed_kinds: Option<String>,
        /// Blank-separated.
        pub feed_divisions: Option<String>,
        pub disabled: bool,
        /// Grows with every change by an operator.
        pub version: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod account_change {
    use sea_orm::entity::prelude::*;

    /// Something that an operator changed of an account.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "account_changes")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub sequence: i64,
        pub account_id: String,
        /// Of the account since.
        pub version: i64,
        pub changed_at: i64,
        pub changed_by: String,
        pub action: String,
        /// What the account may do since.
        pub detail: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod merge {
    use sea_orm::entity::prelude::*;

    /// A subject that was found to be the same person as another.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "merges")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub from_id: Vec<u8>,
        /// Of the merge; undoing it is the next.
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i64,
        pub into_id: Vec<u8>,
        pub merged_at: i64,
        pub merged_by: String,
        pub reason: String,
        pub unmerged_at: Option<i64>,
        pub unmerged_by: Option<String>,
        pub unmerge_reason: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
