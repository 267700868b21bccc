//! Designations: others to be managed as high or medium risk (DOMAIN 4). In 2022 officials elsewhere turned people's codes red
//! for reasons that had nothing to do with an epidemic: here it takes two officers, a law that provides for it, and an end.

use lutong_kernel::{DivisionCode, Jurisdiction, SubjectId, Timestamp, Violation};
use uuid::Uuid;

use super::packed::PackedFact;

/// Days at the most.
pub const LONGEST_DAYS: i64 = 90;

/// A law and its article that provide for managing a person.
#[derive(Debug, PartialEq, Eq)]
pub struct LegalBasis {
    pub code: &'static str,
    pub zh: &'static str,
    pub en: &'static str,
}

/// The list. There is no other basis.
pub const LEGAL_BASES: [LegalBasis; 5] = [
    LegalBasis {
        code: "PICL-39",
        zh: "《中华人民共和国传染病防治法》第三十九条（隔离治疗、医学观察）",
        en: "Law on Prevention and Treatment of Infectious Diseases, article 39 (isolation, medical observation)",
    },
    LegalBasis {
        code: "PICL-41",
        zh: "《中华人民共和国传染病防治法》第四十一条（对特定区域人员的隔离措施）",
        en: "Law on Prevention and Treatment of Infectious Diseases, article 41 (isolation of people in certain areas)",
    },
    LegalBasis {
        code: "PICL-42",
        zh: "《中华人民共和国传染病防治法》第四十二条（紧急措施）",
        en: "Law on Prevention and Treatment of Infectious Diseases, article 42 (emergency measures)",
    },
    LegalBasis {
        code: "FHQL-12",
        zh: "《中华人民共和国国境卫生检疫法》第十二条（留验）",
        en: "Frontier Health and Quarantine Law, article 12 (observation)",
    },
    LegalBasis {
        code: "ERL-49",
        zh: "《中华人民共和国突发事件应对法》第四十九条（应急处置措施）",
        en: "Emergency Response Law, article 49 (emergency measures)",
    },
];

/// A basis by its code.
pub fn legal_basis(code: &str) -> Option<&'static LegalBasis> {
    LEGAL_BASES.iter().find(|basis| basis.code == code)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    High,
    Medium,
}

impl Level {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::High, Self::Medium]
            .into_iter()
            .find(|level| level.as_str() == text)
    }
}

/// A designation as proposed, approved and perhaps ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Designation {
    pub id: Uuid,
    pub subject: SubjectId,
    pub level: Level,
    pub from: Timestamp,
    pub until: Timestamp,
    pub basis: &'static LegalBasis,
    /// Of the proposing officer.
    pub division: DivisionCode,
    pub proposed_by: String,
    pub proposed_at: Timestamp,
    pub approved_by: Option<String>,
    pub approved_at: Option<Timestamp>,
    /// When an officer ended it, before its end or before it was approved.
    pub ended_at: Option<Timestamp>,
}

/// Who states designations: the officers of a division.
pub fn source(division: DivisionCode) -> String {
    format!("officer-{division}")
}

/// Whether officers may designate somebody: who lives in their jurisdiction, or is known to have stayed there. The province's
/// may designate anybody.
pub fn is_in_scope(own: Jurisdiction, homes: &[DivisionCode], facts: &[PackedFact]) -> bool {
    let stays = facts.iter().filter_map(PackedFact::place);
    own.covers_any(homes.iter().copied().chain(stays))
}

/// Checks the span.
pub fn check_span(from: Timestamp, until: Timestamp, now: Timestamp) -> Result<(), Violation> {
    let wrong = |reason: &'static str, zh: &str, en: &str| Err(Violation::new("until_time", reason, zh, en));
    if until <= from {
        wrong(
            "END_BEFORE_START",
            "应晚于from_time",
            "does not lie after from_time",
        )
    } else if until <= now {
        wrong("END_PASSED", "结束时间已过", "lies in the past")
    } else if until > from.plus_seconds(LONGEST_DAYS * 86_400) {
        wrong("TOO_LONG", "最长九十天", "lies more than 90 days after from_time")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_asked_for_that_lies_ahead_and_not_too_far() {
        let at = |day: i64| Timestamp::from_seconds(day * 86_400);
        assert!(check_span(at(0), at(90), at(10)).is_ok());
        for (from, until, reason) in [
            (5, 5, "END_BEFORE_START"),
            (0, 10, "END_PASSED"),
            (0, 91, "TOO_LONG"),
        ] {
            assert_eq!(
                check_span(at(from), at(until), at(10)).unwrap_err().reason,
                reason
            );
        }
    }

    #[test]
    fn a_basis_is_one_of_the_list_and_each_names_its_law_in_both_languages() {
        assert!(legal_basis("PICL-42").is_some() && legal_basis("because").is_none());
        assert!(
            LEGAL_BASES
                .iter()
                .all(|basis| basis.zh.contains('第') && basis.en.contains("article"))
        );
    }
}
