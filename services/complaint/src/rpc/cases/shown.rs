//! Cases as staff see them.

use lutong_kernel::phone::Mobile;
use lutong_proto::complaint::v1 as wire;
use lutong_proto::time::instant;
use lutong_proto::types::v1 as types;
use wire::case::Kind as ShownKind;

use super::COLLECTION;
use crate::domain::case::Case;
use crate::domain::clocks::{Clock, Stage};
use crate::domain::content::Content;
use crate::domain::handling::Handling;
use crate::domain::hotline::{Caller, Intake};
use crate::domain::log::LogEntry;
use crate::domain::staff::Staff;
use crate::rpc::content::{
    action, appeal, feedback, finding, follow_up, kind, outcome, place, revisit, state, waiting_for,
};
use crate::store::Complaint;

const fn intake(intake: Intake) -> wire::CaseIntake {
    match intake {
        Intake::Menu => wire::CaseIntake::Menu,
        Intake::Anonymous => wire::CaseIntake::Anonymous,
        Intake::Counter => wire::CaseIntake::Counter,
        Intake::Hotline => wire::CaseIntake::Hotline,
        Intake::Officer => wire::CaseIntake::Officer,
    }
}

fn caller(caller: Caller) -> wire::CaseCaller {
    wire::CaseCaller {
        name: caller
            .name
            .map(lutong_kernel::Secret::into_inner)
            .unwrap_or_default(),
        mobile: caller
            .mobile
            .as_ref()
            .map(Mobile::expose)
            .unwrap_or_default()
            .to_owned(),
    }
}

/// Whom a case is about, for the ledger; empty of what is no appeal.
pub fn subject_id(complaint: &Complaint) -> String {
    complaint
        .subject
        .map(|subject| subject.to_string())
        .unwrap_or_default()
}

/// A case without what was written and without who called.
pub fn listed(complaint: Complaint, staff: &Staff, handling: &Handling) -> wire::Case {
    wire::Case {
        caller: None,
        kind: None,
        ..case(complaint, staff, handling)
    }
}

/// A case. A caller who asked for it stays secret, also to whoever entered the case.
pub fn case(complaint: Complaint, staff: &Staff, handling: &Handling) -> wire::Case {
    let etag = complaint.etag().into();
    let Complaint {
        number,
        created_at,
        content,
        entry,
        case,
        ..
    } = complaint;
    let actions = staff.actions(case.kind, case.state).into_iter();
    let clocks = case.clocks.iter().map(|one| clock(&case, one));
    wire::Case {
        name: format!("{COLLECTION}{number}"),
        case_id: number.to_string(),
        state: state(case.state).into(),
        create_time: Some(instant(created_at)),
        intake: intake(entry.intake).into(),
        etag,
        division: case.division.to_string(),
        escalated_division: case.escalated_to.map(|one| one.to_string()).unwrap_or_default(),
        waiting_for: case.waiting_for.map_or(0, |one| waiting_for(one).into()),
        merged_into: case
            .merged_into
            .as_ref()
            .map(|into| format!("{COLLECTION}{into}"))
            .unwrap_or_default(),
        clocks: clocks.collect(),
        return_due_time: case.return_until(&handling.calendar).map(instant),
        extended_days: i32::try_from(case.extended_days).unwrap_or(i32::MAX),
        revisit: case.revisit.map(revisit),
        hotline_number: entry.hotline_number.unwrap_or_default(),
        city_number: entry.city_number.unwrap_or_default(),
        repeat_caller: entry.is_repeat,
        call_time: entry.called_at.map(instant),
        caller: entry.caller.filter(|_| !entry.is_secret).map(caller),
        secret_caller: entry.is_secret,
        case_kind: kind(case.kind).into(),
        allowed_actions: actions.map(|one| action(one).into()).collect(),
        kind: Some(match content {
            Content::Feedback(one) => ShownKind::Feedback(feedback(one)),
            Content::Appeal(one) => ShownKind::Appeal(appeal(one)),
            Content::Place(one) => ShownKind::Place(place(one)),
            Content::DoorReport(one) => ShownKind::DoorReport(follow_up(one)),
        }),
        outcome: outcome(&case),
        reopened_count: i32::try_from(case.reopenings).unwrap_or(i32::MAX),
        desk: handling.desk(case.division, case.kind).to_owned(),
        assignee: case.assignee.unwrap_or_default(),
    }
}

/// A clock as it was when its case was last written or fired.
fn clock(case: &Case, clock: &Clock) -> types::Clock {
    let state = match (clock.stopped_at, clock.stage) {
        (Some(_), _) => types::ClockState::Met,
        (None, Stage::Running) => types::ClockState::Running,
        (None, Stage::Warned) => types::ClockState::Warned,
        (None, Stage::Overdue | Stage::RaisedAgain) => types::ClockState::Overdue,
    };
    let late = clock.stopped_at.map(|at| at.since(clock.due_at));
    let late = late.filter(|late| !late.is_zero());
    types::Clock {
        kind: clock.kind.into_str().to_owned(),
        state: state.into(),
        start_time: Some(instant(clock.started_at)),
        warn_time: clock.warn_at.map(instant),
        due_time: Some(instant(clock.due_at)),
        stop_time: clock.stopped_at.map(instant),
        calendar: case
            .rule(clock.kind)
            .map_or("", |rule| rule.due.calendar())
            .to_owned(),
        paused_for: None,
        late: late.and_then(|late| prost_types::Duration::try_from(late).ok()),
    }
}

pub fn event(sequence: i64, entry: LogEntry) -> wire::CaseEvent {
    let is_late = entry.is_late();
    wire::CaseEvent {
        sequence,
        event: entry.happening.as_str().to_owned(),
        create_time: Some(instant(entry.at)),
        actor: entry.actor.to_string(),
        from_state: entry.from.map_or(0, |from| state(from).into()),
        to_state: state(entry.to).into(),
        text: entry
            .text
            .map(lutong_kernel::Secret::into_inner)
            .unwrap_or_default(),
        division: entry.division.map(|one| one.to_string()).unwrap_or_default(),
        clock: entry
            .clock
            .map(|(clock, _)| clock.into_str().to_owned())
            .unwrap_or_default(),
        plan_time: entry.clock.map(|(_, planned)| instant(planned)),
        late: is_late,
        finding: entry.finding.map_or(0, |one| finding(one).into()),
    }
}
