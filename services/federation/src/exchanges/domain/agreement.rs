//! What is agreed with a partner about the exchanges that concern people, and how they end. Pure.

use super::Method;
use crate::partners::domain::PartnerState;
use crate::trust_lists::domain::{Agreement, Direction, Mode};

/// Bytes of a salt at the least: who holds the digest of a body cannot try them all.
pub const MIN_SALT: usize = 16;

/// What became of a message that was accepted. The names are those of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum ReturnCode {
    Done,
    /// It was there already.
    Unchanged,
    /// The body is not what it must be.
    Invalid,
    NotAgreed,
    /// What the partner says does not count.
    NotCounted,
    /// Nobody with this document, or without consent to this.
    NotConsented,
    ReferenceUnknown,
    NameMismatch,
}

/// Whether an exchange is part of the agreement with a partner, and counts now.
///
/// What people declare at a partner is believed as the partner is (INBOUND). What is held here about people is shared with those with whom data
/// is shared, and codes are given to those who recognise them. None of it happens with a partner in TEST: an exchange that is tried out is tried
/// with nobody's data.
pub fn is_agreed(method: Method, agreed: Option<&Agreement>, state: PartnerState) -> Result<(), ReturnCode> {
    let agreed = agreed.ok_or(ReturnCode::NotAgreed)?;
    let has = match method {
        Method::DeclareHealth | Method::DeclareItinerary | Method::CorrectDeclaration => {
            agreed.directions.contains(&Direction::Inbound)
        }
        Method::QueryHealthRecords => agreed.modes.contains(&Mode::SharedData),
        Method::CallHealthCode | Method::MakeHealthCode => agreed.modes.contains(&Mode::Conversion),
        Method::VerifyHealthCode
        | Method::PullChanges
        | Method::CompareCodes
        | Method::AcknowledgeChanges
        | Method::NotifyChanges => true,
    };
    if !has {
        return Err(ReturnCode::NotAgreed);
    }
    if !state.counts() {
        return Err(ReturnCode::NotCounted);
    }
    Ok(())
}
