//! Rollbacks between domain and wire.

use lutong_chassis::reply;
use lutong_kernel::fault::Violations;
use lutong_kernel::{Timestamp, Violation, source};
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::time;
use uuid::Uuid;

use crate::domain::rollback::{Outcome, Preview, Proposal, Span, State};
use crate::grpc::convert::colour;

/// Characters of a source's name and of a reason.
const MAX_SOURCE: usize = 100;
const MAX_REASON: usize = 200;

/// What to undo; everything that is wrong with it is noted.
pub fn span(message: &wire::ProposeRollbackRequest, wrong: &mut Violations) -> Option<Span> {
    let instant = |at: Option<prost_types::Timestamp>, field: &str| {
        reply::required(at, field).map(|at| Timestamp::from_micros(time::to_micros(&at)))
    };
    let from = wrong.take(instant(message.from_time, "from_time"));
    let until = wrong.take(instant(message.until_time, "until_time"));
    if let (Some(from), Some(until)) = (from, until)
        && until <= from
    {
        let en = "does not lie after from_time";
        wrong.push(Violation::new(
            "until_time",
            "END_BEFORE_START",
            "应晚于from_time",
            en,
        ));
    }
    let source = wrong.take(feed(&message.source));
    let reason = wrong.take(reply::text(&message.reason, "reason", MAX_REASON));
    Some(Span {
        source: source?,
        from: from?,
        until: until?,
        reason: reason?,
    })
}

/// A feed's name: what people, officers and partners state is undone in other ways.
fn feed(name: &str) -> Result<String, Violation> {
    let name = reply::text(name, "source", MAX_SOURCE)?;
    match source::reserved(&name) {
        None => Ok(name),
        Some(word) => Err(Violation::new(
            "source",
            "SOURCE_NOT_A_FEED",
            "只能撤销登记数据源报送的内容",
            format!("{word:?} names no feed: only what a registered feed reported is rolled back"),
        )),
    }
}

pub fn rollback(one: Proposal) -> wire::Rollback {
    let stamp = |at: Timestamp| time::from_micros(at.micros());
    let (proposed, approved) = (one.proposed, one.approved);
    wire::Rollback {
        name: format!("rollbacks/{}", one.id),
        rollback_id: one.id.to_string(),
        source: one.span.source,
        from_time: Some(stamp(one.span.from)),
        until_time: Some(stamp(one.span.until)),
        reason: one.span.reason,
        state: wire_state(one.state).into(),
        preview: Some(preview(one.preview)),
        outcome: approved.as_ref().map(|_| outcome(one.outcome)),
        proposer: proposed.officer,
        propose_time: Some(stamp(proposed.at)),
        approve_time: approved.as_ref().map(|approved| stamp(approved.at)),
        approver: approved.map(|approved| approved.officer).unwrap_or_default(),
        close_time: one.closed.map(|closed| stamp(closed.at)),
        divisions: one.divisions.iter().map(ToString::to_string).collect(),
    }
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn preview(preview: Preview) -> wire::RollbackPreview {
    let changes = preview.colours.into_iter();
    wire::RollbackPreview {
        subjects: count(preview.subjects),
        retracted: count(preview.retracted),
        restated: count(preview.restated),
        tried_subjects: count(preview.tried),
        colour_changes: changes
            .map(|(before, after, people)| wire::RollbackColourChange {
                before: colour(before).into(),
                after: colour(after).into(),
                count: count(people),
            })
            .collect(),
    }
}

fn outcome(outcome: Outcome) -> wire::RollbackOutcome {
    wire::RollbackOutcome {
        subjects: count(outcome.subjects),
        retracted: count(outcome.retracted),
        restated: count(outcome.restated),
        redecided: count(outcome.redecided),
    }
}

const fn wire_state(state: State) -> wire::RollbackState {
    match state {
        State::Proposed => wire::RollbackState::Proposed,
        State::Approved => wire::RollbackState::Approved,
        State::Rejected => wire::RollbackState::Rejected,
        State::Withdrawn => wire::RollbackState::Withdrawn,
        State::Done => wire::RollbackState::Done,
    }
}

/// `None` where every state is asked for.
pub fn state(number: i32) -> Result<Option<State>, Violation> {
    if number == 0 {
        return Ok(None);
    }
    let found = State::ALL
        .into_iter()
        .find(|state| i32::from(wire_state(*state)) == number);
    found.map(Some).ok_or_else(|| {
        Violation::new(
            "state",
            "STATE_UNKNOWN",
            "没有该状态",
            "is no state of a rollback",
        )
    })
}

pub fn page_token(token: &str) -> Result<Option<Uuid>, Violation> {
    if token.is_empty() {
        return Ok(None);
    }
    token.parse().map(Some).map_err(|_| {
        Violation::new(
            "page_token",
            "PAGE_TOKEN",
            "不是本服务给出的翻页标记",
            "is none that this service gave",
        )
    })
}
