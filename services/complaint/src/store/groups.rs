//! Groups of open appeals: those about whose facts one source was asked, by the hour in which it had reported them.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::cases::reached;
use super::complaint;
use super::reviews::fact_review::{Column, Entity};
use crate::domain::machine::State;
use crate::domain::staff::Staff;

/// The hour since 1970 in which a fact was recorded. Written out, so that a database recognises it as what it groups by.
const HOUR: &str = "recorded_at / 3600000000";
/// Cases that are named of one group.
const CASES: u64 = 100;
/// Appeals that make a group.
const SEVERAL: i64 = 2;

/// The key of a group: its source, and the hour since 1970. The key of a page token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPosition {
    pub source: String,
    hour: i64,
}

impl GroupPosition {
    pub fn bytes(&self) -> Vec<u8> {
        [&self.hour.to_be_bytes()[..], self.source.as_bytes()].concat()
    }

    /// Parses [`Self::bytes`] out of a page token.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (hour, source) = bytes.split_first_chunk::<8>()?;
        Some(Self {
            hour: i64::from_be_bytes(*hour),
            source: String::from_utf8(source.to_vec()).ok()?,
        })
    }
}

/// Open appeals about facts of one source and hour.
#[derive(Debug, Clone)]
pub struct Group {
    pub position: GroupPosition,
    /// When the first and the last of the facts were recorded.
    pub first: Timestamp,
    pub last: Timestamp,
    pub count: i64,
    /// The tracking numbers of the first of them, as stored.
    pub cases: Vec<String>,
}

fn hour() -> Expr {
    Expr::cust(HOUR)
}

/// About open appeals that a member of staff reaches.
fn open_and_reached(staff: &Staff) -> Condition {
    let states = State::open().iter().map(State::into_str);
    let open = Query::select()
        .column(complaint::Column::TrackingNumber)
        .from(complaint::Entity)
        .cond_where(
            Condition::all()
                .add(reached(staff))
                .add(complaint::Column::State.is_in(states)),
        )
        .to_owned();
    Condition::all().add(Column::TrackingNumber.in_subquery(open))
}

/// Groups after a position, by source and hour.
pub async fn list(
    connection: &impl ConnectionTrait,
    staff: &Staff,
    after: Option<GroupPosition>,
    limit: u64,
) -> Result<Vec<Group>, StorageError> {
    let mut all = open_and_reached(staff);
    if let Some(GroupPosition { source, hour: at }) = after {
        let later = Condition::all()
            .add(Column::Source.eq(source.as_str()))
            .add(hour().gt(at));
        all = all.add(Condition::any().add(Column::Source.gt(source)).add(later));
    }
    let count = || Expr::col(Column::TrackingNumber).count_distinct();
    let rows = Entity::find()
        .select_only()
        .column(Column::Source)
        .column_as(hour(), "hour")
        .column_as(Column::RecordedAt.min(), "first")
        .column_as(Column::RecordedAt.max(), "last")
        .column_as(count(), "cases")
        .filter(all)
        .group_by(Column::Source)
        .group_by(hour())
        .having(count().gte(SEVERAL))
        .order_by_asc(Column::Source)
        .order_by_asc(hour())
        .limit(limit)
        .into_tuple::<(String, i64, i64, i64, i64)>()
        .all(connection)
        .await?;
    let mut groups = Vec::with_capacity(rows.len());
    for (source, hour, first, last, count) in rows {
        let position = GroupPosition { source, hour };
        groups.push(Group {
            cases: cases_of(connection, staff, &position).await?,
            position,
            first: Timestamp::from_micros(first),
            last: Timestamp::from_micros(last),
            count,
        });
    }
    Ok(groups)
}

/// The first cases of a group, in the order in which the source was asked about them.
async fn cases_of(
    connection: &impl ConnectionTrait,
    staff: &Staff,
    position: &GroupPosition,
) -> Result<Vec<String>, StorageError> {
    let found = Entity::find()
        .select_only()
        .column(Column::TrackingNumber)
        .filter(open_and_reached(staff))
        .filter(Column::Source.eq(position.source.as_str()))
        .filter(hour().eq(position.hour))
        .group_by(Column::TrackingNumber)
        .order_by_asc(Column::AskedAt.min())
        .order_by_asc(Column::TrackingNumber)
        .limit(CASES)
        .into_tuple::<String>()
        .all(connection)
        .await?;
    Ok(found)
}
