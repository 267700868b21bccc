//! Clocks: what must happen with a case by when. The rules are a table; a clock is started by a rule, warns, is overdue and raises the
//! case to the divisions above, until what it asks for has happened. A clock never stands still: waiting for somebody does not excuse.

use lutong_kernel::Timestamp;

use super::calendar::Calendar;
use super::content::Kind;

/// What must happen, stored and sent in kebab case.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::EnumString, strum::IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case", const_into_str)]
pub enum ClockKind {
    /// The filer has heard something: a question or the answer.
    FirstAnswer,
    /// The filer has the answer.
    Answer,
}

/// How a span is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Around the clock, from the instant.
    Hours(i64),
    /// Whole working days, from the day after; the span ends with the last of them.
    WorkingDays(u32),
}

impl Span {
    /// The calendar of the contract.
    pub const fn calendar(self) -> &'static str {
        match self {
            Self::Hours(_) => "every-hour",
            Self::WorkingDays(_) => "working-days",
        }
    }

    pub fn after(self, from: Timestamp, calendar: &Calendar) -> Timestamp {
        match self {
            Self::Hours(hours) => from.plus_seconds(hours * 3_600),
            Self::WorkingDays(days) => calendar.end_of_working_days(from, days),
        }
    }
}

/// When a clock of a kind of case warns, is overdue, and raises the case once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockRule {
    pub clock: ClockKind,
    pub due: Span,
    /// The yellow card: with the beginning of the last working day.
    pub warns: bool,
    /// After it is due: the case is raised by a second division.
    pub raise_again: Span,
    /// The most working days by which it may be extended.
    pub extension_days: u32,
}

/// Working days within which a case can be returned as not one's own.
pub const RETURN_WITHIN: u32 = 2;
/// A clock that fires later than this after its time says that it is late.
pub const LATE_AFTER_SECONDS: i64 = 60;

const fn hours(clock: ClockKind, hours: i64) -> ClockRule {
    ClockRule {
        clock,
        due: Span::Hours(hours),
        warns: false,
        raise_again: Span::Hours(hours),
        extension_days: 0,
    }
}

/// 2 hours for the first answer to feedback and appeals.
const FIRST_ANSWER: ClockRule = hours(ClockKind::FirstAnswer, 2);
/// 5 working days, and at most 10 more: the province's measures on the hotline of 2020.
const FIVE_WORKING_DAYS: ClockRule = ClockRule {
    clock: ClockKind::Answer,
    due: Span::WorkingDays(5),
    warns: true,
    raise_again: Span::WorkingDays(1),
    extension_days: 10,
};

/// The clocks of a kind of case. `in_two_provinces`: another province's data is concerned.
pub const fn rules(kind: Kind, in_two_provinces: bool) -> &'static [ClockRule] {
    const FEEDBACK: &[ClockRule] = &[FIRST_ANSWER, FIVE_WORKING_DAYS];
    const APPEAL: &[ClockRule] = &[FIRST_ANSWER, hours(ClockKind::Answer, 8)];
    const APPEAL_IN_TWO_PROVINCES: &[ClockRule] = &[FIRST_ANSWER, hours(ClockKind::Answer, 24)];
    const PLACE: &[ClockRule] = &[FIVE_WORKING_DAYS];
    const DOOR_REPORT: &[ClockRule] = &[hours(ClockKind::Answer, 24)];
    match (kind, in_two_provinces) {
        (Kind::Feedback, _) => FEEDBACK,
        (Kind::Appeal, false) => APPEAL,
        (Kind::Appeal, true) => APPEAL_IN_TWO_PROVINCES,
        (Kind::Place, _) => PLACE,
        (Kind::DoorReport, _) => DOOR_REPORT,
    }
}

/// What a clock has done so far, stored in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Stage {
    Running,
    Warned,
    Overdue,
    RaisedAgain,
}

/// A clock of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    pub kind: ClockKind,
    pub started_at: Timestamp,
    pub warn_at: Option<Timestamp>,
    pub due_at: Timestamp,
    pub raise_again_at: Timestamp,
    pub stage: Stage,
    /// When what it asks for had happened, or the case was over.
    pub stopped_at: Option<Timestamp>,
}

impl Clock {
    pub fn start(rule: &ClockRule, from: Timestamp, calendar: &Calendar) -> Self {
        Self::due(rule, from, rule.due.after(from, calendar), calendar)
    }

    fn due(rule: &ClockRule, started_at: Timestamp, due_at: Timestamp, calendar: &Calendar) -> Self {
        // A span of working days ends with its last day: the instant before lies in that day.
        let last_instant = due_at.plus_micros(-1);
        let overdue_from = match rule.raise_again {
            Span::Hours(_) => due_at,
            Span::WorkingDays(_) => last_instant,
        };
        Self {
            kind: rule.clock,
            started_at,
            warn_at: rule.warns.then(|| last_instant.local_day().start()),
            due_at,
            raise_again_at: rule.raise_again.after(overdue_from, calendar),
            stage: Stage::Running,
            stopped_at: None,
        }
    }

    /// The same clock, due some working days later; it warns anew.
    pub fn extended(&self, rule: &ClockRule, days: u32, calendar: &Calendar) -> Self {
        let last_day = self.due_at.plus_micros(-1).local_day();
        let due_at = calendar.working_day_after(last_day, days).end();
        Self::due(rule, self.started_at, due_at, calendar)
    }

    /// What it does next, and when; `None` once it has stopped or done everything.
    pub fn next(&self) -> Option<(Stage, Timestamp)> {
        if self.stopped_at.is_some() {
            return None;
        }
        match (self.stage, self.warn_at) {
            (Stage::Running, Some(warn_at)) => Some((Stage::Warned, warn_at)),
            (Stage::Running, None) | (Stage::Warned, _) => Some((Stage::Overdue, self.due_at)),
            (Stage::Overdue, _) => Some((Stage::RaisedAgain, self.raise_again_at)),
            (Stage::RaisedAgain, _) => None,
        }
    }

    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.due_at <= self.stopped_at.unwrap_or(now)
    }
}
