//! What is tested. Ids are never given to another case, so that reports of years can be compared.

mod table;
mod titles;

use crate::clauses::Clause;
use crate::declaration::{Consent, Declaration};
use crate::exchange::Exchange;
use strum::VariantArray as _;

/// How bad a failure is.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum Level {
    Must,
    Should,
}

/// What a case needs; without it, it is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: everybody keeps it.
    Always,
    Serves(Exchange),
    /// An exchange, and a test person who consents to these.
    Person(Exchange, &'static [Consent]),
    /// A test code.
    TestCode,
    /// A made code with a colour, and the declared key for codes.
    Token,
    /// Code making and code call, and a test person who consents to their code.
    Call,
    /// Health declaration and correction, and a test person.
    Withdrawal,
    /// Comparison, and a test code with a colour.
    Followed,
}

/// A case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::VariantArray)]
pub enum Case {
    Answered,
    Replayed,
    NonceAgain,
    TooOld,
    Ahead,
    Delayed,
    OtherAudience,
    OtherMethod,
    AlteredBody,
    UnknownKey,
    UnknownSender,
    OtherSender,
    AlteredSignature,
    NoSignature,
    OtherPurpose,
    AnswerAsQuestion,
    LongBody,
    Oversized,
    UnreadableBody,
    MalformedJson,
    StatedReasons,
    DistinctNonces,
    AtOnce,
    ContentType,
    InTime,
    RightClock,
    PublishedKeys,
    NoCode,
    ForgedCode,
    TestCodes,
    AlteredTestCodes,
    EmptyDeclaration,
    UnsaltedDeclaration,
    Declared,
    OtherNameDeclared,
    EmptyItinerary,
    LongItinerary,
    Travelled,
    QueryWithoutConsent,
    QueryWithShortSalt,
    QueryConsented,
    QueryOfOtherName,
    MakeWithoutConsent,
    MakeWithShortSalt,
    MakeConsented,
    MadeToken,
    MakeOfOtherName,
    CallOfNothing,
    CallAltered,
    CallMade,
    EmptyCorrection,
    NothingToCorrect,
    Corrected,
    PullFromNow,
    PullUnknownTag,
    PullMalformedTag,
    CompareUnknown,
    CompareTooMany,
    Followed,
    AcknowledgeMalformedTag,
    Notice,
    Undeclared,
}

/// What a case is about.
#[derive(Clone, Copy, Debug)]
pub struct About {
    pub id: &'static str,
    pub level: Level,
    pub need: Need,
    pub clauses: &'static [Clause],
    /// Chinese and English.
    pub title: (&'static str, &'static str),
}

impl Case {
    pub fn of_id(id: &str) -> Option<Self> {
        Self::VARIANTS.iter().copied().find(|case| case.about().id == id)
    }
}

impl Need {
    /// Why a case is not run against a system, in Chinese and English; `None` for one that is.
    pub fn missing(self, peer: &Declaration) -> Option<&'static str> {
        use lutong_proto::federation::v1::RecognitionOutcome::{Green, Red, Yellow};
        let serves =
            |exchange| (!peer.serves(exchange)).then_some("未申报该交换 / the exchange is not declared");
        let person = |consents: &[Consent]| {
            peer.person(consents)
                .is_none()
                .then_some("未申报有此同意的测试人员 / no test person with this consent is declared")
        };
        let is_colour = |outcome| matches!(outcome, Green | Yellow | Red);
        match self {
            Self::Always => None,
            Self::Serves(exchange) => serves(exchange),
            Self::Person(exchange, consents) => serves(exchange).or_else(|| person(consents)),
            Self::TestCode => peer.codes.is_empty().then_some("未申报测试码 / no test code is declared"),
            Self::Token => serves(Exchange::MakeHealthCode)
                .or_else(|| person(&[Consent::Code]))
                .or_else(|| {
                    let has_colour = peer
                        .person(&[Consent::Code])
                        .is_some_and(|one| is_colour(one.outcome));
                    let missing = "未申报赋码密钥或有颜色的测试人员 / no key for codes, or no test person with a colour, is declared";
                    (!has_colour || !peer.has_code_key()).then_some(missing)
                }),
            Self::Call => serves(Exchange::MakeHealthCode)
                .or_else(|| serves(Exchange::CallHealthCode))
                .or_else(|| person(&[Consent::Code])),
            Self::Withdrawal => serves(Exchange::DeclareHealth)
                .or_else(|| serves(Exchange::CorrectDeclaration))
                .or_else(|| person(&[])),
            Self::Followed => serves(Exchange::CompareCodes).or_else(|| {
                let has_colour = peer.codes.iter().any(|code| is_colour(code.outcome));
                (!has_colour).then_some("未申报有颜色的测试码 / no test code with a colour is declared")
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_case_has_an_id_of_its_own_and_a_clause() {
        let ids: BTreeSet<_> = Case::VARIANTS.iter().map(|case| case.about().id).collect();
        assert_eq!(ids.len(), Case::VARIANTS.len());
        for case in Case::VARIANTS {
            assert!(!case.about().clauses.is_empty(), "{case:?}");
            assert_eq!(Case::of_id(case.about().id), Some(*case));
        }
    }
}
