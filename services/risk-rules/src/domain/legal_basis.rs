//! The laws and orders that provide for restricting people or listing places. There is no other basis.

/// One of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LegalBasis {
    /// Isolation, medical observation.
    Picl39,
    /// Isolation of people in certain areas.
    Picl41,
    /// Emergency measures.
    Picl42,
    /// A declared epidemic area.
    Picl43,
    /// Observation at the border.
    Fhql12,
    /// Emergency measures.
    Erl49,
    /// 联防联控机制通知.
    JointMechanism,
}

impl LegalBasis {
    pub const ALL: [Self; 7] = [
        Self::Picl39,
        Self::Picl41,
        Self::Picl42,
        Self::Picl43,
        Self::Fhql12,
        Self::Erl49,
        Self::JointMechanism,
    ];
    /// Those that provide for managing a person.
    pub const OF_DESIGNATIONS: [Self; 5] = [
        Self::Picl39,
        Self::Picl41,
        Self::Picl42,
        Self::Fhql12,
        Self::Erl49,
    ];
    /// Those that provide for a key area.
    pub const OF_KEY_AREAS: [Self; 3] = [Self::Picl42, Self::Picl43, Self::JointMechanism];

    /// As stored, and as facts of the kind `designation` name it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Picl39 => "PICL-39",
            Self::Picl41 => "PICL-41",
            Self::Picl42 => "PICL-42",
            Self::Picl43 => "PICL-43",
            Self::Fhql12 => "FHQL-12",
            Self::Erl49 => "ERL-49",
            Self::JointMechanism => "JOINT-MECHANISM",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|basis| basis.code() == code)
    }

    /// The law and its article in Chinese and English.
    pub const fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Picl39 => (
                "《中华人民共和国传染病防治法》第三十九条（隔离治疗、医学观察）",
                "Law on Prevention and Treatment of Infectious Diseases, article 39 (isolation, medical observation)",
            ),
            Self::Picl41 => (
                "《中华人民共和国传染病防治法》第四十一条（对特定区域人员的隔离措施）",
                "Law on Prevention and Treatment of Infectious Diseases, article 41 (isolation of people in certain areas)",
            ),
            Self::Picl42 => (
                "《中华人民共和国传染病防治法》第四十二条（紧急措施）",
                "Law on Prevention and Treatment of Infectious Diseases, article 42 (emergency measures)",
            ),
            Self::Picl43 => (
                "《中华人民共和国传染病防治法》第四十三条（宣布疫区）",
                "Law on Prevention and Treatment of Infectious Diseases, article 43 (declared epidemic area)",
            ),
            Self::Fhql12 => (
                "《中华人民共和国国境卫生检疫法》第十二条（留验）",
                "Frontier Health and Quarantine Law, article 12 (observation)",
            ),
            Self::Erl49 => (
                "《中华人民共和国突发事件应对法》第四十九条（应急处置措施）",
                "Emergency Response Law, article 49 (emergency measures)",
            ),
            Self::JointMechanism => (
                "国务院或省联防联控机制通知",
                "Notice of the joint prevention and control mechanism of the State Council or the province",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_basis_has_a_code_of_its_own_and_names_its_law_in_both_languages() {
        for basis in LegalBasis::ALL {
            let (zh, en) = basis.texts();
            assert_eq!(LegalBasis::parse(basis.code()), Some(basis));
            let is_law = basis != LegalBasis::JointMechanism;
            assert_eq!(
                (zh.contains('条'), en.contains("article")),
                (is_law, is_law),
                "{basis:?}"
            );
        }
        assert_eq!(LegalBasis::parse("because"), None);
    }
}
