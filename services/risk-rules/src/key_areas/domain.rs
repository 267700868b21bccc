//! Key areas (重点地区): one officer proposes, another approves, and either may end what was approved.

use lutong_kernel::{DivisionCode, Timestamp};
use uuid::Uuid;

use crate::approval::domain::{Approval, State};
use lutong_risk_engine::area::{AreaEntry, RiskLevel};
use lutong_risk_engine::legal_basis::LegalBasis;

/// What an officer proposes: a whole division as a key area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    pub code: DivisionCode,
    pub from: Timestamp,
    /// Exclusive. Ending the key area changes it.
    pub to: Option<Timestamp>,
    pub basis: LegalBasis,
}

/// A key area with its approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyArea {
    pub id: Uuid,
    pub proposal: Proposal,
    pub approval: Approval,
}

impl KeyArea {
    /// `key-areas/{key_area}`.
    pub fn name(&self) -> String {
        format!("key-areas/{}", self.id)
    }

    pub fn state(&self, now: Timestamp) -> State {
        let is_over = self.proposal.to.is_some_and(|to| to <= now);
        self.approval.state(is_over, false)
    }

    /// The listing of the key area.
    pub const fn entry(&self, recorded_at: Timestamp) -> AreaEntry {
        AreaEntry {
            code: self.proposal.code,
            community: None,
            level: RiskLevel::Key,
            from: self.proposal.from,
            to: self.proposal.to,
            recorded_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::domain::Signature;

    #[test]
    fn a_key_area_is_over_from_its_end_on() {
        let at = Timestamp::from_seconds;
        let mut area = KeyArea {
            id: Uuid::nil(),
            proposal: Proposal {
                code: DivisionCode::SHANDONG,
                from: at(1),
                to: None,
                basis: LegalBasis::Picl43,
            },
            approval: Approval::proposed(Signature {
                officer: "one".to_owned(),
                at: at(1),
            }),
        };
        assert_eq!(area.state(at(9)), State::Proposed);
        area.proposal.to = Some(at(5));
        assert_eq!(area.state(at(4)), State::Proposed);
        assert_eq!(area.state(at(5)), State::Expired);
        let entry = area.entry(at(2));
        assert_eq!((entry.level, entry.to), (RiskLevel::Key, Some(at(5))));
    }
}
