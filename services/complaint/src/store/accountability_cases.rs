//! The table `accountability_cases`. A place has at most one that is queued, open or proposed.

use std::collections::BTreeSet;

use lutong_kernel::{AccountabilityCaseId, DivisionCode, PlaceId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{in_division, read_division, read_uuid, uuid_bytes};
use lutong_transport::access::DivisionPermit;
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Select,
};
use uuid::Uuid;

use self::accountability_case::{ActiveModel, Column, Entity, Model};
use super::keyset::behind;
use super::places::{id_bytes, read_id, read_kind};
use crate::domain::accountability::case::{AccountabilityCase, Escalation, State};
use crate::domain::accountability::voices::Signal;
use crate::domain::place::PlaceKind;

pub mod accountability_case {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "accountability_cases")]
    pub struct Model {
        /// Ordered by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub accountability_case_id: Vec<u8>,
        pub place_id: Vec<u8>,
        /// Of the place: the code as a number.
        pub division: i64,
        pub kind: String,
        pub responsible_body: String,
        pub rule_id: String,
        pub rules_version: i64,
        pub counted: i64,
        /// Separated by blanks.
        pub signals: String,
        pub state: String,
        pub created_at: i64,
        pub opened_at: Option<i64>,
        /// Accounts of staff.
        pub opened_by: Option<String>,
        pub due_at: Option<i64>,
        pub owner: Option<String>,
        pub outcome: Option<String>,
        pub summary: Option<String>,
        pub closed_at: Option<i64>,
        pub closed_by: Option<String>,
        pub version: i64,
        /// These two are there together.
        pub proposed_by: Option<String>,
        pub proposed_at: Option<i64>,
        pub raise_at: Option<i64>,
        /// Division, planned and done for each, separated by blanks.
        pub escalations: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn damaged(column: &str) -> StorageError {
    StorageError::Damaged(format!("accountability_cases.{column}"))
}

impl TryFrom<Model> for AccountabilityCase {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let id = read_uuid(
            &row.accountability_case_id,
            "accountability_cases.accountability_case_id",
        )?;
        let signals: Result<BTreeSet<Signal>, _> = row.signals.split_whitespace().map(str::parse).collect();
        let outcome = match (row.outcome, row.summary) {
            (Some(outcome), Some(summary)) => {
                Some((outcome.parse().map_err(|_| damaged("outcome"))?, summary))
            }
            _ => None,
        };
        Ok(Self {
            id: AccountabilityCaseId::from_uuid(id),
            place: read_id(&row.place_id, "accountability_cases.place_id")?,
            division: read_division(row.division, "accountability_cases.division")?,
            kind: read_kind(&row.kind, "accountability_cases.kind")?,
            responsible_body: row.responsible_body,
            rule: row.rule_id,
            rules_version: row.rules_version,
            counted: usize::try_from(row.counted).map_err(|_| damaged("counted"))?,
            signals: signals.map_err(|_| damaged("signals"))?,
            state: row.state.parse().map_err(|_| damaged("state"))?,
            created_at: Timestamp::from_micros(row.created_at),
            opened_at: row.opened_at.map(Timestamp::from_micros),
            opened_by: row.opened_by,
            due_at: row.due_at.map(Timestamp::from_micros),
            owner: row.owner,
            outcome,
            proposed: row.proposed_by.zip(row.proposed_at.map(Timestamp::from_micros)),
            escalations: read_escalations(&row.escalations)?,
            raise_at: row.raise_at.map(Timestamp::from_micros),
            closed_at: row.closed_at.map(Timestamp::from_micros),
            closed_by: row.closed_by,
            version: row.version,
        })
    }
}

fn written(escalations: &[Escalation]) -> String {
    let words = escalations.iter().map(|one| {
        let (division, planned, raised) = (one.division.number(), one.planned_at, one.raised_at);
        format!("{division} {} {}", planned.micros(), raised.micros())
    });
    words.collect::<Vec<_>>().join(" ")
}

fn read_escalations(stored: &str) -> Result<Vec<Escalation>, StorageError> {
    let numbers: Result<Vec<i64>, _> = stored.split_whitespace().map(str::parse).collect();
    let numbers = numbers.map_err(|_| damaged("escalations"))?;
    let (escalations, rest) = numbers.as_chunks::<3>();
    if !rest.is_empty() {
        return Err(damaged("escalations"));
    }
    let read = |[division, planned, raised]: &[i64; 3]| {
        Ok(Escalation {
            division: read_division(*division, "accountability_cases.escalations")?,
            planned_at: Timestamp::from_micros(*planned),
            raised_at: Timestamp::from_micros(*raised),
        })
    };
    escalations.iter().map(read).collect()
}

