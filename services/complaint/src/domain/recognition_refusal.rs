//! Reported refusals of recognition: who does not take the codes of other provinces. One supervisor reports, another publishes.

use lutong_kernel::{DivisionCode, RecognitionRefusalId, Timestamp, Violation};

use super::place::PlaceKind;
use crate::fault::recognition_refusals as fault;

/// How a refusal stands. The names are those of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum State {
    Proposed,
    Approved,
    Ended,
    Expired,
}

/// What a supervisor does with a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::VariantArray)]
pub enum Action {
    Approve,
    End,
}

impl Action {
    /// The states in which it is possible.
    pub const fn from(self) -> &'static [State] {
        match self {
            Self::Approve => &[State::Proposed],
            Self::End => &[State::Proposed, State::Approved],
        }
    }
}

/// An account, and when it acted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub account: String,
    pub at: Timestamp,
}

/// Who refuses, on which basis, from when until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub division: DivisionCode,
    /// `None`: places of any kind.
    pub place_kind: Option<PlaceKind>,
    /// `None`: every place.
    pub place_name: Option<String>,
    pub legal_basis: String,
    pub approval_reference: String,
    pub from: Timestamp,
    /// Exclusive.
    pub planned_until: Timestamp,
}

/// A reported refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecognitionRefusal {
    pub id: RecognitionRefusalId,
    pub report: Report,
    pub proposed: Signature,
    /// Who published it.
    pub approved: Option<Signature>,
    pub ended: Option<Signature>,
}

/// Why an action is not possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    OwnProposal,
    WrongState(State, Action),
}

impl RecognitionRefusal {
    pub fn state(&self, now: Timestamp) -> State {
        if self.ended.is_some() {
            State::Ended
        } else if self.report.planned_until <= now {
            State::Expired
        } else if self.approved.is_some() {
            State::Approved
        } else {
            State::Proposed
        }
    }

    /// Whether it is published, and holds at an instant.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.state(now) == State::Approved && self.report.from <= now
    }

    /// Whether an account may take an action at an instant.
    pub fn check(&self, action: Action, account: &str, now: Timestamp) -> Result<(), Refused> {
        if action == Action::Approve && self.proposed.account == account {
            return Err(Refused::OwnProposal);
        }
        let state = self.state(now);
        if action.from().contains(&state) {
            Ok(())
        } else {
            Err(Refused::WrongState(state, action))
        }
    }
}

/// Checks from when until when a refusal is to hold.
pub fn check_span(from: Timestamp, planned_until: Timestamp, now: Timestamp) -> Result<(), Violation> {
    if planned_until <= from {
        Err(fault::end_before_start())
    } else if planned_until <= now {
        Err(fault::end_passed())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lutong_kernel::random::SeededRandom;
    use strum::VariantArray as _;

    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_seconds(day * 86_400)
    }

    fn signed(account: &str) -> Signature {
        Signature {
            account: account.to_owned(),
            at: at(1),
        }
    }

    /// Reported by `one`, from day 10 until day 20.
    fn reported() -> RecognitionRefusal {
        RecognitionRefusal {
            id: RecognitionRefusalId::new(at(1), &SeededRandom::new(1)),
            report: Report {
                division: DivisionCode::SHANDONG,
                place_kind: None,
                place_name: None,
                legal_basis: "x".to_owned(),
                approval_reference: "x".to_owned(),
                from: at(10),
                planned_until: at(20),
            },
            proposed: signed("one"),
            approved: None,
            ended: None,
        }
    }

    #[test]
    fn the_state_follows_from_who_signed_and_from_the_planned_end() {
        let proposed = reported();
        let approved = RecognitionRefusal {
            approved: Some(signed("two")),
            ..proposed.clone()
        };
        let ended = RecognitionRefusal {
            ended: Some(signed("one")),
            ..approved.clone()
        };
        for (refusal, day, state, in_force) in [
            (&proposed, 10, State::Proposed, false),
            (&proposed, 20, State::Expired, false),
            (&approved, 9, State::Approved, false),
            (&approved, 10, State::Approved, true),
            (&approved, 19, State::Approved, true),
            (&approved, 20, State::Expired, false),
            (&ended, 10, State::Ended, false),
            (&ended, 20, State::Ended, false),
        ] {
            let found = (refusal.state(at(day)), refusal.is_in_force(at(day)));
            assert_eq!(found, (state, in_force), "day {day}");
        }
    }

    #[test]
    fn a_second_account_publishes_and_any_ends() {
        let (proposed, now) = (reported(), at(10));
        let check = |action, account| proposed.check(action, account, now);
        assert_eq!(check(Action::Approve, "one"), Err(Refused::OwnProposal));
        assert_eq!(check(Action::Approve, "two"), Ok(()));
        assert_eq!(check(Action::End, "one"), Ok(()));
        assert_eq!(check(Action::End, "two"), Ok(()));
        assert_eq!(
            proposed.check(Action::End, "two", at(20)),
            Err(Refused::WrongState(State::Expired, Action::End))
        );
    }

    #[test]
    fn an_end_lies_after_the_beginning_and_ahead() {
        assert!(check_span(at(0), at(20), at(10)).is_ok());
        for (from, until, reason) in [
            (5, 5, "END_BEFORE_START"),
            (30, 20, "END_BEFORE_START"),
            (0, 10, "END_PASSED"),
        ] {
            let wrong = check_span(at(from), at(until), at(10)).unwrap_err();
            assert_eq!((&*wrong.field, &*wrong.reason), ("planned_end_time", reason));
        }
    }

    #[test]
    fn the_states_in_which_something_is_done_are_those_of_the_contract() {
        for (action, verb) in [(Action::Approve, "Approve"), (Action::End, "End")] {
            let rpc = format!("lutong.complaint.v1.RecognitionRefusalService/{verb}RecognitionRefusal");
            let stated = lutong_proto::transitions::of_rpc(lutong_proto::descriptor_pool(), &rpc).unwrap();
            let possible: Vec<&str> = State::VARIANTS
                .iter()
                .filter(|state| action.from().contains(state))
                .map(State::into_str)
                .collect();
            assert_eq!(possible, stated.from_states, "{rpc}");
        }
    }
}
