//! The desks of staff: which kinds of complaints an account works on.

use strum::VariantArray as _;

/// A kind of complaint that a desk answers, in the words of the contract and of `data/handling.csv`.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "snake_case", const_into_str)]
#[strum(parse_err_ty = UnknownDesk, parse_err_fn = unknown)]
pub enum Desk {
    /// Trouble with the code.
    Feedback,
    /// Appeals against colours.
    Appeal,
    /// Complaints about places.
    Place,
    /// What follows reports of doors.
    DoorReport,
}

impl Desk {
    pub const ALL: &[Self] = Self::VARIANTS;
}

/// The text is not the name of a desk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no desk {0:?}: a desk is one of {names}", names = names())]
pub struct UnknownDesk(String);

fn unknown(text: &str) -> UnknownDesk {
    UnknownDesk(text.chars().take(40).collect())
}

fn names() -> String {
    let names: Vec<_> = Desk::ALL.iter().map(Desk::into_str).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_desk_reads_back_and_another_word_is_told_which_there_are() {
        for desk in Desk::ALL {
            assert_eq!(desk.into_str().parse(), Ok(*desk));
        }
        for other in ["", "appeals", "Appeal", "market-supervision"] {
            let error = other.parse::<Desk>().unwrap_err().to_string();
            assert!(error.contains("feedback, appeal, place, door_report"), "{error}");
        }
    }
}
