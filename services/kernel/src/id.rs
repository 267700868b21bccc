//! Identifiers: UUIDs of version 7 (RFC 9562), one type for each kind of thing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::random::Random;
use crate::time::Timestamp;

/// A text that is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is a UUID in lower-case hyphenated form")]
pub struct IdError {
    /// The kind of id that was expected, with its article.
    pub what: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id. Ids are ordered by the millisecond of their creation; `now` before 1970 counts as 1970.
            pub fn new(now: Timestamp, random: &dyn Random) -> Self {
                let millis = u64::try_from(now.millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random.bytes::<10>()).into_uuid())
            }

            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let parsed = Uuid::try_parse(text).map_err(|_| IdError { what: $what })?;
                // An id is also a key of maps and tables: it has one spelling only.
                if parsed.to_string() != text {
                    return Err(IdError { what: $what });
                }
                Ok(Self(parsed))
            }
        }
    };
}

id!(
    /// Identifies a person in every service but identity. Derived from nothing personal.
    SubjectId, "a subject id"
);
id!(
    /// Identifies a read of somebody's data by somebody else.
    LookupId, "a lookup id"
);
id!(
    /// Identifies a fact about a subject.
    FactId, "a fact id"
);
id!(
    /// Identifies a stored decision.
    DecisionId, "a decision id"
);
id!(
    /// Identifies an application or an arrival declaration; the declarant polls with it.
    ApplicationId, "a declaration id"
);
id!(
    /// Identifies a registered door.
    CheckpointId, "a checkpoint id"
);
id!(
    /// Identifies a device of a registered door.
    CheckpointDeviceId, "a checkpoint device id"
);
id!(
    /// Identifies a sign-in of a member of staff at a device of a registered door.
    StaffSignInId, "a staff sign-in id"
);
id!(
    /// Identifies a report of a yellow or red code at a door.
    DoorReportId, "a door report id"
);
id!(
    /// Identifies a file that belongs to a complaint.
    AttachmentId, "an attachment id"
);
id!(
    /// Identifies a reported refusal to recognise other provinces' codes.
    RecognitionRefusalId, "a recognition refusal id"
);
id!(
    /// Identifies an institution whose terminals read health cards.
    MedicalInstitutionId, "a medical institution id"
);
id!(
    /// Identifies a terminal that reads health cards.
    MedicalTerminalId, "a medical terminal id"
);
id!(
    /// Identifies a reading of a health card.
    HealthCardReadId, "a health card read id"
);
id!(
    /// Identifies a reported use of a health card.
    HealthCardUseId, "a health card use id"
);
id!(
    /// Identifies that an institution knows the holder of a card as a patient.
    PatientBindingId, "a patient binding id"
);
id!(
    /// Identifies that a person lets a partner have what is held about them.
    PartnerConsentId, "a partner consent id"
);
id!(
    /// Identifies that two people take back what a partner's codes were converted to.
    ConversionRollbackId, "a conversion rollback id"
);
id!(
    /// Identifies a place of the register of places.
    PlaceId, "a place id"
);
id!(
    /// Identifies a case in which a place is held to account.
    AccountabilityCaseId, "an accountability case id"
);
id!(
    /// Identifies a converted code of a partner.
    ConversionId, "a conversion id"
);
id!(
    /// Identifies a change of a conversion.
    ConversionChangeId, "a conversion change id"
);
id!(
    /// The idempotency key that a caller gives a mutation.
    RequestId, "a request id"
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn an_id_is_a_uuid_of_version_7_with_the_milliseconds_of_its_creation() {
        let now = Timestamp::from_micros(1_650_000_000_123_456);
        let id = FactId::new(now, &SeededRandom::new(1)).uuid();
        assert_eq!(
            (id.get_version_num(), id.get_variant()),
            (7, uuid::Variant::RFC4122)
        );
        assert_eq!(id.as_u128() >> 80, 1_650_000_000_123);
    }

    #[test]
    fn two_ids_of_one_millisecond_differ() {
        let (now, random) = (Timestamp::from_seconds(0), SeededRandom::new(1));
        assert_ne!(SubjectId::new(now, &random), SubjectId::new(now, &random));
    }

    #[test]
    fn the_error_names_the_kind_of_id_that_was_expected() {
        let errors = [
            "x".parse::<SubjectId>().map(|_| ()),
            "x".parse::<FactId>().map(|_| ()),
            "x".parse::<DecisionId>().map(|_| ()),
            "x".parse::<ApplicationId>().map(|_| ()),
            "x".parse::<RequestId>().map(|_| ()),
        ];
        assert_eq!(
            errors.map(|error| error.unwrap_err().to_string()),
            [
                "a subject id",
                "a fact id",
                "a decision id",
                "a declaration id",
                "a request id"
            ]
            .map(|what| format!("{what} is a UUID in lower-case hyphenated form"))
        );
    }

    #[test]
    fn only_the_lower_case_hyphenated_form_of_a_uuid_is_an_id() {
        let good = "018020a5-5400-7000-8000-00000000abcd";
        assert_eq!(good.parse::<RequestId>().unwrap().to_string(), good);
        for bad in [
            good.to_uppercase(),
            good.replace('-', ""),
            format!("{{{good}}}"),
            format!("urn:uuid:{good}"),
            format!("{good} "),
            String::new(),
        ] {
            assert!(bad.parse::<RequestId>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn ids_are_ordered_by_time_of_creation_as_values_and_as_text(millis in 0_i64..1 << 47, later in 1_i64..1 << 40, seed: u64) {
            let random = SeededRandom::new(seed);
            let make = |millis: i64| DecisionId::new(Timestamp::from_micros(millis * 1_000), &random);
            let (first, second) = (make(millis), make(millis + later));
            prop_assert!(first < second);
            prop_assert!(first.to_string() < second.to_string());
        }

        #[test]
        fn an_id_reads_back_from_its_text_and_its_json(bytes: [u8; 16]) {
            let id = SubjectId::from_uuid(Uuid::from_bytes(bytes));
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(id.uuid(), Uuid::from_bytes(bytes));
            let json = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(serde_json::from_str::<SubjectId>(&json).unwrap(), id);
        }
    }
}
