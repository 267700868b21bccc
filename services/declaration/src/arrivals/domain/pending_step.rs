//! What an arrival can wait for after its acknowledgement.

use lutong_kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// The shortest and the longest pause before a step is tried again, in microseconds.
const SHORTEST_PAUSE: i64 = 2_000_000;
const LONGEST_PAUSE: i64 = 300_000_000;
/// The pause is this part of the time that an arrival has waited.
const PAUSES: i64 = 8;
/// How long an arrival waits until its entry is complete.
const LONGEST_ENTRY: std::time::Duration = std::time::Duration::from_secs(60 * 86_400);
/// Why an arrival is refused whose entry is not complete by then.
pub const ENTRY_NOT_REPORTED: &str = "ENTRY_NOT_REPORTED";

/// How long the national platform is asked again.
const LONGEST_NATIONAL_CODE: std::time::Duration = std::time::Duration::from_secs(14 * 86_400);
/// Why an arrival is refused for which it has not answered by then.
pub const NATIONAL_CODE_UNANSWERED: &str = "NATIONAL_CODE_UNANSWERED";

/// Why the national platform gives no colour; as text, as in the contract: `NAME_MISMATCH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum NoNationalCode {
    NoCode,
    NotFound,
    NameMismatch,
    UnknownValue,
}

/// A step of an entry from abroad that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingStep {
    BorderRecord,
    QuarantineEnd,
    NegativeTest,
}

/// A step without which an arrival is not accepted, as stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PendingStep {
    /// The conversion of another province's code, which is kept as scanned until then.
    Conversion { token: String },
    /// The entry from abroad, and what it lacked when it was last checked; empty before the first check.
    Entry { missing: Vec<MissingStep> },
    /// The code of this province, by way of the national platform.
    NationalCode { province: String },
}

/// A token is a credential: it is never printed.
impl std::fmt::Debug for PendingStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Conversion { .. } => "Conversion",
            Self::Entry { .. } => "Entry",
            Self::NationalCode { .. } => "NationalCode",
        })
    }
}

impl PendingStep {
    /// An entry that was not checked yet.
    pub const fn unchecked_entry() -> Self {
        Self::Entry { missing: Vec::new() }
    }
}

/// When the step of an arrival is tried again: the longer it has waited, the later.
pub fn next_check(created_at: Timestamp, now: Timestamp) -> Timestamp {
    let waited = now.micros().saturating_sub(created_at.micros());
    now.plus_micros((waited / PAUSES).clamp(SHORTEST_PAUSE, LONGEST_PAUSE))
}

/// Whether an arrival has waited for its entry for too long.
pub fn is_abandoned(created_at: Timestamp, now: Timestamp) -> bool {
    created_at.plus(LONGEST_ENTRY) < now
}

/// Whether the national platform has been asked about an arrival for too long.
pub fn is_unanswered(created_at: Timestamp, now: Timestamp) -> bool {
    created_at.plus(LONGEST_NATIONAL_CODE) < now
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_an_arrival_has_waited_the_later_its_step_is_tried_again() {
        let created = Timestamp::from_micros(0);
        let pause = |seconds: i64| {
            let now = created.plus_seconds(seconds);
            next_check(created, now).micros() - now.micros()
        };
        assert_eq!(pause(0), SHORTEST_PAUSE);
        assert_eq!(pause(80), 10_000_000);
        assert_eq!(pause(86_400), LONGEST_PAUSE);
        assert_eq!(pause(-5), SHORTEST_PAUSE, "a clock that went back");
    }

    #[test]
    fn a_token_is_not_printed() {
        let token = "LT1:SECRET".to_owned();
        let step = PendingStep::Conversion { token };
        assert_eq!(format!("{step:?}"), "Conversion");
    }
}
