//! Card codes: as long as a code on paper, on which one may stand, so that no key need be published longer for it.

use lutong_kernel::{Colour, Timestamp};
use lutong_token::{Claims, ClaimsError, Issuer, Mask};

use crate::issued_codes::domain::{IssuedKind, IssuedTokenId};
use crate::issued_codes::service::{TokenKind, WardCodes};

/// All card codes.
pub type CardCodes = WardCodes<CardToken>;

/// What a card code puts into its token.
#[derive(Clone, Copy)]
pub struct CardToken;

impl TokenKind for CardToken {
    const KIND: IssuedKind = IssuedKind::Card;

    fn claims(
        &self,
        issuer: Issuer,
        times: (Timestamp, Timestamp),
        token_id: IssuedTokenId,
        (colour, mask): (Colour, Option<Mask>),
    ) -> Result<Claims, ClaimsError> {
        Claims::card(issuer, times, token_id, colour, mask)
    }
}
