//! Partners and how far they are believed. Pure.

mod id;

use lutong_kernel::Timestamp;

pub use id::PartnerId;

/// How far a partner is believed. The names are those of the contract.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::EnumString, strum::VariantArray,
)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum PartnerState {
    Test,
    Pilot,
    Live,
    Suspended,
    /// Its row was changed outside this service.
    Damaged,
}

impl PartnerState {
    /// The states that two people may move it to.
    pub const fn next(self) -> &'static [Self] {
        match self {
            Self::Test | Self::Live => &[Self::Pilot, Self::Suspended],
            Self::Pilot => &[Self::Test, Self::Live, Self::Suspended],
            // Through the pilot: what led to the suspension is seen to be over before everything counts again.
            Self::Suspended => &[Self::Test, Self::Pilot],
            Self::Damaged => &[Self::Test, Self::Suspended],
        }
    }

    /// Whether what the partner says has an effect here.
    pub const fn counts(self) -> bool {
        matches!(self, Self::Pilot | Self::Live)
    }
}

/// An account, and when it acted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub account: String,
    pub at: Timestamp,
}

/// A state that somebody proposes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    pub state: PartnerState,
    pub reason: String,
    pub by: Signature,
}

/// How the last proposal ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    pub proposed: Signature,
    pub was_approved: bool,
    pub by: Signature,
}

/// A partner as it stands here. What is agreed with it says the trust list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    pub id: PartnerId,
    pub state: PartnerState,
    /// When a trust list without it was activated.
    pub removed_at: Option<Timestamp>,
    pub proposal: Option<Proposal>,
    pub closed: Option<Closed>,
}

/// What an operator does with a partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Propose { state: PartnerState, reason: String },
    Approve,
    Reject,
}

/// Why an action is not possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    OwnProposal,
    NothingProposed,
    /// The partner does not go from this state to the proposed one.
    WrongState(PartnerState),
}

impl Partner {
    /// A partner that a list names for the first time.
    pub const fn new(id: PartnerId, state: PartnerState) -> Self {
        Self {
            id,
            state,
            removed_at: None,
            proposal: None,
            closed: None,
        }
    }

    /// The partner after an action of an account.
    pub fn act(mut self, action: Action, by: Signature) -> Result<Self, Refused> {
        match action {
            Action::Propose { state, reason } => {
                if self.removed_at.is_some() || !self.state.next().contains(&state) {
                    return Err(Refused::WrongState(self.state));
                }
                self.proposal = Some(Proposal { state, reason, by });
                self.closed = None;
            }
            Action::Approve => {
                let proposal = self.proposal.take().ok_or(Refused::NothingProposed)?;
                if proposal.by.account == by.account {
                    return Err(Refused::OwnProposal);
                }
                self.state = proposal.state;
                self.closed = Some(Closed {
                    proposed: proposal.by,
                    was_approved: true,
                    by,
                });
            }
            Action::Reject => {
                let proposal = self.proposal.take().ok_or(Refused::NothingProposed)?;
                self.closed = Some(Closed {
                    proposed: proposal.by,
                    was_approved: false,
                    by,
                });
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests;
