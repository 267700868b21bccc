//! The tables as sea-orm entities.

pub mod history_verification;
pub mod operation_subject;
pub mod rollback;

pub mod subject {
    use sea_orm::entity::prelude::*;

    /// A subject that anything is known about: what is believed, packed, and where the latest decision stands. One row
    /// is all that an evaluation and a comparison read.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "subjects")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        /// When its first declaration arrived; absent for one that only feeds have named.
        pub enrolled_at: Option<i64>,
        /// The row of `rosters` that counted it.
        pub roster: Option<i64>,
        /// Believed facts, packed and encrypted; absent when there are none.
        pub facts: Option<Vec<u8>>,
        /// Of the latest statement or decision: what is stated or decided next comes after it. 0 when there is none.
        pub latest_at: i64,
        /// Of the latest decision; 0 when there is none, and then what follows means nothing.
        pub version: i64,
        /// GB/T 38962 wire code: 0, 1, 10.
        pub colour: i32,
        /// Cited rules, a bit each.
        pub rules: i64,
        /// `rule_sets.number`.
        pub rule_set: i64,
        pub next_change_at: Option<i64>,
        /// First bytes of the SHA-256 of the stored citations.
        pub cited: i64,
        /// What the chain's key is made of; absent before the first decision and once erased.
        pub salt: Option<Vec<u8>>,
        /// The chain's last entry.
        pub head: Option<Vec<u8>>,
        /// Six digits: where the person lives, as identity told it.
        pub division: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod merge {
    use sea_orm::entity::prelude::*;

    /// A subject that became one person with another, or a person of its own again, as identity told it.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "merges")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub subject_id: Vec<u8>,
        /// Absent: of its own again.
        pub into_id: Option<Vec<u8>>,
        /// Of the subject's steps.
        pub version: i64,
        pub recorded_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod roster {
    use sea_orm::entity::prelude::*;

    /// Subjects that one transaction enrolled; rows are added up when a run over everyone begins.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "rosters")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub count: i64,
        pub digest: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod place {
    use sea_orm::entity::prelude::*;

    /// Who stayed where: the keyed hash of a place and of each that it lies in, so that a listing finds whom it concerns.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "stay_places")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub place: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod rule_set {
    use sea_orm::entity::prelude::*;

    /// A rule set and version, as its author wrote it.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "rule_sets")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub number: i64,
        pub id: String,
        pub version: String,
        pub document: String,
        pub recorded_at: i64,
        /// From when on it decides; absent while it is not approved.
        pub active_from: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod rule_change {
    use sea_orm::entity::prelude::*;

    /// A rule set's way from its announcement on. The one that a build brings has none.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "rule_changes")]
    pub struct Model {
        /// `rule_sets.number`.
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        /// announced, approved, active, paused, rejected, withdrawn.
        pub state: String,
        pub author: String,
        pub approver: Option<String>,
        pub effective_from: i64,
        pub announced_at: i64,
        pub approved_at: Option<i64>,
        pub expected_changes: i64,
        /// The case file that proved it.
        pub cases: String,
        /// When a preview was asked for last.
        pub preview_asked_at: Option<i64>,
        /// What it counted (JSON); absent while it goes on.
        pub preview: Option<String>,
        /// What the guard counted (JSON).
        pub guard: Option<String>,
        /// Since it is active: the run over everyone that follows.
        pub run: Option<i64>,
        /// Who counts in shadow, and until when nobody else does.
        pub lease_owner: Option<String>,
        pub lease_until: i64,
        /// Who rejected or withdrew it, and when.
        pub closer: Option<String>,
        pub closed_at: Option<i64>,
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
        /// First half of the SHA-256 of source and key: what a statement is found by.
        pub name: Vec<u8>,
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
        /// JSON: rule ids, fact ids, instants. Absent: erased.
        pub citations: Option<String>,
        pub rule_set: String,
        pub rule_set_version: String,
        pub evaluated_at: i64,
        pub next_change_at: Option<i64>,
        /// The chain's entry.
        pub entry: Vec<u8>,
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
        /// What names it.
        pub uid: Vec<u8>,
        pub published_at: i64,
        pub place: String,
        pub community: String,
        pub level: String,
        pub reason: String,
        /// Of the first notice that lists it no more.
        pub ended_at: Option<i64>,
        /// Absent, as what follows, while nobody has placed it.
        pub placed_at: Option<i64>,
        /// The officer's account.
        pub placed_by: Option<String>,
        pub placed_code: Option<i64>,
        /// Absent: all of the code.
        pub placed_community: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod key_area {
    use sea_orm::entity::prelude::*;

    /// A key area that an officer proposed, and who approved it.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "key_areas")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        /// What names it; of version 7: by time.
        pub uid: Vec<u8>,
        pub code: i64,
        pub from_at: i64,
        pub to_at: Option<i64>,
        pub legal_basis: String,
        /// Accounts.
        pub proposed_by: String,
        pub proposed_at: i64,
        pub approved_by: Option<String>,
        pub approved_at: Option<i64>,
        /// How it was closed: rejected, withdrawn or ended.
        pub closed_as: Option<String>,
        pub closed_by: Option<String>,
        pub closed_at: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod recomparison {
    use sea_orm::entity::prelude::*;

    /// A run over everyone.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "recomparisons")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        /// What names it.
        pub uid: Vec<u8>,
        /// The local day of the daily run, in days since 1970-01-01; absent for one that was asked for.
        #[sea_orm(unique)]
        pub day: Option<i32>,
        /// The instant that everybody is compared for.
        pub evaluated_at: i64,
        /// The last row of `rosters` that it covers, and what those count.
        pub roster: i64,
        pub expected: i64,
        pub expected_digest: Vec<u8>,
        pub finished_at: Option<i64>,
        /// Before it had looked at everybody.
        pub cancelled_at: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod recomparison_part {
    use sea_orm::entity::prelude::*;

    /// A part of a run, leased to a worker until it is done.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "recomparison_parts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub run: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub part: i32,
        pub from_key: Option<Vec<u8>>,
        pub until_key: Option<Vec<u8>>,
        pub lease_owner: Option<String>,
        pub lease_until: i64,
        pub done_at: Option<i64>,
        pub seen: i64,
        pub seen_digest: Vec<u8>,
        pub green: i64,
        pub yellow: i64,
        pub red: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod finding {
    use sea_orm::entity::prelude::*;

    /// A subject whose stored decision was not what came out.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "recomparison_findings")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub run: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        /// due, rules, mismatch.
        pub kind: String,
        pub colour_before: i32,
        pub colour_after: i32,
        /// Of the decision that was made.
        pub version: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod day_seal {
    use sea_orm::entity::prelude::*;

    /// The root of a local day's decisions.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "day_seals")]
    pub struct Model {
        /// Days since 1970-01-01.
        #[sea_orm(primary_key, auto_increment = false)]
        pub day: i32,
        pub sealed_at: i64,
        pub decisions: i64,
        /// A count and a digest for each last byte of the subject id, one after the other.
        pub buckets: Vec<u8>,
        pub root: Vec<u8>,
        /// The service's keyed hash of the root.
        pub proof: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod designation {
    use sea_orm::entity::prelude::*;

    /// A designation, proposed by one officer and approved by another.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "designations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Vec<u8>,
        pub subject_id: Vec<u8>,
        pub level: String,
        pub from_at: i64,
        pub until_at: i64,
        pub legal_basis: String,
        pub division: i64,
        /// Accounts of officers.
        pub proposed_by: String,
        pub proposed_at: i64,
        pub approved_by: Option<String>,
        pub approved_at: Option<i64>,
        /// How it was closed: rejected, withdrawn or ended.
        pub closed_as: Option<String>,
        pub closed_by: Option<String>,
        pub closed_at: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