/// The columns that change.
fn changed(case: &AccountabilityCase) -> ActiveModel {
    let signals: Vec<&str> = case.signals.iter().map(Signal::into_str).collect();
    let outcome = case.outcome.as_ref();
    ActiveModel {
        rule_id: Set(case.rule.clone()),
        rules_version: Set(case.rules_version),
        counted: Set(i64::try_from(case.counted).unwrap_or(i64::MAX)),
        signals: Set(signals.join(" ")),
        state: Set(case.state.into_str().to_owned()),
        opened_at: Set(case.opened_at.map(Timestamp::micros)),
        opened_by: Set(case.opened_by.clone()),
        due_at: Set(case.due_at.map(Timestamp::micros)),
        owner: Set(case.owner.clone()),
        outcome: Set(outcome.map(|(outcome, _)| outcome.into_str().to_owned())),
        summary: Set(outcome.map(|(_, summary)| summary.clone())),
        closed_at: Set(case.closed_at.map(Timestamp::micros)),
        closed_by: Set(case.closed_by.clone()),
        version: Set(case.version),
        proposed_by: Set(case.proposed.as_ref().map(|(account, _)| account.clone())),
        proposed_at: Set(case.proposed.as_ref().map(|(_, at)| at.micros())),
        raise_at: Set(case.raise_at.map(Timestamp::micros)),
        escalations: Set(written(&case.escalations)),
        ..ActiveModel::default()
    }
}

