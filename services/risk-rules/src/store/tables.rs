//! The tables as sea-orm entities.

pub mod subject {
    use sea_orm::entity::prelude::*;

    /// A subject that anything is known about, and where its latest decision stands.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "subjects")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        /// When its first declaration arrived; absent for one that only feeds have named.
        pub enrolled_at: Option<i64>,
        /// Of the latest decision; 0 when there is none.
        pub version: i64,
        pub next_change_at: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod statement {
    use sea_orm::entity::prelude::*;

    /// A fact, a correction or a retraction, as it was stated.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "statements")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub fact_id: Vec<u8>,
        pub source: String,
        pub key: String,
        /// Absent: a retraction.
        pub kind: Option<String>,
        /// JSON, encrypted; absent in a retraction.
        pub attributes: Option<Vec<u8>>,
        /// What it corrects or retracts.
        pub target_id: Option<Vec<u8>>,
        pub reason: Option<String>,
        pub recorded_at: i64,
        pub superseded_at: Option<i64>,
        /// Keyed hash of the content.
        pub fingerprint: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod decision {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "decisions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i64,
        pub decision_id: Vec<u8>,
        /// GB/T 38962 wire code: 0, 1, 10.
        pub colour: i32,
        pub citation_count: i32,
        /// JSON: rule ids, fact ids, instants.
        pub citations: String,
        pub rule_set: String,
        pub rule_set_version: String,
        pub evaluated_at: i64,
        pub next_change_at: Option<i64>,
        pub hash: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod area {
    use sea_orm::entity::prelude::*;

    /// Append-only: a later row of the same code, community, level and from replaces the earlier.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "areas")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub code: i64,
        pub community: Option<String>,
        pub level: String,
        pub from_at: i64,
        pub to_at: Option<i64>,
        pub recorded_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod notice {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "notices")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub published_at: i64,
        pub recorded_at: i64,
        pub listed: i64,
        pub needs_placement: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod unplaced {
    use sea_orm::entity::prelude::*;

    /// A row of a notice that an officer must place.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "unplaced_areas")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub published_at: i64,
        pub place: String,
        pub community: String,
        pub level: String,
        pub reason: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
