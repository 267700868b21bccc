//! Whether a code of another province is accepted. Pure.

use lutong_kernel::{Colour, Timestamp};
use lutong_token::{Claims, Expectations, Kind, Outcome, UnverifiedToken, verify};

use crate::colour_maps::domain::{ColourMap, RecognitionOutcome};
use crate::partners::domain::PartnerState;
use crate::trust_lists::domain::TrustList;

/// Why a code is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedCode {
    Token(Outcome),
    /// The code is genuine, and what its issuer says does not count here now.
    NotRecognised(PartnerState),
    /// The map of the partner's interface does not read its colour as a colour.
    UnknownColour(RecognitionOutcome),
}

impl RefusedCode {
    /// The outcome in the contract.
    pub const fn outcome(self) -> &'static str {
        match self {
            Self::Token(outcome) => outcome.into_str(),
            Self::NotRecognised(_) => "NOT_RECOGNISED",
            Self::UnknownColour(outcome) => outcome.into_str(),
        }
    }
}

/// The claims of a code that was valid at `as_of` and whose key is not revoked by `now`: a key that was stolen can have signed with any
/// time.
pub fn judge(list: &TrustList, token: &str, as_of: Timestamp, now: Timestamp) -> Result<Claims, Outcome> {
    let expected = Expectations::kinds(&[Kind::Dynamic, Kind::Paper]).from_issuers(&list.issuers());
    let claims = verify(token, &list.code_keys, as_of, &expected)?;
    let kid = UnverifiedToken::parse(token)
        .map_err(|_| Outcome::Unreadable)?
        .kid();
    if list.code_keys.get(kid).is_some_and(|key| key.is_revoked(now)) {
        return Err(Outcome::Revoked);
    }
    Ok(claims)
}

/// What a colour of a partner means here, read with the map of its interface.
pub fn read_colour(map: Option<&ColourMap>, colour: Colour) -> Result<Colour, RefusedCode> {
    let value = match colour {
        Colour::Green => "GREEN",
        Colour::Yellow => "YELLOW",
        Colour::Red => "RED",
    };
    let unknown = RecognitionOutcome::UnknownValue;
    match map.map_or(unknown, |map| map.read(value)) {
        RecognitionOutcome::Green => Ok(Colour::Green),
        RecognitionOutcome::Yellow => Ok(Colour::Yellow),
        RecognitionOutcome::Red => Ok(Colour::Red),
        other => Err(RefusedCode::UnknownColour(other)),
    }
}

/// The colour of a code that was verified here, once its origin was asked. An origin that does not answer, or not in a way that can be
/// read, has said nothing: what it signed stands. One that does not stand by the code has said that it is none.
pub fn judge_at_origin(
    signed: Colour,
    said: RecognitionOutcome,
    refusal: &str,
) -> Result<Colour, RefusedCode> {
    match said {
        RecognitionOutcome::Green => Ok(Colour::Green),
        RecognitionOutcome::Yellow => Ok(Colour::Yellow),
        RecognitionOutcome::Red => Ok(Colour::Red),
        RecognitionOutcome::Throttled
        | RecognitionOutcome::Unreachable
        | RecognitionOutcome::UnknownValue => Ok(signed),
        RecognitionOutcome::NotFound if refusal == Outcome::Revoked.into_str() => {
            Err(RefusedCode::Token(Outcome::Revoked))
        }
        RecognitionOutcome::NoCode
        | RecognitionOutcome::NotFound
        | RecognitionOutcome::NameMismatch
        | RecognitionOutcome::UnderReview => Err(RefusedCode::UnknownColour(said)),
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray as _;

    use super::*;

    #[test]
    fn nothing_but_the_origins_green_or_a_signed_green_is_green() {
        for said in RecognitionOutcome::VARIANTS {
            for signed in [Colour::Green, Colour::Yellow, Colour::Red] {
                let judged = judge_at_origin(signed, *said, "");
                let is_silent = matches!(
                    said,
                    RecognitionOutcome::Throttled
                        | RecognitionOutcome::Unreachable
                        | RecognitionOutcome::UnknownValue
                );
                let may_be_green =
                    *said == RecognitionOutcome::Green || (is_silent && signed == Colour::Green);
                assert_eq!(judged == Ok(Colour::Green), may_be_green, "{said:?} {signed:?}");
                assert_eq!(judged.is_ok(), is_silent || said.is_colour(), "{said:?}");
            }
        }
        let revoked = judge_at_origin(Colour::Green, RecognitionOutcome::NotFound, "REVOKED");
        assert_eq!(revoked, Err(RefusedCode::Token(Outcome::Revoked)));
    }
}
