//! How a converted code stands, and what that means here. Pure.

use lutong_kernel::{Colour, ConversionId, Timestamp};

use crate::colour_maps::domain::RecognitionOutcome;
use crate::partners::domain::PartnerId;

/// How a conversion stands. The names are those of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum ConversionState {
    Standing,
    /// Its origin no longer stands by it.
    Withdrawn,
    /// Two people here no longer believe it.
    RolledBack,
}

/// A converted code with where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    pub id: ConversionId,
    pub origin: PartnerId,
    /// Under what the origin tells its changes; absent when it does not.
    pub reference: Option<String>,
    /// SHA-256 of the code as it was scanned.
    pub token_digest: [u8; 32],
    pub key_id: String,
    pub issued_at: Timestamp,
    pub converted_at: Timestamp,
    pub interface: String,
    pub trust_list_version: String,
    pub state: ConversionState,
    pub outcome: RecognitionOutcome,
    /// Since when, by the clock of the origin.
    pub changed_at: Timestamp,
}

/// What an origin says of one of its codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub reference: String,
    pub outcome: RecognitionOutcome,
    pub changed_at: Timestamp,
}

/// The colour that counts here for what an origin says: its colours are ours, and whatever is no colour counts as yellow until the holder declares
/// anew (rule `yellow.partner-code`: a converted code that is yellow, or a partner's equivalent). Green comes of green alone.
pub const fn effect(outcome: RecognitionOutcome) -> Colour {
    match outcome {
        RecognitionOutcome::Green => Colour::Green,
        RecognitionOutcome::Red => Colour::Red,
        RecognitionOutcome::Yellow
        | RecognitionOutcome::NoCode
        | RecognitionOutcome::NotFound
        | RecognitionOutcome::NameMismatch
        | RecognitionOutcome::UnderReview
        | RecognitionOutcome::Throttled
        | RecognitionOutcome::Unreachable
        | RecognitionOutcome::UnknownValue => Colour::Yellow,
    }
}

impl Conversion {
    /// The conversion once two people here no longer believe it. What it was is not known, and its origin does not bring it back.
    pub fn rolled_back(&self, at: Timestamp) -> Self {
        Self {
            state: ConversionState::RolledBack,
            outcome: RecognitionOutcome::UnknownValue,
            changed_at: at,
            ..self.clone()
        }
    }

    /// The conversion after its origin said this of it; `None` if that changes nothing: it is what was said before, it is older than what the origin
    /// said when it was asked, or nobody believes the conversion any more.
    pub fn told(&self, told: &Told) -> Option<Self> {
        let is_news = self.state != ConversionState::RolledBack
            && self.changed_at <= told.changed_at
            && self.outcome != told.outcome;
        is_news.then(|| Self {
            state: if told.outcome.is_colour() {
                ConversionState::Standing
            } else {
                ConversionState::Withdrawn
            },
            outcome: told.outcome,
            changed_at: told.changed_at,
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use lutong_kernel::random::SeededRandom;
    use proptest::prelude::*;
    use strum::VariantArray as _;

    use super::*;

    fn conversion(outcome: RecognitionOutcome, changed_at: i64) -> Conversion {
        let at = Timestamp::from_seconds(1_669_435_200);
        Conversion {
            id: ConversionId::new(at, &SeededRandom::new(1)),
            origin: PartnerId::parse("32").unwrap(),
            reference: Some("r".to_owned()),
            token_digest: [0; 32],
            key_id: String::new(),
            issued_at: at,
            converted_at: at,
            interface: "lutong-1".to_owned(),
            trust_list_version: "1".to_owned(),
            state: ConversionState::Standing,
            outcome,
            changed_at: Timestamp::from_seconds(changed_at),
        }
    }

    #[test]
    fn green_comes_of_green_alone() {
        for outcome in RecognitionOutcome::VARIANTS {
            assert_eq!(
                effect(*outcome) == Colour::Green,
                *outcome == RecognitionOutcome::Green,
                "{outcome:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_is_told_in_whatever_order_the_newest_counts_and_nothing_else_is_green(
            changes in proptest::collection::vec((0_i64..50, 0..RecognitionOutcome::VARIANTS.len()), 1..20)
        ) {
            let mut standing = conversion(RecognitionOutcome::Green, 10);
            let mut newest = (10, RecognitionOutcome::Green);
            for (at, which) in changes {
                let told = Told {
                    reference: "r".to_owned(),
                    outcome: RecognitionOutcome::VARIANTS[which],
                    changed_at: Timestamp::from_seconds(at),
                };
                if at >= newest.0 && told.outcome != newest.1 {
                    newest = (at, told.outcome);
                }
                standing = standing.told(&told).unwrap_or(standing);
                prop_assert_eq!(standing.outcome, newest.1);
                prop_assert_eq!(standing.state == ConversionState::Standing, newest.1.is_colour());
                prop_assert_eq!(effect(standing.outcome) == Colour::Green, newest.1 == RecognitionOutcome::Green);
            }
        }
    }

    #[test]
    fn what_was_rolled_back_is_not_brought_back_by_its_origin() {
        let rolled_back = conversion(RecognitionOutcome::Green, 10).rolled_back(Timestamp::from_seconds(50));
        assert_eq!(effect(rolled_back.outcome), Colour::Yellow);
        let told = Told {
            reference: "r".to_owned(),
            outcome: RecognitionOutcome::Green,
            changed_at: Timestamp::from_seconds(99),
        };
        assert_eq!(rolled_back.told(&told), None);
    }
}
