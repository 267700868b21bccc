//! What counts of a partner's answer. Pure.

use lutong_kernel::Timestamp;
use lutong_token::Issuer;

use crate::colour_maps::domain::RecognitionOutcome;
use crate::partner_codes::domain::judge;
use crate::partners::domain::{PartnerId, PartnerState};
use crate::trust_lists::domain::{Agreement, Direction, TrustList};

/// Whether what a partner says counts.
pub fn counts(agreed: &Agreement, state: PartnerState) -> bool {
    state.counts() && agreed.directions.contains(&Direction::Inbound)
}

/// Whether a partner shows a code as it says that it stands: a colour comes with a code of its own, signed with its key, of this colour, and
/// nothing else comes with one.
pub fn is_shown(
    list: &TrustList,
    partner: PartnerId,
    (said, token): (Option<RecognitionOutcome>, &str),
    now: Timestamp,
) -> bool {
    let Some(colour) = said.filter(|said| said.is_colour()) else {
        return token.is_empty();
    };
    judge(list, token, now, now).is_ok_and(|claims| {
        is_own(partner, claims.issuer()) && RecognitionOutcome::from(claims.colour()) == colour
    })
}

/// Whether a record is of the partner's own province: trust is not transitive.
pub fn is_own(partner: PartnerId, province: Issuer) -> bool {
    partner == PartnerId::Province(province)
}
