//! What a code shows, and when it must not be shown.

use lutong_kernel::{Colour, DecisionId, SubjectId, Timestamp};
use lutong_token::Mask;

/// A decision of risk-rules without its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    pub subject: SubjectId,
    pub decision: DecisionId,
    pub colour: Colour,
    /// Grows with every decision about the subject.
    pub version: i64,
    pub evaluated_at: Timestamp,
    /// When the decision is due to change if nothing new is recorded.
    pub next_change_at: Option<Timestamp>,
}

impl Code {
    /// Whether the code must not be shown until risk-rules has decided again. A green code cites no rule, so that its next change can only
    /// make it yellow or red: from that instant green may be wrong. A red or yellow code may stay in force too long, never too short.
    pub fn awaits_decision(&self, now: Timestamp) -> bool {
        self.colour == Colour::Green && self.next_change_at.is_some_and(|change| change <= now)
    }
}

/// A code with the name mask, which is absent until identity has provided it.
#[derive(Debug, Clone)]
pub struct MaskedCode {
    pub code: Code,
    pub mask: Option<Mask>,
}

/// The newest of the decisions about each subject, ordered by subject.
pub fn newest(mut codes: Vec<Code>) -> Vec<Code> {
    codes.sort_unstable_by_key(|code| (code.subject, std::cmp::Reverse(code.version)));
    codes.dedup_by_key(|code| code.subject);
    codes
}

#[cfg(test)]
mod tests {
    use super::*;
    use lutong_kernel::random::SeededRandom;

    fn code(colour: Colour, version: i64, next_change_at: Option<i64>) -> Code {
        let start = Timestamp::from_seconds(0);
        Code {
            subject: SubjectId::new(start, &SeededRandom::new(1)),
            decision: DecisionId::new(start, &SeededRandom::new(2)),
            colour,
            version,
            evaluated_at: start,
            next_change_at: next_change_at.map(Timestamp::from_seconds),
        }
    }

    #[test]
    fn green_is_not_shown_from_the_instant_it_is_due_to_change() {
        let green = code(Colour::Green, 1, Some(100));
        assert!(!green.awaits_decision(Timestamp::from_micros(99_999_999)));
        assert!(green.awaits_decision(Timestamp::from_seconds(100)));
        assert!(!code(Colour::Green, 1, None).awaits_decision(Timestamp::MAX));
        assert!(!code(Colour::Red, 1, Some(100)).awaits_decision(Timestamp::from_seconds(101)));
    }

    #[test]
    fn of_several_decisions_about_a_subject_the_newest_counts_in_whatever_order_they_come() {
        let (old, new) = (code(Colour::Green, 1, None), code(Colour::Red, 2, None));
        assert_eq!(newest(vec![old.clone(), new.clone()]), std::slice::from_ref(&new));
        assert_eq!(newest(vec![new.clone(), old]), [new]);
    }
}
