//! Outcomes as the contract has them.

use lutong_proto::federation::v1 as wire;

use crate::colour_maps::domain::RecognitionOutcome;

/// An outcome as the contract has it.
pub const fn outcome(outcome: RecognitionOutcome) -> wire::RecognitionOutcome {
    match outcome {
        RecognitionOutcome::Green => wire::RecognitionOutcome::Green,
        RecognitionOutcome::Yellow => wire::RecognitionOutcome::Yellow,
        RecognitionOutcome::Red => wire::RecognitionOutcome::Red,
        RecognitionOutcome::NoCode => wire::RecognitionOutcome::NoCode,
        RecognitionOutcome::NotFound => wire::RecognitionOutcome::NotFound,
        RecognitionOutcome::NameMismatch => wire::RecognitionOutcome::NameMismatch,
        RecognitionOutcome::UnderReview => wire::RecognitionOutcome::UnderReview,
        RecognitionOutcome::Throttled => wire::RecognitionOutcome::Throttled,
        RecognitionOutcome::Unreachable => wire::RecognitionOutcome::Unreachable,
        RecognitionOutcome::UnknownValue => wire::RecognitionOutcome::UnknownValue,
    }
}

/// An outcome of the contract; `None` for a number that is none.
pub fn read_outcome(value: i32) -> Option<RecognitionOutcome> {
    Some(match wire::RecognitionOutcome::try_from(value).ok()? {
        wire::RecognitionOutcome::Unspecified => return None,
        wire::RecognitionOutcome::Green => RecognitionOutcome::Green,
        wire::RecognitionOutcome::Yellow => RecognitionOutcome::Yellow,
        wire::RecognitionOutcome::Red => RecognitionOutcome::Red,
        wire::RecognitionOutcome::NoCode => RecognitionOutcome::NoCode,
        wire::RecognitionOutcome::NotFound => RecognitionOutcome::NotFound,
        wire::RecognitionOutcome::NameMismatch => RecognitionOutcome::NameMismatch,
        wire::RecognitionOutcome::UnderReview => RecognitionOutcome::UnderReview,
        wire::RecognitionOutcome::Throttled => RecognitionOutcome::Throttled,
        wire::RecognitionOutcome::Unreachable => RecognitionOutcome::Unreachable,
        wire::RecognitionOutcome::UnknownValue => RecognitionOutcome::UnknownValue,
    })
}
