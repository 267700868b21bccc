//! Approval by two officers: one proposes, another approves or rejects, the proposer may withdraw, and what was approved can be
//! ended. Designations and key areas use all of these steps, rollbacks and rule sets some of them.

use lutong_kernel::Timestamp;
use strum::{EnumString, IntoStaticStr, VariantArray};

/// The account of an officer and the instant of the step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub officer: String,
    pub at: Timestamp,
}

/// How a resource was closed. The text form is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Closing {
    Rejected,
    Withdrawn,
    Ended,
}

impl Closing {
    /// The step that closes a resource in this way.
    pub const fn step(self) -> Step {
        match self {
            Self::Rejected => Step::Reject,
            Self::Withdrawn => Step::Withdraw,
            Self::Ended => Step::End,
        }
    }
}

/// The officers who proposed, approved and closed a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    pub proposed: Signature,
    pub approved: Option<Signature>,
    pub closed: Option<(Closing, Signature)>,
}

/// The state of a resource. The text form appears in faults and etags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "UPPERCASE", const_into_str)]
pub enum State {
    Proposed,
    Approved,
    Rejected,
    Withdrawn,
    Ended,
    /// Its end has passed.
    Expired,
    /// The fact that it stated was corrected or retracted.
    Retracted,
}

/// A step that an officer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Step {
    Approve,
    Reject,
    Withdraw,
    End,
}

impl Step {
    /// The state that it starts from.
    pub const fn from(self) -> State {
        match self {
            Self::Approve | Self::Reject | Self::Withdraw => State::Proposed,
            Self::End => State::Approved,
        }
    }

    /// How it closes a resource; an approval does not.
    pub const fn closing(self) -> Option<Closing> {
        match self {
            Self::Approve => None,
            Self::Reject => Some(Closing::Rejected),
            Self::Withdraw => Some(Closing::Withdrawn),
            Self::End => Some(Closing::Ended),
        }
    }
}

/// Why a step is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("whoever proposed it neither approves nor rejects it: they may withdraw it")]
    OwnProposal,
    #[error("another account proposed it: it can be rejected")]
    NotYourProposal,
    #[error("it is {}: this step cannot be taken", .0.into_str())]
    WrongState(State),
}

impl Approval {
    pub const fn proposed(proposed: Signature) -> Self {
        Self {
            proposed,
            approved: None,
            closed: None,
        }
    }

    /// The state; `is_over`: the end has passed, `is_retracted`: the fact that was stated is no longer current.
    pub fn state(&self, is_over: bool, is_retracted: bool) -> State {
        match &self.closed {
            Some((Closing::Rejected, _)) => State::Rejected,
            Some((Closing::Withdrawn, _)) => State::Withdrawn,
            Some((Closing::Ended, _)) => State::Ended,
            None if self.approved.is_some() && is_retracted => State::Retracted,
            None if is_over => State::Expired,
            None if self.approved.is_some() => State::Approved,
            None => State::Proposed,
        }
    }

    /// Whether `account` may take a step when the resource is in `state`.
    pub fn check(&self, step: Step, state: State, account: &str) -> Result<(), Refusal> {
        let is_own = self.proposed.officer == account;
        match step {
            Step::Approve | Step::Reject if is_own => Err(Refusal::OwnProposal),
            Step::Withdraw if !is_own => Err(Refusal::NotYourProposal),
            _ if state != step.from() => Err(Refusal::WrongState(state)),
            _ => Ok(()),
        }
    }

    /// The steps that `account` may take.
    pub fn allowed(&self, state: State, account: &str) -> Vec<Step> {
        let may = |step: &Step| self.check(*step, state, account).is_ok();
        Step::VARIANTS.iter().copied().filter(may).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(officer: &str) -> Signature {
        Signature {
            officer: officer.to_owned(),
            at: Timestamp::from_seconds(2),
        }
    }

    fn in_state(state: State) -> Approval {
        let approved = matches!(state, State::Approved | State::Ended | State::Retracted);
        let closed = Closing::VARIANTS
            .iter()
            .copied()
            .find(|one| one.into_str().to_uppercase() == state.into_str());
        Approval {
            proposed: signed("one"),
            approved: approved.then(|| signed("two")),
            closed: closed.map(|how| (how, signed("three"))),
        }
    }

    #[test]
    fn a_state_follows_from_who_stands_behind_it_and_from_what_became_of_it() {
        for state in State::VARIANTS.iter().copied() {
            let stands = in_state(state).state(state == State::Expired, state == State::Retracted);
            assert_eq!(stands, state);
        }
        for how in Closing::VARIANTS.iter().copied() {
            assert_eq!(how.into_str().parse(), Ok(how));
        }
    }

    #[test]
    fn the_steps_of_designations_and_key_areas_are_those_of_the_contract() {
        let pool = lutong_proto::descriptor_pool();
        for (service, noun) in [
            ("DesignationService", "Designation"),
            ("KeyAreaService", "KeyArea"),
        ] {
            for (step, verb, to) in [
                (Step::Approve, "Approve", State::Approved),
                (Step::Reject, "Reject", State::Rejected),
                (Step::Withdraw, "Withdraw", State::Withdrawn),
                (Step::End, "End", State::Ended),
            ] {
                let rpc = format!("lutong.risk_rules.v1.{service}/{verb}{noun}");
                let said = lutong_proto::transitions::of_rpc(pool, &rpc).expect(&rpc);
                assert_eq!(said.from_states, [step.from().into_str()], "{rpc}");
                assert_eq!(said.to_states, [to.into_str()], "{rpc}");
            }
        }
    }

    #[test]
    fn another_account_approves_or_rejects_and_the_proposer_withdraws() {
        for state in State::VARIANTS.iter().copied() {
            let one = in_state(state);
            let proposed = state == State::Proposed;
            for step in [Step::Approve, Step::Reject] {
                assert_eq!(one.check(step, state, "one"), Err(Refusal::OwnProposal));
                assert_eq!(one.check(step, state, "two").is_ok(), proposed, "{state:?}");
            }
            assert_eq!(
                one.check(Step::Withdraw, state, "two"),
                Err(Refusal::NotYourProposal)
            );
            assert_eq!(one.check(Step::Withdraw, state, "one").is_ok(), proposed);
            for account in ["one", "two"] {
                let ends = one.check(Step::End, state, account);
                assert_eq!(ends.is_ok(), state == State::Approved, "{state:?}");
            }
        }
        assert_eq!(
            in_state(State::Proposed).allowed(State::Proposed, "two"),
            [Step::Approve, Step::Reject]
        );
        assert_eq!(
            in_state(State::Proposed).allowed(State::Proposed, "one"),
            [Step::Withdraw]
        );
        assert!(in_state(State::Ended).allowed(State::Ended, "two").is_empty());
    }
}
