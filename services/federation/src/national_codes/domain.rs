//! What counts of the national platform's answer. Trust is not transitive: the platform passes on what provinces say, and each is trusted itself, with
//! the platform as its intermediary. Pure.

use lutong_token::Issuer;

use crate::colour_maps::domain::RecognitionOutcome;
use crate::partners::domain::{PartnerId, PartnerState};
use crate::records::domain::HealthRecord;
use crate::trust_lists::domain::{Agreement, Direction, Mode};

/// A person's code as the platform has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NationalCode {
    pub outcome: RecognitionOutcome,
    /// Whose record decided.
    pub province: Option<Issuer>,
    /// All records of provinces that are trusted.
    pub records: Vec<HealthRecord>,
    /// Records of provinces that are not.
    pub untrusted: usize,
}

/// Whether the platform's answers count.
pub fn counts(agreed: Option<&Agreement>, state: PartnerState) -> bool {
    state.counts()
        && agreed.is_some_and(|agreed| {
            agreed.directions.contains(&Direction::Inbound) && agreed.modes.contains(&Mode::NationalCode)
        })
}

/// Whether what the platform passes on of a province counts.
pub fn counts_by_way(agreed: Option<&Agreement>, state: PartnerState) -> bool {
    counts(agreed, state) && agreed.is_some_and(|agreed| agreed.intermediaries.contains(&PartnerId::National))
}

/// Splits records into those of trusted provinces and a count of the others. Where the province is ours, the record is our own: it is decided
/// here and says nothing.
pub fn trusted(
    records: Vec<HealthRecord>,
    own: Issuer,
    is_trusted: impl Fn(Issuer) -> bool,
) -> (Vec<HealthRecord>, usize) {
    let others = records.into_iter().filter(|record| record.province != own);
    let (trusted, untrusted): (Vec<_>, Vec<_>) = others.partition(|record| is_trusted(record.province));
    (trusted, untrusted.len())
}
