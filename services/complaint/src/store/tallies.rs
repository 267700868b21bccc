//! How often something happened to cases in a span, by the division for which they were filed and by their kind.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use lutong_storage::column::read_division;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query, SelectStatement};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::complaint;
use super::events::case_event;
use crate::domain::appeal::Verdict;
use crate::domain::clocks::ClockKind;
use crate::domain::log::Happening;
use crate::domain::machine::{Action, State};
use crate::domain::monthly::{Figure, STEP_SECONDS, Tally};

/// What an event says beside its time. Events of one group are counted together.
const GROUP: [&str; 7] = [
    "filed_for",
    "kind",
    "event",
    "to_state",
    "verdict",
    "clock",
    "steps",
];

/// A group of events.
#[derive(Debug, FromQueryResult)]
struct Row {
    filed_for: i64,
    kind: String,
    event: String,
    to_state: String,
    verdict: Option<String>,
    clock: Option<String>,
    /// Of events by which a filer first heard something: the time since the case was filed, in steps.
    steps: Option<i64>,
    count: i64,
}

/// What filers hear: questions to them, answers and decisions.
fn heard() -> [&'static str; 3] {
    [Action::Ask, Action::Answer, Action::Decide].map(|action| Happening::Action(action).as_str())
}

/// The steps of an event by which the filer first hears something; null of any other.
fn steps() -> String {
    let heard = heard().map(|event| format!("'{event}'")).join(", ");
    let is_heard = |table: &str| format!("{table}.is_shown AND {table}.event IN ({heard})");
    let (own, earlier) = (is_heard("case_events"), is_heard("earlier"));
    let step = STEP_SECONDS * 1_000_000;
    format!(
        "CASE WHEN {own} AND NOT EXISTS (SELECT 1 FROM case_events AS earlier WHERE \
         earlier.tracking_number = case_events.tracking_number AND earlier.sequence < case_events.sequence AND {earlier}) \
         THEN (case_events.created_at - complaints.created_at + {step} - 1) / {step} END"
    )
}

/// The events of a span with their cases.
fn events(from: Timestamp, until: Timestamp) -> SelectStatement {
    use case_event::Column;
    let counted = [
        Happening::Filed,
        Happening::Overdue,
        Happening::Action(Action::Ask),
        Happening::Action(Action::Answer),
        Happening::Action(Action::Decide),
        Happening::Action(Action::Close),
        Happening::Action(Action::Revisit),
    ];
    let own = |column: Column| (case_event::Entity, column);
    let of_complaint = |column: complaint::Column| (complaint::Entity, column);
    Query::select()
        .columns([complaint::Column::FiledFor, complaint::Column::Kind].map(of_complaint))
        .columns([Column::Event, Column::ToState, Column::Verdict, Column::Clock].map(own))
        .expr_as(Expr::cust(steps()), Alias::new("steps"))
        .from(case_event::Entity)
        .inner_join(
            complaint::Entity,
            Expr::col(of_complaint(complaint::Column::TrackingNumber)).equals(own(Column::TrackingNumber)),
        )
        .and_where(Expr::col(own(Column::CreatedAt)).gte(from.micros()))
        .and_where(Expr::col(own(Column::CreatedAt)).lt(until.micros()))
        .and_where(Expr::col(own(Column::Event)).is_in(counted.map(Happening::as_str)))
        .to_owned()
}

/// What happened from an instant until before another.
pub async fn count(
    connection: &impl ConnectionTrait,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Tally>, StorageError> {
    let query = Query::select()
        .columns(GROUP.map(Alias::new))
        .expr_as(Expr::cust("COUNT(*)"), Alias::new("count"))
        .from_subquery(events(from, until), Alias::new("happened"))
        .group_by_columns(GROUP.map(Alias::new))
        .to_owned();
    let rows = connection
        .query_all_raw(connection.get_database_backend().build(&query))
        .await?;
    let mut tallies = Vec::with_capacity(rows.len());
    for row in rows {
        tallies.extend(read(&Row::from_query_result(&row, "")?)?);
    }
    Ok(tallies)
}

/// What a group of events says: an answer may also be the first that a filer heard.
fn read(row: &Row) -> Result<Vec<Tally>, StorageError> {
    let damaged = |what: &str| StorageError::Damaged(what.to_owned());
    let division = read_division(row.filed_for, "complaints.filed_for")?;
    let kind = row.kind.parse().map_err(|_| damaged("complaints.kind"))?;
    let count = u64::try_from(row.count).map_err(|_| damaged("a count"))?;
    let steps = row.steps.map(u64::try_from).transpose();
    let steps = steps.map_err(|_| damaged("case_events.created_at"))?;
    let figures = figure(row)?.into_iter().chain(steps.map(Figure::FirstAnswered));
    let tally = |figure| Tally {
        division,
        kind,
        figure,
        count,
    };
    Ok(figures.map(tally).collect())
}

fn figure(row: &Row) -> Result<Option<Figure>, StorageError> {
    let damaged = |what: &str| StorageError::Damaged(format!("case_events.{what}"));
    let happening = Happening::parse(&row.event).ok_or_else(|| damaged("event"))?;
    Ok(match happening {
        Happening::Filed => Some(Figure::Filed),
        Happening::Overdue => {
            (row.clock.as_deref() == Some(ClockKind::Answer.into_str())).then_some(Figure::Overdue)
        }
        Happening::Action(Action::Answer) => Some(Figure::Answered),
        // A decision of a case that was decided again before verdicts were kept in the log has none.
        Happening::Action(Action::Decide) => match row.verdict.as_deref().map(str::parse) {
            None => None,
            Some(Ok(Verdict::Upheld)) => Some(Figure::Upheld),
            Some(Ok(Verdict::Refused)) => Some(Figure::Refused),
            Some(Err(_)) => return Err(damaged("verdict")),
        },
        Happening::Action(_) => (row.to_state == State::Closed.into_str()).then_some(Figure::Closed),
        // What happens to a closed case by itself closes it no second time.
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure_of(event: &str, to_state: State) -> Option<Figure> {
        let row = Row {
            filed_for: 370_202,
            kind: "appeal".to_owned(),
            event: event.to_owned(),
            to_state: to_state.into_str().to_owned(),
            verdict: None,
            clock: None,
            steps: None,
            count: 1,
        };
        figure(&row).unwrap()
    }

    #[test]
    fn what_happens_to_a_closed_case_by_itself_closes_it_no_second_time() {
        for action in ["close", "revisit"] {
            assert_eq!(figure_of(action, State::Closed), Some(Figure::Closed), "{action}");
        }
        assert_eq!(figure_of("revisit", State::Reopened), None);
        for event in [
            "source_correct",
            "source_confirm",
            "relief_end",
            "delete_files",
            "attach",
        ] {
            assert_eq!(figure_of(event, State::Closed), None, "{event}");
        }
    }
}
