//! A case: its state, who must answer, and its clocks; what an action and the time do to it.

use lutong_kernel::{DivisionCode, Timestamp};

use super::appeal::{Outcome, Verdict};
use super::calendar::Calendar;
use super::clocks::{Clock, ClockKind, ClockRule, RETURN_WITHIN, Span, Stage, rules};
use super::content::Kind;
use super::handling::{Handling, superior};
use super::log::Happening;
use super::machine::State;
use super::tracking::TrackingNumber;

pub use super::command::{Command, Refusal, Revisit, WaitingFor};

/// Whatever an action or a clock changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    pub kind: Kind,
    pub is_in_two_provinces: bool,
    pub state: State,
    /// Which must answer.
    pub division: DivisionCode,
    /// To which it was raised.
    pub escalated_to: Option<DivisionCode>,
    /// The account of the officer who must answer.
    pub assignee: Option<String>,
    /// When it was given to those who have it.
    pub assigned_at: Option<Timestamp>,
    pub waiting_for: Option<WaitingFor>,
    pub merged_into: Option<TrackingNumber>,
    pub extended_days: u32,
    pub revisit: Option<Revisit>,
    /// How often it was reopened.
    pub reopenings: u32,
    /// How an appeal was decided last.
    pub outcome: Option<Outcome>,
    /// Whether a refused appeal was taken to the next instance.
    pub is_before_next_instance: bool,
    pub clocks: Vec<Clock>,
    /// Lines of its log: grows by one with each.
    pub version: i64,
}

/// What a clock did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Firing {
    pub clock: ClockKind,
    pub happening: Happening,
    /// When it was to happen.
    pub planned_at: Timestamp,
    pub raised_to: Option<DivisionCode>,
}

impl Case {
    /// A case as it is filed, with its clocks running.
    pub fn filed(
        kind: Kind,
        is_in_two_provinces: bool,
        division: DivisionCode,
        at: Timestamp,
        calendar: &Calendar,
    ) -> Self {
        let clocks = rules(kind, is_in_two_provinces).iter();
        Self {
            kind,
            is_in_two_provinces,
            state: State::Filed,
            division,
            escalated_to: None,
            assignee: None,
            assigned_at: None,
            waiting_for: None,
            merged_into: None,
            extended_days: 0,
            revisit: None,
            reopenings: 0,
            outcome: None,
            is_before_next_instance: false,
            clocks: clocks.map(|rule| Clock::start(rule, at, calendar)).collect(),
            version: 1,
        }
    }

    /// Whether it is an appeal that was refused when it was decided last.
    pub fn is_refused(&self) -> bool {
        let outcome = self.outcome.as_ref();
        outcome.is_some_and(|outcome| outcome.verdict == Verdict::Refused)
    }

    /// The division to which a refused appeal may be taken once.
    pub fn next_instance(&self) -> Option<DivisionCode> {
        let is_answered = matches!(self.state, State::Answered | State::Closed);
        let may = self.is_refused() && is_answered && !self.is_before_next_instance;
        superior(self.division).filter(|_| may)
    }

    /// By when it is to be answered; `None` once it is, or is over.
    pub fn due_at(&self) -> Option<Timestamp> {
        let clock = self.clock(ClockKind::Answer)?;
        clock.stopped_at.is_none().then_some(clock.due_at)
    }

    /// Until when those who have it may return it.
    pub fn return_until(&self, calendar: &Calendar) -> Option<Timestamp> {
        let assigned_at = self.assigned_at?;
        Some(calendar.end_of_working_days(assigned_at, RETURN_WITHIN))
    }

    pub fn clock(&self, kind: ClockKind) -> Option<&Clock> {
        self.clocks.iter().find(|clock| clock.kind == kind)
    }

