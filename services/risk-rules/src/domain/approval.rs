//! What stands behind two persons: one proposes it, another approves or rejects it, its proposer may withdraw it, and what was
//! approved can be ended. Designations and key areas go by these steps, rollbacks and rule sets by those of them that they have.

use lutong_kernel::Timestamp;

/// Which account, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub officer: String,
    pub at: Timestamp,
}

/// How something was closed by somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    Rejected,
    Withdrawn,
    Ended,
}

impl Closing {
    pub const ALL: [Self; 3] = [Self::Rejected, Self::Withdrawn, Self::Ended];

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Ended => "ended",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }

    /// The step that closes so.
    pub const fn step(self) -> Step {
        match self {
            Self::Rejected => Step::Reject,
            Self::Withdrawn => Step::Withdraw,
            Self::Ended => Step::End,
        }
    }
}

/// Who stands behind something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    pub proposed: Signature,
    pub approved: Option<Signature>,
    pub closed: Option<(Closing, Signature)>,
}

/// Where something that two persons stand behind is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Proposed,
    Approved,
    Rejected,
    Withdrawn,
    Ended,
    /// Its end has passed.
    Expired,
    /// What it stated was corrected or taken back.
    Retracted,
}

impl State {
    pub const ALL: [Self; 7] = [
        Self::Proposed,
        Self::Approved,
        Self::Rejected,
        Self::Withdrawn,
        Self::Ended,
        Self::Expired,
        Self::Retracted,
    ];

    /// As faults and tags name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "PROPOSED",
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
            Self::Withdrawn => "WITHDRAWN",
            Self::Ended => "ENDED",
            Self::Expired => "EXPIRED",
            Self::Retracted => "RETRACTED",
        }
    }
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Approve,
    Reject,
    Withdraw,
    End,
}

impl Step {
    pub const ALL: [Self; 4] = [Self::Approve, Self::Reject, Self::Withdraw, Self::End];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Withdraw => "withdraw",
            Self::End => "end",
        }
    }

    /// The state that it starts from.
    pub const fn from(self) -> State {
        match self {
            Self::Approve | Self::Reject | Self::Withdraw => State::Proposed,
            Self::End => State::Approved,
        }
    }
}

/// Why a step is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("whoever proposed it neither approves nor rejects it: they may withdraw it")]
    OwnProposal,
    #[error("another account proposed it: it can be rejected")]
    NotYourProposal,
    #[error("it is {}: this step cannot be taken", .0.as_str())]
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

    /// `is_over`: its end has passed; `is_taken_back`: what it stated stands no more.
    pub fn state(&self, is_over: bool, is_taken_back: bool) -> State {
        match &self.closed {
            Some((Closing::Rejected, _)) => State::Rejected,
            Some((Closing::Withdrawn, _)) => State::Withdrawn,
            Some((Closing::Ended, _)) => State::Ended,
            None if self.approved.is_some() && is_taken_back => State::Retracted,
            None if is_over => State::Expired,
            None if self.approved.is_some() => State::Approved,
            None => State::Proposed,
        }
    }

    /// Whether `account` may take a step of what is in `state`.
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
        Step::ALL.into_iter().filter(may).collect()
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
        let closed = Closing::ALL
            .into_iter()
            .find(|one| one.as_str().to_uppercase() == state.as_str());
        Approval {
            proposed: signed("one"),
            approved: approved.then(|| signed("two")),
            closed: closed.map(|how| (how, signed("three"))),
        }
    }

    #[test]
    fn a_state_follows_from_who_stands_behind_it_and_from_what_became_of_it() {
        for state in State::ALL {
            let stands = in_state(state).state(state == State::Expired, state == State::Retracted);
            assert_eq!(stands, state);
        }
        for how in Closing::ALL {
            assert_eq!(Closing::parse(how.as_str()), Some(how));
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
                assert_eq!(said.from_states, [step.from().as_str()], "{rpc}");
                assert_eq!(said.to_states, [to.as_str()], "{rpc}");
            }
        }
    }

    #[test]
    fn another_account_approves_or_rejects_and_the_proposer_withdraws() {
        for state in State::ALL {
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
