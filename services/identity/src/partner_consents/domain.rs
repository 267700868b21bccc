//! A consent, and whom it lets have what. Pure.

use std::collections::BTreeSet;

use lutong_kernel::{PartnerCode, PartnerConsentId, SubjectId, Timestamp};
use strum::{EnumString, IntoStaticStr, VariantArray};

/// What a partner may have, by the contract's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum Use {
    Records,
    Code,
}

/// How a consent stands, by the contract's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum State {
    Active,
    Ended,
    Expired,
}

/// A consent of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerConsent {
    pub id: PartnerConsentId,
    pub subject: SubjectId,
    pub partner: PartnerCode,
    pub uses: BTreeSet<Use>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// When the person ended it, or gave another one in its place.
    pub ended_at: Option<Timestamp>,
}

impl PartnerConsent {
    pub fn state(&self, now: Timestamp) -> State {
        if self.ended_at.is_some() {
            State::Ended
        } else if self.expires_at <= now {
            State::Expired
        } else {
            State::Active
        }
    }

    /// Whether the partner may have this now.
    pub fn covers(&self, wanted: Use, now: Timestamp) -> bool {
        self.state(now) == State::Active && self.uses.contains(&wanted)
    }
}

#[cfg(test)]
mod tests {
    use lutong_kernel::random::SeededRandom;

    use super::*;

    #[test]
    fn a_consent_covers_what_it_says_until_it_ends() {
        let (at, random) = (Timestamp::from_seconds(1_000), SeededRandom::new(1));
        let mut consent = PartnerConsent {
            id: PartnerConsentId::new(at, &random),
            subject: SubjectId::new(at, &random),
            partner: PartnerCode::parse("32").unwrap(),
            uses: [Use::Records].into(),
            created_at: at,
            expires_at: at.plus_seconds(10),
            ended_at: None,
        };
        assert!(consent.covers(Use::Records, at.plus_seconds(9)));
        assert!(!consent.covers(Use::Code, at));
        assert!(!consent.covers(Use::Records, at.plus_seconds(10)));
        assert_eq!(consent.state(at.plus_seconds(10)), State::Expired);
        consent.ended_at = Some(at);
        assert!(!consent.covers(Use::Records, at));
        assert_eq!(consent.state(at.plus_seconds(10)), State::Ended);
    }
}