    pub fn rule(&self, kind: ClockKind) -> Option<&'static ClockRule> {
        let mut rules = rules(self.kind, self.is_in_two_provinces).iter();
        rules.find(|rule| rule.clock == kind)
    }

    /// When the next of its clocks does something.
    pub fn next_firing(&self) -> Option<Timestamp> {
        self.clocks.iter().filter_map(|clock| Some(clock.next()?.1)).min()
    }

    /// Lets its clocks do what is due by now, in the order in which it was to happen.
    pub fn fire_due(&mut self, now: Timestamp) -> Vec<Firing> {
        let mut fired = Vec::new();
        loop {
            let next = self.clocks.iter_mut().filter_map(|clock| {
                let (stage, planned_at) = clock.next()?;
                Some((planned_at, stage, clock))
            });
            let Some((planned_at, stage, clock)) = next.min_by_key(|(at, _, clock)| (*at, clock.kind)) else {
                return fired;
            };
            if now < planned_at {
                return fired;
            }
            clock.stage = stage;
            let kind = clock.kind;
            let above = superior(self.escalated_to.unwrap_or(self.division));
            let happening = match stage {
                Stage::Warned => Happening::Warned,
                Stage::Overdue => Happening::Overdue,
                // The province is raised to nobody.
                Stage::RaisedAgain if above.is_none() => continue,
                Stage::RaisedAgain | Stage::Running => Happening::Escalated,
            };
            let raised_to = above.filter(|_| happening != Happening::Warned);
            self.escalated_to = raised_to.or(self.escalated_to);
            self.version += 1;
            fired.push(Firing {
                clock: kind,
                happening,
                planned_at,
                raised_to,
            });
        }
    }

    /// Whether a clock counts working days in a year whose holidays are not known.
    pub fn is_beyond(&self, calendar: &Calendar) -> bool {
        self.clocks.iter().any(|clock| {
            let rule = self.rule(clock.kind);
            let counts_days = rule.is_some_and(|rule| matches!(rule.due, Span::WorkingDays(_)));
            counts_days && !calendar.is_known(clock.due_at.plus_micros(-1).local_day())
        })
    }

    fn stop(&mut self, kinds: &[ClockKind], now: Timestamp) {
        let running = self.clocks.iter_mut().filter(|clock| kinds.contains(&clock.kind));
        for clock in running {
            clock.stopped_at = clock.stopped_at.or(Some(now));
        }
    }
}

const BOTH: &[ClockKind] = &[ClockKind::FirstAnswer, ClockKind::Answer];

/// What an action makes of a case. Its due clocks have fired before.
pub fn apply(case: &Case, command: &Command, now: Timestamp, handling: &Handling) -> Result<Case, Refusal> {
    let (action, calendar) = (command.action(), &handling.calendar);
    if !action.is_possible(case.state) {
        return Err(Refusal::WrongState(case.state, action));
    }
    if !action.is_of(case.kind) {
        return Err(if case.kind == Kind::Appeal {
            Refusal::AppealToDecide
        } else {
            Refusal::NotAnAppeal
        });
    }
    let mut next = case.clone();
    next.version += 1;
    next.waiting_for = None;
    match command {
        Command::Assign { division, assignee } => {
            next.state = State::Assigned;
            next.division = *division;
            next.escalated_to = case.escalated_to.filter(|above| above.contains(*division));
            next.assignee.clone_from(assignee);
            next.assigned_at = Some(now);
        }
        Command::TakeUp(account) => {
            next.state = State::TakenUp;
            next.assignee = Some(account.clone());
            next.assigned_at = case.assigned_at.or(Some(now));
        }
        Command::Ask(waiting_for) => {
            next.state = State::Waiting;
            next.waiting_for = Some(*waiting_for);
            if *waiting_for == WaitingFor::Filer {
                next.stop(&[ClockKind::FirstAnswer], now);
            }
        }
        Command::Reply if case.waiting_for != Some(WaitingFor::Filer) => return Err(Refusal::NotAsked),
        Command::Reply => next.state = State::TakenUp,
        Command::Answer => {
            next.state = State::Answered;
            next.stop(BOTH, now);
        }
        Command::Decide(outcome) => {
            next.state = State::Answered;
            next.outcome = Some(outcome.clone());
            next.stop(BOTH, now);
        }
        Command::AskSource => {
            next.waiting_for = case.waiting_for.or(Some(WaitingFor::Authority));
            next.state = State::Waiting;
        }
        Command::Return => {
            let until = case.return_until(calendar).unwrap_or(Timestamp::MIN);
            if until <= now {
                return Err(Refusal::ReturnTooLate(until));
            }
            next.state = State::Returned;
            next.division = superior(case.division).unwrap_or(case.division);
            next.assignee = None;
            next.assigned_at = None;
        }
        Command::Extend(days) => {
            next.waiting_for = case.waiting_for;
            next.extend(*days, now, calendar)?;
        }
        Command::Reopen => next.reopen(now, handling)?,
        Command::Merge(into) => {
            next.state = State::Merged;
            next.merged_into = Some(into.clone());
            next.stop(BOTH, now);
        }
        Command::Revisit(revisit) => {
            next.revisit = Some(*revisit);
            // What cannot be reopened any more is closed as not solved.
            if revisit.solved || next.reopen(now, handling).is_err() {
                next.state = State::Closed;
            }
        }
        Command::Close => next.state = State::Closed,
    }
    Ok(next)
}

