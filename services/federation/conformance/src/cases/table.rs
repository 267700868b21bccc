//! The table of cases. A case is added at the end of its group, and no id is given to another.

use super::Level::{Must, Should};
use super::{About, Case, Level, Need};
use crate::clauses::Clause;
use crate::declaration::Consent;
use crate::exchange::Exchange as E;

impl Case {
    pub const fn about(self) -> About {
        let (id, level) = self.id_and_level();
        About {
            id,
            level,
            need: self.need(),
            clauses: self.clauses(),
            title: self.title(),
        }
    }

    const fn id_and_level(self) -> (&'static str, Level) {
        match self {
            Self::Answered => ("MSG-001", Must),
            Self::Replayed => ("MSG-002", Must),
            Self::NonceAgain => ("MSG-003", Must),
            Self::TooOld => ("MSG-004", Must),
            Self::Ahead => ("MSG-005", Must),
            Self::Delayed => ("MSG-006", Must),
            Self::OtherAudience => ("MSG-007", Must),
            Self::OtherMethod => ("MSG-008", Must),
            Self::AlteredBody => ("MSG-009", Must),
            Self::UnknownKey => ("MSG-010", Must),
            Self::UnknownSender => ("MSG-011", Must),
            Self::OtherSender => ("MSG-012", Must),
            Self::AlteredSignature => ("MSG-013", Must),
            Self::NoSignature => ("MSG-014", Must),
            Self::OtherPurpose => ("MSG-015", Must),
            Self::AnswerAsQuestion => ("MSG-016", Must),
            Self::LongBody => ("MSG-017", Must),
            Self::Oversized => ("MSG-018", Must),
            Self::UnreadableBody => ("MSG-019", Must),
            Self::MalformedJson => ("MSG-020", Must),
            Self::StatedReasons => ("MSG-021", Should),
            Self::DistinctNonces => ("ANS-001", Must),
            Self::AtOnce => ("ANS-002", Must),
            Self::ContentType => ("ANS-003", Should),
            Self::InTime => ("ANS-004", Should),
            Self::RightClock => ("ANS-005", Should),
            Self::PublishedKeys => ("KEY-001", Should),
            Self::NoCode => ("VER-001", Must),
            Self::ForgedCode => ("VER-002", Must),
            Self::TestCodes => ("VER-003", Must),
            Self::AlteredTestCodes => ("VER-004", Must),
            Self::EmptyDeclaration => ("DEC-001", Must),
            Self::UnsaltedDeclaration => ("DEC-002", Must),
            Self::Declared => ("DEC-003", Must),
            Self::OtherNameDeclared => ("DEC-004", Must),
            Self::EmptyItinerary => ("ITI-001", Must),
            Self::LongItinerary => ("ITI-002", Must),
            Self::Travelled => ("ITI-003", Must),
            Self::QueryWithoutConsent => ("QRY-001", Must),
            Self::QueryWithShortSalt => ("QRY-002", Must),
            Self::QueryConsented => ("QRY-003", Must),
            Self::QueryOfOtherName => ("QRY-004", Must),
            Self::MakeWithoutConsent => ("MAK-001", Must),
            Self::MakeWithShortSalt => ("MAK-002", Must),
            Self::MakeConsented => ("MAK-003", Must),
            Self::MadeToken => ("MAK-004", Must),
            Self::MakeOfOtherName => ("MAK-005", Must),
            Self::CallOfNothing => ("CAL-001", Must),
            Self::CallAltered => ("CAL-002", Must),
            Self::CallMade => ("CAL-003", Must),
            Self::EmptyCorrection => ("COR-001", Must),
            Self::NothingToCorrect => ("COR-002", Must),
            Self::Corrected => ("COR-003", Must),
            Self::PullFromNow => ("CHG-001", Must),
            Self::PullUnknownTag => ("CHG-002", Must),
            Self::PullMalformedTag => ("CHG-003", Must),
            Self::CompareUnknown => ("CHG-004", Must),
            Self::CompareTooMany => ("CHG-005", Must),
            Self::Followed => ("CHG-006", Must),
            Self::AcknowledgeMalformedTag => ("CHG-007", Must),
            Self::Notice => ("CHG-008", Must),
            Self::Undeclared => ("PLN-001", Should),
        }
    }

