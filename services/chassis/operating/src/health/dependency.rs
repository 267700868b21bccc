//! The state of one dependency, and whether it keeps the process from being ready.

use lutong_kernel::Timestamp;
use serde::{Serialize, Serializer};

use super::Trouble;

/// How a process needs a dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// The process is not ready whenever the dependency is away.
    Always,
    /// The process does not become ready without it; after that, its absence makes the process degraded.
    ToBegin,
    /// Its absence makes the process degraded; only a misconfigured one keeps the process from becoming ready.
    Never,
}

/// The state of a dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Ready,
    /// It does not answer, or not yet: waiting may help.
    Away,
    /// It is misconfigured: only correcting the set-up helps.
    Wrong,
}

/// One dependency as `/healthz/ready` reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dependency {
    pub name: String,
    pub state: State,
    pub need: Need,
    /// When it entered this state.
    #[serde(serialize_with = "rfc3339")]
    pub since: Timestamp,
    /// What is wrong and what to do; empty when ready.
    pub reason: String,
}

// serde prescribes the signature.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn rfc3339<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_rfc3339())
}

impl Dependency {
    /// The state after a check at `now`; `before` holds the previous states.
    pub fn of(name: &str, need: Need, outcome: Result<(), Trouble>, before: &[Self], now: Timestamp) -> Self {
        let (state, reason) = match outcome {
            Ok(()) => (State::Ready, String::new()),
            Err(Trouble::Away(reason)) => (State::Away, reason),
            Err(Trouble::Wrong(reason)) => (State::Wrong, reason),
        };
        let since = before
            .iter()
            .find(|other| other.name == name && other.state == state)
            .map_or(now, |other| other.since);
        Self {
            name: name.to_owned(),
            state,
            need,
            since,
            reason,
        }
    }

    /// Whether it keeps the process from being ready; `was_ready`: whether the process has been ready before.
    pub fn blocks_readiness(&self, was_ready: bool) -> bool {
        match (self.state, self.need) {
            (State::Ready, _) | (State::Away, Need::Never) => false,
            (_, Need::Always) => true,
            (_, Need::ToBegin) | (State::Wrong, Need::Never) => !was_ready,
        }
    }

    /// What is wrong with it, in one line; `None` when ready.
    pub fn trouble(&self) -> Option<String> {
        (self.state != State::Ready).then(|| format!("{}: {}", self.name, self.reason))
    }

    /// A change is logged only when this pair changes.
    pub fn log_key(&self) -> (State, String) {
        (self.state, self.reason.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stands(need: Need, outcome: Result<(), Trouble>) -> Dependency {
        Dependency::of("x", need, outcome, &[], Timestamp::from_seconds(1))
    }

    #[test]
    fn what_is_needed_withholds_as_long_as_it_is_needed() {
        let away = || Err(Trouble::Away("away".to_owned()));
        let wrong = || Err(Trouble::Wrong("wrong".to_owned()));
        for (need, outcome, at_first, later) in [
            (Need::Always, Ok(()), false, false),
            (Need::Always, away(), true, true),
            (Need::Always, wrong(), true, true),
            (Need::ToBegin, away(), true, false),
            (Need::ToBegin, wrong(), true, false),
            (Need::Never, away(), false, false),
            (Need::Never, wrong(), true, false),
        ] {
            let stands = stands(need, outcome);
            assert_eq!(
                (stands.blocks_readiness(false), stands.blocks_readiness(true)),
                (at_first, later),
                "{stands:?}"
            );
        }
    }

    #[test]
    fn since_moves_only_with_the_state() {
        let first = stands(Need::Always, Err(Trouble::Away("one".to_owned())));
        let at = Timestamp::from_seconds(9);
        let before = [first.clone()];
        let same = Dependency::of(
            "x",
            Need::Always,
            Err(Trouble::Away("two".to_owned())),
            &before,
            at,
        );
        assert_eq!((same.since, same.reason.as_str()), (first.since, "two"));
        let back = Dependency::of("x", Need::Always, Ok(()), &before, at);
        assert_eq!((back.since, back.state), (at, State::Ready));
        let said = serde_json::to_value(&back).unwrap();
        assert_eq!(said["state"], "ready");
        assert_eq!(said["need"], "always");
    }
}
