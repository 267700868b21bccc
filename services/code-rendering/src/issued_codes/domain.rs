//! A code whose token is stored until it expires: how it stands, and what ends it.

use lutong_kernel::{Colour, SubjectId, Timestamp};
use strum::{EnumString, IntoStaticStr, VariantArray};
use uuid::Uuid;

/// Codes of one kind and holder that may be valid at the same time: each is an entry of the revocation list when the colour changes.
pub const MAX_ACTIVE: u64 = 5;

/// Local days after the day of issue through the end of which a code on paper is valid.
pub const DAYS_ON_PAPER: i32 = 14;

/// The end of the validity of a code on paper that is issued at an instant.
pub const fn end_on_paper(issued_at: Timestamp) -> Timestamp {
    issued_at.end_of_window(DAYS_ON_PAPER)
}

/// Claim 7 of the token: random bytes.
pub type IssuedTokenId = [u8; 16];

/// What the token of an issued code is on. The text is that of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum IssuedKind {
    /// Printed.
    Paper,
    /// Kept by a telephone, to whose key it is bound.
    Device,
    /// Shown to the reader of a hospital.
    Card,
}

impl IssuedKind {
    /// Whether a change of the holder's colour revokes it. A hospital reads whose card it is, whatever the colour.
    pub const fn follows_colour(self) -> bool {
        matches!(self, Self::Paper | Self::Device)
    }
}

/// An issued code. Its token, which has the mask, is stored beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCode {
    pub id: Uuid,
    pub subject: SubjectId,
    pub kind: IssuedKind,
    pub token_id: IssuedTokenId,
    /// As in the token.
    pub colour: Colour,
    /// Version of the decision that it was issued with.
    pub version: i64,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub end: Option<End>,
}

/// The end of an issued code before it expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    pub at: Timestamp,
    pub reason: EndReason,
}

/// Why an issued code ended before it expired. The text is that of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum EndReason {
    /// The holder ended it, or somebody who may show it for them.
    Ended,
    /// A later one was to replace it.
    Replaced,
    /// The colour of the holder changed.
    ColourChanged,
}

/// How an issued code stands, by the contract's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum State {
    Active,
    Expired,
    Ended,
    Revoked,
}

impl State {
    /// Whether it may be ended and shown.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Active)
    }
}

impl IssuedCode {
    /// The state at an instant.
    pub fn state(&self, now: Timestamp) -> State {
        match self.end {
            Some(end) if end.reason == EndReason::ColourChanged => State::Revoked,
            Some(_) => State::Ended,
            None if self.expires_at <= now => State::Expired,
            None => State::Active,
        }
    }
}

#[cfg(test)]
mod tests {
    use lutong_kernel::random::SeededRandom;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn issued(end: Option<EndReason>) -> IssuedCode {
        let created_at = at("2022-11-26T12:00:00+08:00");
        IssuedCode {
            id: Uuid::from_u128(1),
            subject: SubjectId::new(created_at, &SeededRandom::new(1)),
            kind: IssuedKind::Paper,
            token_id: [1; 16],
            colour: Colour::Green,
            version: 1,
            created_at,
            expires_at: at("2022-12-11T00:00:00+08:00"),
            end: end.map(|reason| End {
                at: created_at,
                reason,
            }),
        }
    }

    #[test]
    fn it_expires_at_its_time_and_an_end_before_stays() {
        let (valid, over) = (
            at("2022-12-10T23:59:59.999999+08:00"),
            at("2022-12-11T00:00:00+08:00"),
        );
        assert_eq!(issued(None).state(valid), State::Active);
        assert_eq!(issued(None).state(over), State::Expired);
        for (reason, state) in [
            (EndReason::Ended, State::Ended),
            (EndReason::Replaced, State::Ended),
            (EndReason::ColourChanged, State::Revoked),
        ] {
            assert_eq!(issued(Some(reason)).state(valid), state);
            assert_eq!(issued(Some(reason)).state(over), state);
        }
    }

    #[test]
    fn the_state_in_which_it_may_be_ended_is_that_of_the_contract() {
        let possible: Vec<&str> = State::VARIANTS
            .iter()
            .filter(|state| state.is_active())
            .map(State::into_str)
            .collect();
        for rpc in [
            "lutong.code_rendering.v1.PaperCodeService/EndPaperCode",
            "lutong.code_rendering.v1.DeviceBoundCodeService/EndDeviceBoundCode",
            "lutong.code_rendering.v1.CardCodeService/EndCardCode",
        ] {
            let stated = lutong_proto::transitions::of_rpc(lutong_proto::descriptor_pool(), rpc).unwrap();
            assert_eq!(possible, stated.from_states, "{rpc}");
        }
    }

    #[test]
    fn a_paper_code_is_valid_through_the_end_of_the_fourteenth_local_day() {
        for (issued, ends) in [
            ("2022-11-26T00:00:00+08:00", "2022-12-11T00:00:00+08:00"),
            ("2022-11-26T23:59:59+08:00", "2022-12-11T00:00:00+08:00"),
            // The day of issue is Shandong's, also where it is still the day before in UTC.
            ("2022-11-25T16:00:00Z", "2022-12-11T00:00:00+08:00"),
            ("2024-02-20T09:00:00+08:00", "2024-03-06T00:00:00+08:00"),
            ("2022-12-31T23:00:00+08:00", "2023-01-15T00:00:00+08:00"),
        ] {
            assert_eq!(end_on_paper(at(issued)), at(ends), "{issued}");
        }
    }
}
