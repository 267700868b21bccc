//! Versions of rule sets with the changes that they make: what the contract shows.

use std::collections::HashMap;

use lutong_chassis::etag::Etag;
use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use sea_orm::sea_query::Query;
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::changes::{RuleSetChange, rule_change};
use super::documents::rule_set;
use crate::rule_sets::domain::{State, Step};

/// The collection in a resource's name.
pub const COLLECTION: &str = "rule-sets";

/// A version with the change that it makes; a bundled version has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSetVersion {
    pub number: i64,
    pub id: String,
    pub version: String,
    pub active_from: Option<Timestamp>,
    pub recorded_at: Timestamp,
    pub change: Option<RuleSetChange>,
}

impl RuleSetVersion {
    /// `rule-sets/{rule_set}`.
    pub fn name(&self) -> String {
        format!("{COLLECTION}/{}", self.segment())
    }

    /// The last segment of the name.
    pub fn segment(&self) -> String {
        format!("{}.{}", self.id, self.version)
    }

    pub fn state(&self) -> State {
        self.change.as_ref().map_or(State::Active, |change| change.state)
    }

    /// The tag of everything that a step may change.
    pub fn etag(&self) -> Etag {
        let change = self.change.as_ref();
        let number = |value: i64| value.to_string();
        let approved = change
            .and_then(|change| change.approved_at)
            .map(|at| number(at.micros()));
        let previewed = change
            .and_then(|change| change.preview.as_ref())
            .map(|run| number(run.finished_at));
        let expected = change.map(|change| number(change.expected_changes));
        let parts = [
            self.state().into_str().to_owned(),
            approved.unwrap_or_default(),
            previewed.unwrap_or_default(),
            expected.unwrap_or_default(),
        ];
        Etag::of(&self.name(), parts)
    }

    /// The steps that an account may take.
    pub fn allowed(&self, account: &str) -> Vec<Step> {
        let Some(change) = &self.change else {
            return Vec::new();
        };
        let may = |step: &Step| step.check(change.state, change.author == account).is_ok();
        Step::ALL.into_iter().filter(may).collect()
    }
}

type SetRow = (i64, String, String, Option<i64>, i64);

async fn versions(
    connection: &impl ConnectionTrait,
    rows: Vec<SetRow>,
) -> Result<Vec<RuleSetVersion>, StorageError> {
    let numbers = rows.iter().map(|row| row.0);
    let changes = rule_change::Entity::find()
        .filter(rule_change::Column::Number.is_in(numbers))
        .all(connection)
        .await?;
    let mut changes: HashMap<_, _> = changes.into_iter().map(|row| (row.number, row)).collect();
    let version = |(number, id, version, active_from, recorded_at): SetRow| {
        Ok(RuleSetVersion {
            number,
            id,
            version,
            active_from: active_from.map(Timestamp::from_micros),
            recorded_at: Timestamp::from_micros(recorded_at),
            change: changes.remove(&number).map(RuleSetChange::try_from).transpose()?,
        })
    };
    rows.into_iter().map(version).collect()
}

fn columns() -> sea_orm::Select<rule_set::Entity> {
    rule_set::Entity::find().select_only().columns([
        rule_set::Column::Number,
        rule_set::Column::Id,
        rule_set::Column::Version,
        rule_set::Column::ActiveFrom,
        rule_set::Column::RecordedAt,
    ])
}

pub async fn find(
    connection: &impl ConnectionTrait,
    id: &str,
    version: &str,
) -> Result<Option<RuleSetVersion>, StorageError> {
    let row: Option<SetRow> = columns()
        .filter(rule_set::Column::Id.eq(id))
        .filter(rule_set::Column::Version.eq(version))
        .into_tuple()
        .one(connection)
        .await?;
    Ok(versions(connection, row.into_iter().collect()).await?.pop())
}

pub async fn by_number(
    connection: &impl ConnectionTrait,
    number: i64,
) -> Result<Option<RuleSetVersion>, StorageError> {
    let row: Option<SetRow> = columns()
        .filter(rule_set::Column::Number.eq(number))
        .into_tuple()
        .one(connection)
        .await?;
    Ok(versions(connection, row.into_iter().collect()).await?.pop())
}

/// Versions before a number, the newest first, optionally only those in one state. Bundled versions are active.
pub async fn list(
    connection: &impl ConnectionTrait,
    state: Option<State>,
    before: i64,
    limit: u64,
) -> Result<Vec<RuleSetVersion>, StorageError> {
    let mut rows = columns();
    if let Some(state) = state {
        let announced = Query::select()
            .column(rule_change::Column::Number)
            .from(rule_change::Entity)
            .to_owned();
        let in_state = Query::select()
            .column(rule_change::Column::Number)
            .from(rule_change::Entity)
            .and_where(rule_change::Column::State.eq(state.into_str()))
            .to_owned();
        let mut which = Condition::any().add(rule_set::Column::Number.in_subquery(in_state));
        if state == State::Active {
            which = which.add(rule_set::Column::Number.not_in_subquery(announced));
        }
        rows = rows.filter(which);
    }
    let rows = rows
        .filter(rule_set::Column::Number.lt(before))
        .order_by_desc(rule_set::Column::Number)
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await?;
    versions(connection, rows).await
}
