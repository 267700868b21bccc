//! A rollback, and who may do what with it. Pure.

use lutong_kernel::{ConversionRollbackId, Timestamp};

use crate::partners::domain::{PartnerId, Signature};

/// How a rollback stands. The names are those of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum RollbackState {
    Proposed,
    /// Is being done.
    Approved,
    Done,
    Rejected,
}

/// What is rolled back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub partner: PartnerId,
    /// Only what was signed with this key of the partner.
    pub key_id: Option<String>,
    pub from: Timestamp,
    /// Exclusive.
    pub until: Timestamp,
}

impl Span {
    /// A span of what has happened.
    pub fn is_past(&self, now: Timestamp) -> bool {
        self.from < self.until && self.until <= now
    }
}

/// A rollback as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversionRollback {
    pub id: ConversionRollbackId,
    pub span: Span,
    pub reason: String,
    pub state: RollbackState,
    pub proposed: Signature,
    /// Who approved it, or put it away.
    pub decided: Option<Signature>,
    /// Counted when it was proposed; rolled back so far once it is approved.
    pub conversions: u64,
}

/// What an operator does with a rollback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Approve,
    Reject,
}

/// Why an action is not possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    OwnProposal,
    WrongState(RollbackState),
}

impl ConversionRollback {
    /// The rollback after an action of an account.
    pub fn act(self, action: Action, by: Signature) -> Result<Self, Refused> {
        if self.state != RollbackState::Proposed {
            return Err(Refused::WrongState(self.state));
        }
        let state = match action {
            Action::Approve if self.proposed.account == by.account => return Err(Refused::OwnProposal),
            Action::Approve => RollbackState::Approved,
            Action::Reject => RollbackState::Rejected,
        };
        Ok(Self {
            state,
            decided: Some(by),
            conversions: if action == Action::Approve {
                0
            } else {
                self.conversions
            },
            ..self
        })
    }
}

#[cfg(test)]
mod tests {
    use lutong_kernel::random::SeededRandom;
    use strum::VariantArray as _;

    use super::*;

    fn by(account: &str) -> Signature {
        Signature {
            account: account.to_owned(),
            at: Timestamp::from_seconds(1_000),
        }
    }

    fn rollback(state: RollbackState) -> ConversionRollback {
        let at = Timestamp::from_seconds(1_000);
        ConversionRollback {
            id: ConversionRollbackId::new(at, &SeededRandom::new(1)),
            span: Span {
                partner: PartnerId::parse("32").unwrap(),
                key_id: None,
                from: at.plus_seconds(-10),
                until: at,
            },
            reason: String::new(),
            state,
            proposed: by("op-1"),
            decided: None,
            conversions: 7,
        }
    }

    #[test]
    fn nobody_approves_their_own_proposal_and_nothing_is_decided_twice() {
        for state in RollbackState::VARIANTS {
            for action in [Action::Approve, Action::Reject] {
                let done = rollback(*state).act(action, by("op-2"));
                match state {
                    RollbackState::Proposed => assert!(done.is_ok()),
                    other => assert_eq!(done, Err(Refused::WrongState(*other))),
                }
            }
        }
        let own = rollback(RollbackState::Proposed).act(Action::Approve, by("op-1"));
        assert_eq!(own, Err(Refused::OwnProposal));
        let away = rollback(RollbackState::Proposed)
            .act(Action::Reject, by("op-1"))
            .unwrap();
        assert_eq!((away.state, away.conversions), (RollbackState::Rejected, 7));
    }

    #[test]
    fn a_span_is_of_what_has_happened() {
        let now = Timestamp::from_seconds(1_000);
        let span = rollback(RollbackState::Proposed).span;
        assert!(span.is_past(now));
        assert!(!span.is_past(now.plus_micros(-1)));
        let empty = Span {
            until: span.from,
            ..span
        };
        assert!(!empty.is_past(now));
    }
}
