//! Undoing what one feed reported in a span of time: one account proposes, another approves. It changes the colours of many
//! people at once, so that nobody does it alone, and nobody but whose division the feed reports for.

pub mod plan;

use lutong_kernel::{Colour, DivisionCode, SubjectId, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::approval::{Signature, Step};

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
    NotYourProposal,
    #[error("it is no longer PROPOSED")]
    WrongState,
}

impl Proposal {
    /// `rollbacks/{rollback}`.
    pub fn name(&self) -> String {
        format!("rollbacks/{}", self.id)
    }

    /// Whether `account` may take a step. What was approved is undone and cannot be ended.
    pub fn check(&self, step: Step, account: &str) -> Result<(), Refusal> {
        let is_own = self.proposed.officer == account;
        match step {
            Step::Approve | Step::Reject if is_own => Err(Refusal::OwnProposal),
            Step::Withdraw if !is_own => Err(Refusal::NotYourProposal),
            Step::End => Err(Refusal::WrongState),
            _ if self.state != State::Proposed => Err(Refusal::WrongState),
            _ => Ok(()),
        }
    }

    /// The steps that `account` may take.
    pub fn allowed(&self, account: &str) -> Vec<Step> {
        let may = |step: &Step| self.check(*step, account).is_ok();
        Step::ALL.into_iter().filter(may).collect()
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
    fn only_what_is_proposed_is_decided_about_and_by_whom_it_may() {
        for state in State::ALL {
            let one = proposal(state);
            assert_eq!(State::parse(state.as_str()), Some(state));
            for step in [Step::Approve, Step::Reject] {
                assert_eq!(one.check(step, "one"), Err(Refusal::OwnProposal));
            }
            assert_eq!(one.check(Step::Withdraw, "two"), Err(Refusal::NotYourProposal));
            assert_eq!(one.check(Step::End, "two"), Err(Refusal::WrongState));
            let (own, others): (&[Step], &[Step]) = match state {
                State::Proposed => (&[Step::Withdraw], &[Step::Approve, Step::Reject]),
                _ => (&[], &[]),
            };
            assert_eq!(
                (&*one.allowed("one"), &*one.allowed("two")),
                (own, others),
                "{state:?}"
            );
        }
    }

    #[test]
    fn the_steps_of_a_rollback_are_those_of_the_contract() {
        let pool = lutong_proto::descriptor_pool();
        for (step, to) in [
            (Step::Approve, State::Approved),
            (Step::Reject, State::Rejected),
            (Step::Withdraw, State::Withdrawn),
        ] {
            let rpc = format!("lutong.risk_rules.v1.RollbackService/{step:?}Rollback");
            let said = lutong_proto::transitions::of_rpc(pool, &rpc).expect(&rpc);
            let account = if step == Step::Withdraw { "one" } else { "two" };
            let may = |state: &State| proposal(*state).check(step, account).is_ok();
            let from = State::ALL.into_iter().filter(may);
            let from: Vec<String> = from.map(|state| state.as_str().to_uppercase()).collect();
            assert_eq!(said.from_states, from, "{rpc}");
            assert_eq!(said.to_states, [to.as_str().to_uppercase()], "{rpc}");
        }
    }
}