impl Case {
    fn extend(&mut self, days: u32, now: Timestamp, calendar: &Calendar) -> Result<(), Refusal> {
        let rule = self.rule(ClockKind::Answer);
        let most = rule.map_or(0, |rule| rule.extension_days);
        let left = most.saturating_sub(self.extended_days);
        let clock = self
            .clocks
            .iter_mut()
            .find(|clock| clock.kind == ClockKind::Answer);
        let (Some(rule), Some(clock)) = (rule, clock) else {
            return Err(Refusal::Extension(0));
        };
        if clock.is_overdue(now) {
            return Err(Refusal::Extension(0));
        }
        if days == 0 || left < days {
            return Err(Refusal::Extension(left));
        }
        *clock = clock.extended(rule, days, calendar);
        self.extended_days += days;
        Ok(())
    }

    /// To be done again: the answer is due as if the case were filed now. A refused appeal goes to the next instance.
    fn reopen(&mut self, now: Timestamp, handling: &Handling) -> Result<(), Refusal> {
        let most = handling.reopenings(self.kind);
        if most <= self.reopenings {
            return Err(Refusal::ReopenedTooOften(most));
        }
        if self.is_refused() {
            self.division = self.next_instance().ok_or(Refusal::NoNextInstance)?;
            self.is_before_next_instance = true;
            self.assignee = None;
            self.assigned_at = None;
        }
        self.reopenings += 1;
        self.state = State::Reopened;
        self.extended_days = 0;
        self.escalated_to = None;
        if let Some(rule) = self.rule(ClockKind::Answer) {
            let others = self.clocks.iter().filter(|clock| clock.kind != ClockKind::Answer);
            let again = Clock::start(rule, now, &handling.calendar);
            self.clocks = others.copied().chain([again]).collect();
        }
        Ok(())
    }

    /// The source of a fact was heard, or its time is over; `is_last` if no other source is still asked. A case that waited for the
    /// authority goes on; one that waits for somebody else, or was moved on, stays as it is.
    pub fn hear_source(&self, is_last: bool) -> Self {
        let mut next = self.clone();
        next.version += 1;
        let waits = self.state == State::Waiting && self.waiting_for == Some(WaitingFor::Authority);
        if waits && is_last {
            next.state = State::TakenUp;
            next.waiting_for = None;
        }
        next
    }
}

/// What decides whether a case may be merged into another.
#[derive(Debug, Clone, Copy)]
pub struct MergeSide<'a> {
    pub number: &'a TrackingNumber,
    pub kind: Kind,
    pub state: State,
    /// Keyed hash of the account that filed it.
    pub account: Option<&'a [u8; 32]>,
}

/// Whether one case may be merged into the other. An appeal is about one person's decision.
pub fn check_merge(one: &MergeSide<'_>, into: &MergeSide<'_>) -> Result<(), Refusal> {
    let is_same_person = one.account.is_some() && one.account == into.account;
    let is_over = matches!(into.state, State::Merged | State::Closed);
    let fits = one.number != into.number
        && one.kind == into.kind
        && !is_over
        && (one.kind != Kind::Appeal || is_same_person);
    if fits { Ok(()) } else { Err(Refusal::Merge) }
}

#[cfg(test)]
mod tests;
