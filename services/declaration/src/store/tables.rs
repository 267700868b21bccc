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

pub mod pull {
    use sea_orm::entity::prelude::*;

    /// How far a database that is asked on a schedule is.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "pulls")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub source: String,
        /// When it was first configured.
        pub created_at: i64,
        /// Up to where its rows are acknowledged; empty at first.
        pub cursor: String,
        pub cursor_at: Option<i64>,
        pub last_attempt_at: Option<i64>,
        pub last_success_at: Option<i64>,
        pub next_due_at: i64,
        /// Since when it is overdue, as the log was told.
        pub overdue_at: Option<i64>,
        /// Of the last attempt; absent when it went well.
        pub error: Option<String>,
        pub error_zh: String,
        pub error_en: String,
        pub accepted: i64,
        pub unchanged: i64,
        pub refused: i64,
        pub page_accepted: i64,
        pub page_unchanged: i64,
        pub page_refused: i64,
        pub lease_owner: Option<String>,
        pub lease_until: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod pull_refusal {
    use sea_orm::entity::prelude::*;

    /// A row of a pulled page that was refused: its place and the reason, nothing that it said.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "pull_refusals")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub number: i64,
        pub source: String,
        /// The cursor after which its page was asked for.
        pub after: String,
        /// In the page, from 1.
        pub row: i32,
        pub field: String,
        pub reason: String,
        pub at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod fact_import {
    use sea_orm::entity::prelude::*;

    /// How far an import in several calls is.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "fact_imports")]
    pub struct Model {
        /// By time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub import_id: Vec<u8>,
        pub source: String,
        pub mode: String,
        pub state: String,
        pub next_row: i64,
        pub accepted: i64,
        pub unchanged: i64,
        pub refused: i64,
        pub redecided: i64,
        /// An operation of risk-rules.
        pub pending: Option<Vec<u8>>,
        pub created_at: i64,
        pub finished_at: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod fact_import_error {
    use sea_orm::entity::prelude::*;

    /// One wrong field of a refused row: its place and the reason, nothing that it said.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "fact_import_errors")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub import_id: Vec<u8>,
        /// From 1.
        #[sea_orm(primary_key, auto_increment = false)]
        pub row: i64,
        /// Within the row.
        #[sea_orm(primary_key, auto_increment = false)]
        pub nth: i64,
        pub field: String,
        pub reason: String,
        pub zh: String,
        pub en: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod fact_import_row {
    use sea_orm::entity::prelude::*;

    /// A row that waits to be stored with the others of its import: the statement about a subject, encrypted. Never a
    /// document.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "fact_import_rows")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub import_id: Vec<u8>,
        /// From 1.
        #[sea_orm(primary_key, auto_increment = false)]
        pub row: i64,
        pub statement: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
