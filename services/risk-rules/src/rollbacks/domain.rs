//! Rollbacks: undoing everything that a feed reported in a span of time. A rollback changes the colours of many people, so that one
//! account proposes and another approves, both of a jurisdiction that covers the whole grant of the feed.

pub mod plan;

use lutong_kernel::{Colour, DivisionCode, SubjectId, Timestamp};
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};
use uuid::Uuid;

use crate::approval::domain::{Signature, Step};

/// The reports of a feed that are to be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedSpan {
    pub source: String,
    pub from: Timestamp,
    pub until: Timestamp,
    pub reason: String,
}

/// The state of a rollback. The text form is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum State {
    Proposed,
    Approved,
    Rejected,
    Withdrawn,
    Done,
}

/// The expected result of a rollback.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    pub subjects: usize,
    pub retracted: usize,
    pub restated: usize,
    /// Number of subjects for whom the decision was tried.
    pub tried: usize,
    /// Colour before, colour after, number of people.
    pub colours: Vec<(Colour, Colour, usize)>,
}

/// The result of a rollback so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    pub subjects: usize,
    pub retracted: usize,
    pub restated: usize,
    pub redecided: usize,
}

/// A rollback with its approval and its progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    pub id: Uuid,
    pub span: FeedSpan,
    /// The divisions of the feed's grant at the time of the proposal; empty: the whole province.
    pub divisions: Vec<DivisionCode>,
    pub preview: Preview,
    pub state: State,
    pub proposed: Signature,
    pub approved: Option<Signature>,
    pub closed: Option<Signature>,
    /// The last subject whose statements have been undone.
    pub after: Option<SubjectId>,
    pub outcome: Outcome,
}

/// Why a step is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("whoever proposed it neither approves nor rejects it: they may withdraw it")]
    OwnProposal,
    #[error("another account proposed it: it can be rejected")]
    NotYourProposal,
    #[error("it is no longer PROPOSED")]
    WrongState,
}

impl Rollback {
    /// `rollbacks/{rollback}`.
    pub fn name(&self) -> String {
        format!("rollbacks/{}", self.id)
    }

    /// Whether `account` may take a step. An approved rollback is carried out and cannot be ended.
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
        Step::VARIANTS.iter().copied().filter(may).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposal(state: State) -> Rollback {
        Rollback {
            id: Uuid::nil(),
            span: FeedSpan {
                source: "laboratory-1".to_owned(),
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
        for state in State::VARIANTS.iter().copied() {
            let one = proposal(state);
            assert_eq!(state.into_str().parse(), Ok(state));
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
            let from = State::VARIANTS.iter().copied().filter(may);
            let from: Vec<String> = from.map(|state| state.into_str().to_uppercase()).collect();
            assert_eq!(said.from_states, from, "{rpc}");
            assert_eq!(said.to_states, [to.into_str().to_uppercase()], "{rpc}");
        }
    }
}
