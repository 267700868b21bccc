//! Key areas (重点地区): one officer proposes, another approves.

use std::str::FromStr;

use lutong_kernel::{DivisionCode, Timestamp};

use super::area::{AreaEntry, RiskLevel};

/// What a key area is declared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// 传染病防治法第四十二条.
    EmergencyMeasures,
    /// 传染病防治法第四十三条.
    EpidemicArea,
    /// 联防联控机制通知.
    JointMechanism,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a basis is one of emergency-measures, epidemic-area, joint-mechanism")]
pub struct UnknownBasis;

impl Basis {
    pub const ALL: [Self; 3] = [Self::EmergencyMeasures, Self::EpidemicArea, Self::JointMechanism];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EmergencyMeasures => "emergency-measures",
            Self::EpidemicArea => "epidemic-area",
            Self::JointMechanism => "joint-mechanism",
        }
    }
}

impl FromStr for Basis {
    type Err = UnknownBasis;

    fn from_str(text: &str) -> Result<Self, UnknownBasis> {
        Self::ALL
            .into_iter()
            .find(|basis| basis.as_str() == text)
            .ok_or(UnknownBasis)
    }
}

/// What an officer proposes: all of a division.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    pub code: DivisionCode,
    pub from: Timestamp,
    pub to: Option<Timestamp>,
    pub basis: Basis,
}

/// Which account, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub officer: String,
    pub at: Timestamp,
}

/// A proposal as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyArea {
    pub id: i64,
    pub proposal: Proposal,
    pub proposed: Signature,
    pub approved: Option<Signature>,
}

/// Why a proposal cannot be approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotApproved {
    #[error("whoever proposed it does not approve it")]
    OwnProposal,
    #[error("it is approved already")]
    Already,
}

impl KeyArea {
    /// Approved by a second officer.
    pub fn approve(&mut self, approved: Signature) -> Result<AreaEntry, NotApproved> {
        if self.approved.is_some() {
            return Err(NotApproved::Already);
        }
        if self.proposed.officer == approved.officer {
            return Err(NotApproved::OwnProposal);
        }
        let recorded_at = approved.at;
        self.approved = Some(approved);
        Ok(self.entry(recorded_at))
    }

    /// As a listing.
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

    fn signed(officer: &str) -> Signature {
        Signature {
            officer: officer.to_owned(),
            at: Timestamp::from_seconds(2),
        }
    }

    #[test]
    fn another_officer_approves_once() {
        let mut area = KeyArea {
            id: 1,
            proposal: Proposal {
                code: DivisionCode::SHANDONG,
                from: Timestamp::from_seconds(1),
                to: None,
                basis: Basis::EpidemicArea,
            },
            proposed: signed("one"),
            approved: None,
        };
        assert_eq!(area.approve(signed("one")), Err(NotApproved::OwnProposal));
        let entry = area.approve(signed("two")).unwrap();
        assert_eq!(
            (entry.level, entry.recorded_at),
            (RiskLevel::Key, Timestamp::from_seconds(2))
        );
        assert_eq!(area.approve(signed("three")), Err(NotApproved::Already));
    }
}
