//! The laws and orders on which a restriction of a person or the listing of a place may be based. No other basis is accepted.

use strum::{EnumString, IntoStaticStr, VariantArray};

/// A legal basis. Its text form is the code that is stored and that facts of the kind `designation` name.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumString, IntoStaticStr, VariantArray,
)]
#[strum(const_into_str)]
pub enum LegalBasis {
    /// Isolation, medical observation.
    #[strum(serialize = "PICL-39")]
    Picl39,
    /// Isolation of people in certain areas.
    #[strum(serialize = "PICL-41")]
    Picl41,
    /// Emergency measures.
    #[strum(serialize = "PICL-42")]
    Picl42,
    /// A declared epidemic area.
    #[strum(serialize = "PICL-43")]
    Picl43,
    /// Observation at the border.
    #[strum(serialize = "FHQL-12")]
    Fhql12,
    /// Emergency measures.
    #[strum(serialize = "ERL-49")]
    Erl49,
    /// 联防联控机制通知.
    #[strum(serialize = "JOINT-MECHANISM")]
    JointMechanism,
}

impl LegalBasis {
    /// The bases of a designation.
    pub const OF_DESIGNATIONS: [Self; 5] = [
        Self::Picl39,
        Self::Picl41,
        Self::Picl42,
        Self::Fhql12,
        Self::Erl49,
    ];
    /// The bases of a key area.
    pub const OF_KEY_AREAS: [Self; 3] = [Self::Picl42, Self::Picl43, Self::JointMechanism];

    /// The law and the article, in Chinese and in English.
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
        for basis in LegalBasis::VARIANTS.iter().copied() {
            let (zh, en) = basis.texts();
            assert_eq!(basis.into_str().parse(), Ok(basis));
            let is_law = basis != LegalBasis::JointMechanism;
            assert_eq!(
                (zh.contains('条'), en.contains("article")),
                (is_law, is_law),
                "{basis:?}"
            );
        }
        assert!("because".parse::<LegalBasis>().is_err());
    }
}
