//! A case in which a place is held to account: its states, and what is done with it.

use std::collections::BTreeSet;

use lutong_kernel::{AccountabilityCaseId, DivisionCode, PlaceId, Timestamp};

use super::voices::Signal;
use crate::domain::calendar::Calendar;
use crate::domain::clocks::LATE_AFTER_SECONDS;
use crate::domain::handling::superior;
use crate::domain::place::PlaceKind;

/// Working days after which a case that is still overdue is raised once more.
const RAISE_AGAIN: u32 = 1;

/// How a case stands. The names are those of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum State {
    Queued,
    Open,
    Dismissed,
    Published,
    Proposed,
}

/// What came of a case, stored in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Outcome {
    Corrected,
    Penalised,
    HandedOver,
    NotConfirmed,
}

/// What is done with a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::VariantArray)]
pub enum Action {
    Open,
    Dismiss,
    Take,
    Publish,
    Approve,
    Reject,
}

impl Action {
    /// The states in which it is possible.
    pub const fn from(self) -> &'static [State] {
        match self {
            Self::Open | Self::Dismiss => &[State::Queued],
            Self::Take | Self::Publish => &[State::Open],
            Self::Approve | Self::Reject => &[State::Proposed],
        }
    }
}

/// An action with what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// With the day by which its outcome is due.
    Open(Timestamp),
    Dismiss,
    Take,
    /// Of its owner, to be signed by a second person.
    Publish(Outcome, String),
    Approve,
    Reject,
}

impl Command {
    pub const fn action(&self) -> Action {
        match self {
            Self::Open(_) => Action::Open,
            Self::Dismiss => Action::Dismiss,
            Self::Take => Action::Take,
            Self::Publish(..) => Action::Publish,
            Self::Approve => Action::Approve,
            Self::Reject => Action::Reject,
        }
    }
}

/// Why an action is not possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    WrongState(State, Action),
    /// Somebody else is the owner, or nobody.
    NotOwner,
    /// The second person is the first.
    OwnProposal,
}

/// That a case was raised to a division above, when it was to be and when it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Escalation {
    pub division: DivisionCode,
    pub planned_at: Timestamp,
    pub raised_at: Timestamp,
}

impl Escalation {
    /// Whether nothing looked at the case in time.
    pub fn is_late(&self) -> bool {
        self.planned_at.plus_seconds(LATE_AFTER_SECONDS) < self.raised_at
    }
}

/// A place that is held to account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountabilityCase {
    pub id: AccountabilityCaseId,
    pub place: PlaceId,
    pub division: DivisionCode,
    pub kind: PlaceKind,
    pub responsible_body: String,
    pub rule: String,
    pub rules_version: i64,
    pub counted: usize,
    pub signals: BTreeSet<Signal>,
    pub state: State,
    pub created_at: Timestamp,
    pub opened_at: Option<Timestamp>,
    /// The account of the supervisor who opened what was queued.
    pub opened_by: Option<String>,
    pub due_at: Option<Timestamp>,
    pub owner: Option<String>,
    pub outcome: Option<(Outcome, String)>,
    /// Which account stated the outcome, and when.
    pub proposed: Option<(String, Timestamp)>,
    /// To which divisions above it was raised.
    pub escalations: Vec<Escalation>,
    /// When it is raised next; absent where it is not under way, or there is none above.
    pub raise_at: Option<Timestamp>,
    /// When it was published or dismissed, and by which account: of an outcome the second person.
    pub closed_at: Option<Timestamp>,
    pub closed_by: Option<String>,
    pub version: i64,
}

impl AccountabilityCase {
    /// Whether an account may take an action.
    pub fn check(&self, action: Action, account: &str) -> Result<(), Refusal> {
        if !action.from().contains(&self.state) {
            return Err(Refusal::WrongState(self.state, action));
        }
        if action == Action::Publish && self.owner.as_deref() != Some(account) {
            return Err(Refusal::NotOwner);
        }
        let proposer = self.proposed.as_ref().map(|(account, _)| account.as_str());
        if action == Action::Approve && proposer == Some(account) {
            return Err(Refusal::OwnProposal);
        }
        Ok(())
    }

    /// What an action of an account makes of it.
    pub fn apply(&self, command: &Command, account: &str, now: Timestamp) -> Result<Self, Refusal> {
        self.check(command.action(), account)?;
        let mut next = self.clone();
        next.version += 1;
        match command {
            Command::Open(due_at) => {
                next.opened_by = Some(account.to_owned());
                next.open(now, *due_at);
            }
            Command::Dismiss => next.close(State::Dismissed, account, now),
            Command::Take => next.owner = Some(account.to_owned()),
            Command::Publish(outcome, summary) => {
                next.outcome = Some((*outcome, summary.clone()));
                next.proposed = Some((account.to_owned(), now));
                next.state = State::Proposed;
            }
            Command::Approve => next.close(State::Published, account, now),
            Command::Reject => {
                next.outcome = None;
                next.proposed = None;
                next.state = State::Open;
            }
        }
        Ok(next)
    }

    /// A case that was queued opens by itself once honest complaints suffice.
    pub fn promoted(&self, now: Timestamp, due_at: Timestamp) -> Self {
        let mut next = self.clone();
        next.version += 1;
        next.open(now, due_at);
        next
    }

    fn open(&mut self, now: Timestamp, due_at: Timestamp) {
        self.state = State::Open;
        self.opened_at = Some(now);
        self.due_at = Some(due_at);
        self.raise_at = Some(due_at);
    }

    /// Raises a case whose outcome is overdue to the divisions above, one after the other: whatever was to happen by now.
    pub fn raise(&self, now: Timestamp, calendar: &Calendar) -> Self {
        let mut next = self.clone();
        while let Some(planned_at) = next.raise_at.filter(|at| *at <= now) {
            let last = next
                .escalations
                .last()
                .map_or(next.division, |last| last.division);
            let Some(division) = superior(last) else {
                next.raise_at = None;
                break;
            };
            next.escalations.push(Escalation {
                division,
                planned_at,
                raised_at: now,
            });
            let again = calendar.end_of_working_days(planned_at, RAISE_AGAIN);
            next.raise_at = superior(division).map(|_| again);
            next.version += 1;
        }
        next
    }

    fn close(&mut self, state: State, account: &str, now: Timestamp) {
        self.state = state;
        self.closed_at = Some(now);
        self.closed_by = Some(account.to_owned());
        self.raise_at = None;
    }

    /// Whether its outcome is, or was, published too late.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.due_at
            .is_some_and(|due_at| due_at <= self.closed_at.unwrap_or(now))
    }
}
