//! Changes of the rules as stored: who announced, approved or closed a version, and the counts of its shadow runs.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;

use crate::rule_sets::domain::State;
use crate::rule_sets::domain::shadow::Counts;

/// The table `rule_changes`.
pub mod rule_change {
    use sea_orm::entity::prelude::*;

    /// The change that an announced version makes, from its announcement on. Bundled rule sets have no row.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "rule_changes")]
    pub struct Model {
        /// `rule_sets.number`.
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        /// One of announced, approved, active, paused, rejected, withdrawn.
        pub state: String,
        pub author: String,
        pub approver: Option<String>,
        pub effective_from: i64,
        pub announced_at: i64,
        pub approved_at: Option<i64>,
        pub expected_changes: i64,
        /// The case file that proves the version.
        pub cases: String,
        /// When a preview was last requested.
        pub preview_asked_at: Option<i64>,
        /// The counts of the preview (JSON); absent while it is running.
        pub preview: Option<String>,
        /// The counts of the guard (JSON).
        pub guard: Option<String>,
        /// The re-comparison that followed the activation.
        pub run: Option<i64>,
        /// The worker that counts for this version, and the end of its lease.
        pub lease_owner: Option<String>,
        pub lease_until: i64,
        /// The account that rejected or withdrew it, and when.
        pub closer: Option<String>,
        pub closed_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The change that an announced version makes, with its approval and its counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSetChange {
    pub state: State,
    pub author: String,
    pub approver: Option<String>,
    pub effective_from: Timestamp,
    pub announced_at: Timestamp,
    pub approved_at: Option<Timestamp>,
    /// The account that rejected or withdrew it, and when.
    pub closed: Option<(String, Timestamp)>,
    pub expected_changes: i64,
    pub preview_requested: bool,
    pub preview: Option<Counts>,
    pub guard: Option<Counts>,
}

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("rule_changes.{what}"))
}

fn counts(json: Option<&str>, what: &str) -> Result<Option<Counts>, StorageError> {
    let read = json.map(serde_json::from_str).transpose();
    read.map_err(|_| damaged(what))
}

pub(super) fn written(counts: &Counts) -> Result<String, StorageError> {
    serde_json::to_string(counts).map_err(|_| damaged("counts"))
}

impl TryFrom<rule_change::Model> for RuleSetChange {
    type Error = StorageError;

    fn try_from(row: rule_change::Model) -> Result<Self, StorageError> {
        Ok(Self {
            state: row.state.parse().map_err(|_| damaged("state"))?,
            author: row.author,
            approver: row.approver,
            effective_from: Timestamp::from_micros(row.effective_from),
            announced_at: Timestamp::from_micros(row.announced_at),
            approved_at: row.approved_at.map(Timestamp::from_micros),
            closed: row.closer.zip(row.closed_at.map(Timestamp::from_micros)),
            expected_changes: row.expected_changes,
            preview_requested: row.preview_asked_at.is_some(),
            preview: counts(row.preview.as_deref(), "preview")?,
            guard: counts(row.guard.as_deref(), "guard")?,
        })
    }
}
