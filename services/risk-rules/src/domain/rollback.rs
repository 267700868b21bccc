//! Undoing what one feed reported in a span of time: one account proposes, another approves. It changes the colours of many
//! people at once, so that nobody does it alone, and nobody but whose division the feed reports for.

pub mod plan;

use lutong_kernel::{Colour, DivisionCode, SubjectId, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::approval::Signature;

/// What to undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub source: String,
    pub from: Timestamp,
    pub until: Timestamp,
    pub reason: String,
}

/// How far a rollback is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Proposed,
    Approved,
    Rejected,
    Withdrawn,
    Done,
}

impl State {
    pub const ALL: [Self; 5] = [
        Self::Proposed,
        Self::Approved,
        Self::Rejected,
        Self::Withdrawn,
        Self::Done,
    ];

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Done => "done",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// What undoing would change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    pub subjects: usize,
    pub retracted: usize,
    pub restated: usize,
    /// Subjects about whom it was tried what would be decided.
    pub tried: usize,
    /// Colour before, colour after, people: in that order.
    pub colours: Vec<(Colour, Colour, usize)>,
}

/// What was undone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    pub subjects: usize,
    pub retracted: usize,
    pub restated: usize,
    pub redecided: usize,
}

/// A rollback as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    pub id: Uuid,
    pub span: Span,
    /// What the feed's grant was when it was proposed; empty: the whole province.
    pub divisions: Vec<DivisionCode>,
    pub preview: Preview,
    pub state: State,
    pub proposed: Signature,
    pub approved: Option<Signature>,
    pub closed: Option<Signature>,
    /// The last subject whose statements are undone.
    pub after: Option<SubjectId>,
    pub outcome: Outcome,
}

/// Why somebody cannot decide about a rollback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("whoever proposed it neither approves nor rejects it: they may withdraw it")]
    OwnProposal,
    #[error("another account proposed it: it can be rejected")]
    NotYours,
    #[error("it is no longer waiting")]
    Closed,
}

impl Proposal {
    /// Whether `account` may approve it; `false` when it was approved before.
    pub fn check_approval(&self, account: &str) -> Result<bool, Refusal> {
        if self.proposed.officer == account {
            return Err(Refusal::OwnProposal);
        }
        match self.state {
            State::Proposed => Ok(true),
            State::Approved | State::Done => Ok(false),
            State::Rejected | State::Withdrawn => Err(Refusal::Closed),
        }
    }

    /// Whether `account` may end it without anything being undone.
    pub fn check_refusal(&self, account: &str, to: State) -> Result<(), Refusal> {
        let is_own = self.proposed.officer == account;
        match to {
            State::Withdrawn if !is_own => Err(Refusal::NotYours),
            State::Rejected if is_own => Err(Refusal::OwnProposal),
            _ if self.state != State::Proposed => Err(Refusal::Closed),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposal(state: State) -> Proposal {
        Proposal {
            id: Uuid::nil(),
            span: Span {
                source: "lab-1".to_owned(),
                from: Timestamp::from_seconds(1),
                until: Timestamp::from_seconds(2),
                reason: "test".to_owned(),
            },
            divisions: Vec::new(),
            preview: Preview::default(),
            state,
            proposed: Signature {
                officer: "one".to_owned(),
                at: Timestamp::from_seconds(3),
            },
            approved: None,
            closed: None,
            after: None,
            outcome: Outcome::default(),
        }
    }

    #[test]
    fn only_another_account_approves_and_only_once() {
        for (state, allowed) in [
            (State::Proposed, Ok(true)),
            (State::Approved, Ok(false)),
            (State::Done, Ok(false)),
            (State::Rejected, Err(Refusal::Closed)),
            (State::Withdrawn, Err(Refusal::Closed)),
        ] {
            assert_eq!(proposal(state).check_approval("two"), allowed, "{state:?}");
            assert_eq!(proposal(state).check_approval("one"), Err(Refusal::OwnProposal));
        }
    }

    #[test]
    fn a_proposal_is_rejected_by_another_account_and_withdrawn_by_its_own() {
        let waiting = proposal(State::Proposed);
        assert_eq!(waiting.check_refusal("two", State::Rejected), Ok(()));
        assert_eq!(waiting.check_refusal("one", State::Withdrawn), Ok(()));
        assert_eq!(
            waiting.check_refusal("one", State::Rejected),
            Err(Refusal::OwnProposal)
        );
        assert_eq!(
            waiting.check_refusal("two", State::Withdrawn),
            Err(Refusal::NotYours)
        );
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
            if state != State::Proposed {
                let refused = proposal(state).check_refusal("two", State::Rejected);
                assert_eq!(refused, Err(Refusal::Closed), "{state:?}");
            }
        }
    }
}