/// Stores a new case. That its place has no other that is queued or open was checked on the locked place.
pub async fn insert(
    transaction: &DatabaseTransaction,
    case: &AccountabilityCase,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        accountability_case_id: Set(uuid_bytes(case.id.uuid())),
        place_id: Set(id_bytes(case.place)),
        division: Set(i64::from(case.division.number())),
        kind: Set(case.kind.into_str().to_owned()),
        responsible_body: Set(case.responsible_body.clone()),
        created_at: Set(case.created_at.micros()),
        ..changed(case)
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// Stores what became of a locked case.
pub async fn save(transaction: &DatabaseTransaction, case: &AccountabilityCase) -> Result<(), StorageError> {
    let row = ActiveModel {
        accountability_case_id: NotSet,
        ..changed(case)
    };
    Entity::update_many()
        .set(row)
        .filter(Column::AccountabilityCaseId.eq(uuid_bytes(case.id.uuid())))
        .exec(transaction)
        .await?;
    Ok(())
}

const UNDER_WAY: [State; 3] = [State::Queued, State::Open, State::Proposed];

/// The case of a place that is queued, open or proposed, locked until the end of the transaction.
pub async fn lock_under_way(
    transaction: &DatabaseTransaction,
    place: PlaceId,
) -> Result<Option<AccountabilityCase>, StorageError> {
    let row = Entity::find()
        .filter(Column::PlaceId.eq(id_bytes(place)))
        .filter(Column::State.is_in(UNDER_WAY.map(|state| state.into_str())))
        .lock_exclusive()
        .one(transaction)
        .await?;
    row.map(AccountabilityCase::try_from).transpose()
}

/// A case of the division of the permit, locked until the end of the transaction.
pub async fn lock(
    transaction: &DatabaseTransaction,
    permit: DivisionPermit,
    id: AccountabilityCaseId,
) -> Result<Option<AccountabilityCase>, StorageError> {
    let own = in_division(Column::Division, permit.jurisdiction().division());
    let query = Entity::find_by_id(uuid_bytes(id.uuid())).filter(own);
    let row = query.lock_exclusive().one(transaction).await?;
    row.map(AccountabilityCase::try_from).transpose()
}

/// Cases that are to be raised by now, those due first, after one.
pub async fn to_raise(
    connection: &impl ConnectionTrait,
    now: Timestamp,
    after: Option<&(i64, Vec<u8>)>,
    limit: u64,
) -> Result<Vec<(i64, Vec<u8>)>, StorageError> {
    let mut due = Condition::all().add(Column::RaiseAt.lte(now.micros()));
    if let Some((at, id)) = after {
        due = due.add(behind(
            (Column::RaiseAt, *at),
            (Column::AccountabilityCaseId, id.clone()),
        ));
    }
    let found = Entity::find()
        .filter(due)
        .order_by_asc(Column::RaiseAt)
        .order_by_asc(Column::AccountabilityCaseId)
        .select_only()
        .columns([Column::RaiseAt, Column::AccountabilityCaseId])
        .limit(limit)
        .into_tuple::<(i64, Vec<u8>)>()
        .all(connection)
        .await?;
    Ok(found)
}

/// A case by its id as stored, locked until the end of the transaction; one that another transaction has locked is left to it.
pub async fn lock_if_free(
    transaction: &DatabaseTransaction,
    id: &[u8],
) -> Result<Option<AccountabilityCase>, StorageError> {
    let row = Entity::find_by_id(id.to_vec())
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .one(transaction)
        .await?;
    row.map(AccountabilityCase::try_from).transpose()
}

fn published() -> Select<Entity> {
    Entity::find().filter(Column::State.eq(State::Published.into_str()))
}

/// A case whose outcome is published.
pub async fn find_published(
    connection: &impl ConnectionTrait,
    id: AccountabilityCaseId,
) -> Result<Option<AccountabilityCase>, StorageError> {
    let query = published().filter(Column::AccountabilityCaseId.eq(uuid_bytes(id.uuid())));
    let row = query.one(connection).await?;
    row.map(AccountabilityCase::try_from).transpose()
}

/// Which cases of those whose outcome is published.
#[derive(Debug, Clone, Copy, Default)]
pub struct PublicFilter {
    pub division: Option<DivisionCode>,
    pub kind: Option<PlaceKind>,
}

/// Cases whose outcome is published before an id, the last opened first.
pub async fn list_published(
    connection: &impl ConnectionTrait,
    filter: PublicFilter,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<AccountabilityCase>, StorageError> {
    let mut query = published();
    if let Some(division) = filter.division {
        query = query.filter(in_division(Column::Division, division));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(Column::Kind.eq(kind.into_str()));
    }
    page(connection, query, before, limit).await
}

/// Which cases of a division.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    pub division: Option<DivisionCode>,
    pub state: Option<State>,
}

/// Cases of the division of the permit before an id, the last opened first.
pub async fn list(
    connection: &impl ConnectionTrait,
    permit: DivisionPermit,
    filter: Filter,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<AccountabilityCase>, StorageError> {
    let own = permit.jurisdiction().division();
    let mut query = Entity::find().filter(in_division(Column::Division, own));
    if let Some(division) = filter.division {
        query = query.filter(in_division(Column::Division, division));
    }
    if let Some(state) = filter.state {
        query = query.filter(Column::State.eq(state.into_str()));
    }
    page(connection, query, before, limit).await
}

async fn page(
    connection: &impl ConnectionTrait,
    mut query: Select<Entity>,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<AccountabilityCase>, StorageError> {
    if let Some(before) = before {
        query = query.filter(Column::AccountabilityCaseId.lt(uuid_bytes(before)));
    }
    let rows = query
        .order_by_desc(Column::AccountabilityCaseId)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(AccountabilityCase::try_from).collect()
}

/// How many cases of a body in a division stand how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyTally {
    pub division: DivisionCode,
    pub body: String,
    pub state: State,
    pub count: i64,
}

/// Cases of a division, by their divisions, bodies and states.
pub async fn tallies(
    connection: &impl ConnectionTrait,
    permit: DivisionPermit,
    division: Option<DivisionCode>,
) -> Result<Vec<BodyTally>, StorageError> {
    let own = permit.jurisdiction().division();
    let mut query = Entity::find()
        .select_only()
        .columns([Column::Division, Column::ResponsibleBody, Column::State])
        .column_as(Column::AccountabilityCaseId.count(), "count")
        .filter(in_division(Column::Division, own));
    if let Some(division) = division {
        query = query.filter(in_division(Column::Division, division));
    }
    let rows: Vec<(i64, String, String, i64)> = query
        .group_by(Column::Division)
        .group_by(Column::ResponsibleBody)
        .group_by(Column::State)
        .into_tuple()
        .all(connection)
        .await?;
    let read = |(division, body, state, count): (i64, String, String, i64)| {
        Ok(BodyTally {
            division: read_division(division, "accountability_cases.division")?,
            body,
            state: state.parse().map_err(|_| damaged("state"))?,
            count,
        })
    };
    rows.into_iter().map(read).collect()
}