    const fn need(self) -> Need {
        match self {
            Self::TestCodes | Self::AlteredTestCodes => Need::TestCode,
            Self::EmptyDeclaration | Self::UnsaltedDeclaration => Need::Serves(E::DeclareHealth),
            Self::Declared | Self::OtherNameDeclared => Need::Person(E::DeclareHealth, &[]),
            Self::EmptyItinerary | Self::LongItinerary => Need::Serves(E::DeclareItinerary),
            Self::Travelled => Need::Person(E::DeclareItinerary, &[]),
            Self::QueryWithoutConsent | Self::QueryWithShortSalt => Need::Serves(E::QueryHealthRecords),
            Self::QueryConsented | Self::QueryOfOtherName => {
                Need::Person(E::QueryHealthRecords, &[Consent::Records])
            }
            Self::MakeWithoutConsent | Self::MakeWithShortSalt => Need::Serves(E::MakeHealthCode),
            Self::MakeConsented | Self::MakeOfOtherName => Need::Person(E::MakeHealthCode, &[Consent::Code]),
            Self::MadeToken => Need::Token,
            Self::CallOfNothing => Need::Serves(E::CallHealthCode),
            Self::CallAltered | Self::CallMade => Need::Call,
            Self::EmptyCorrection => Need::Serves(E::CorrectDeclaration),
            Self::NothingToCorrect => Need::Person(E::CorrectDeclaration, &[]),
            Self::Corrected => Need::Withdrawal,
            Self::PullFromNow | Self::PullUnknownTag | Self::PullMalformedTag => Need::Serves(E::PullChanges),
            Self::CompareUnknown | Self::CompareTooMany => Need::Serves(E::CompareCodes),
            Self::Followed => Need::Followed,
            Self::AcknowledgeMalformedTag => Need::Serves(E::AcknowledgeChanges),
            Self::Notice => Need::Serves(E::NotifyChanges),
            Self::Answered
            | Self::Replayed
            | Self::NonceAgain
            | Self::TooOld
            | Self::Ahead
            | Self::Delayed
            | Self::OtherAudience
            | Self::OtherMethod
            | Self::AlteredBody
            | Self::UnknownKey
            | Self::UnknownSender
            | Self::OtherSender
            | Self::AlteredSignature
            | Self::NoSignature
            | Self::OtherPurpose
            | Self::AnswerAsQuestion
            | Self::LongBody
            | Self::Oversized
            | Self::UnreadableBody
            | Self::MalformedJson
            | Self::StatedReasons
            | Self::DistinctNonces
            | Self::AtOnce
            | Self::ContentType
            | Self::InTime
            | Self::RightClock
            | Self::PublishedKeys
            | Self::NoCode
            | Self::ForgedCode
            | Self::Undeclared => Need::Always,
        }
    }

    const fn clauses(self) -> &'static [Clause] {
        use Clause as C;
        match self {
            Self::Answered => &[C::Signature, C::Answer, C::Verification],
            Self::Replayed | Self::NonceAgain => &[C::Once],
            Self::TooOld | Self::Ahead | Self::Delayed => &[C::Ninety],
            Self::OtherAudience | Self::OtherMethod | Self::AlteredBody | Self::AnswerAsQuestion => {
                &[C::Coverage]
            }
            Self::UnknownKey | Self::AlteredSignature | Self::OtherPurpose => &[C::Signature],
            Self::UnknownSender => &[C::Signature, C::OwnProvince],
            Self::OtherSender => &[C::OwnProvince],
            Self::NoSignature => &[C::Signature, C::Readable],
            Self::LongBody | Self::Oversized => &[C::Sizes],
            Self::UnreadableBody
            | Self::MalformedJson
            | Self::PullMalformedTag
            | Self::AcknowledgeMalformedTag => &[C::Readable],
            Self::StatedReasons => &[C::Reasons],
            Self::DistinctNonces | Self::AtOnce => &[C::Answer],
            Self::ContentType => &[C::Json],
            Self::InTime => &[C::InTime],
            Self::RightClock => &[C::Clock],
            Self::PublishedKeys => &[C::PublishedKey],
            Self::NoCode | Self::ForgedCode => &[C::OnlyGreen, C::Verification],
            Self::TestCodes => &[C::Verification, C::References],
            Self::AlteredTestCodes => &[C::OnlyGreen],
            Self::EmptyDeclaration => &[C::Fields, C::HealthDeclaration],
            Self::UnsaltedDeclaration => &[C::Salt],
            Self::Declared => &[C::HealthDeclaration, C::Repeated],
            Self::OtherNameDeclared | Self::QueryOfOtherName | Self::MakeOfOtherName => &[C::Names],
            Self::EmptyItinerary => &[C::Fields, C::ItineraryDeclaration],
            Self::LongItinerary => &[C::Fields],
            Self::Travelled => &[C::ItineraryDeclaration, C::Repeated],
            Self::QueryWithoutConsent => &[C::Consent, C::Query],
            Self::QueryWithShortSalt | Self::MakeWithShortSalt => &[C::Salt, C::Fields],
            Self::QueryConsented => &[C::Query, C::Provenance],
            Self::MakeWithoutConsent => &[C::Consent, C::CodeMaking],
            Self::MakeConsented => &[C::CodeMaking, C::ShownCode],
            Self::MadeToken => &[C::ShownCode, C::Verification],
            Self::CallOfNothing => &[C::References, C::CodeCall],
            Self::CallAltered => &[C::References],
            Self::CallMade => &[C::CodeCall, C::References],
            Self::EmptyCorrection => &[C::Fields, C::Correction],
            Self::NothingToCorrect => &[C::OwnStatements],
            Self::Corrected => &[C::Correction, C::OwnStatements],
            Self::PullFromNow | Self::PullUnknownTag | Self::Notice => &[C::Batches],
            Self::CompareUnknown => &[C::Comparison, C::OnlyGreen],
            Self::CompareTooMany => &[C::Comparison, C::Sizes],
            Self::Followed => &[C::Comparison, C::References],
            Self::Undeclared => &[C::Agreement],
        }
    }
}
