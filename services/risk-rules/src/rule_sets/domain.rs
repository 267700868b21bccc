//! The states of a rule set version and the steps between them: announced, previewed, approved, active, paused or closed.

pub mod shadow;

use strum::{EnumString, IntoStaticStr, VariantArray};

/// The state of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum State {
    /// Announced; a preview and an approval are missing.
    Announced,
    /// Approved; the mass-change guard runs at its instant.
    Approved,
    /// In force until another version becomes active.
    Active,
    /// Stopped by the guard: more people would change colour than the author expected.
    Paused,
    /// Rejected by an approver; it never comes into force.
    Rejected,
    /// Withdrawn by its author; it never comes into force.
    Withdrawn,
}

impl State {
    /// The states of a version that may still come into force.
    pub const OPEN: [Self; 3] = [Self::Announced, Self::Approved, Self::Paused];
}

/// A step of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Step {
    Preview,
    Approve,
    Reject,
    Withdraw,
    /// Resumes a paused version with a new bound.
    Resume(i64),
}

/// Why a step is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The author may not approve, reject or resume their own version.
    OwnProposal,
    /// Only the author may withdraw a version.
    NotYourProposal,
    /// The step does not start from the current state.
    WrongState,
}

impl Step {
    /// All steps. The bound of `Resume` has no influence on the states.
    pub const ALL: [Self; 5] = [
        Self::Preview,
        Self::Approve,
        Self::Reject,
        Self::Withdraw,
        Self::Resume(0),
    ];

    /// The states that it starts from.
    const fn from(self) -> &'static [State] {
        match self {
            Self::Preview | Self::Reject | Self::Withdraw => &State::OPEN,
            Self::Approve => &[State::Announced],
            Self::Resume(_) => &[State::Paused],
        }
    }

    /// Whether an account may take the step when the version is in `state`.
    pub fn check(self, state: State, is_author: bool) -> Result<(), Refusal> {
        match self {
            _ if !self.from().contains(&state) => Err(Refusal::WrongState),
            Self::Approve | Self::Reject | Self::Resume(_) if is_author => Err(Refusal::OwnProposal),
            Self::Withdraw if !is_author => Err(Refusal::NotYourProposal),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_of_a_rule_set_are_those_of_the_contract() {
        let pool = lutong_proto::descriptor_pool();
        for step in Step::ALL {
            let verb = format!("{step:?}");
            let verb = verb.trim_end_matches("(0)");
            let rpc = format!("lutong.risk_rules.v1.RuleSetService/{verb}RuleSet");
            let said = lutong_proto::transitions::of_rpc(pool, &rpc).expect(&rpc);
            let from: Vec<String> = step
                .from()
                .iter()
                .map(|state| state.into_str().to_uppercase())
                .collect();
            assert_eq!(said.from_states, from, "{rpc}");
            for state in State::VARIANTS.iter().copied() {
                for is_author in [true, false] {
                    let taken = step.check(state, is_author);
                    let may = !matches!(taken, Err(Refusal::WrongState));
                    assert_eq!(may, step.from().contains(&state), "{rpc} {state:?}");
                }
            }
        }
    }
}
