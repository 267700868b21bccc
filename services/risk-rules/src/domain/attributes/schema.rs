//! DOMAIN 5 as a table: which attributes a kind has, of which shape, and which of them span an interval.

use crate::domain::fact::FactKind;

/// What an attribute holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// RFC 3339 with an offset.
    Instant,
    /// One of these.
    Word(&'static [&'static str]),
    /// Some of these, possibly none.
    Words(&'static [&'static str]),
    /// GB/T 2260 six digits, or the nine-digit street code.
    Division,
    /// A community as the notices write it: NFC, trimmed, never empty.
    Community,
    /// GB/T 2659 alpha-3 other than CHN; HKG, MAC and TWN count as abroad.
    CountryAbroad,
    /// GB/T 2260, the first two digits.
    Province,
    /// Degrees Celsius, 30 to 45.
    Temperature,
    /// 1 to this many characters.
    Text(usize),
}

/// One attribute of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute {
    pub name: &'static str,
    pub shape: Shape,
    pub required: bool,
}

const fn required(name: &'static str, shape: Shape) -> Attribute {
    Attribute {
        name,
        shape,
        required: true,
    }
}

const fn optional(name: &'static str, shape: Shape) -> Attribute {
    Attribute {
        name,
        shape,
        required: false,
    }
}

const SYMPTOMS: &[&str] = &[
    "fever",
    "dry_cough",
    "shortness_of_breath",
    "respiratory",
    "fatigue",
    "diarrhoea",
    "conjunctivitis",
];

use Shape::{Community, CountryAbroad, Division, Instant, Province, Temperature, Text, Word, Words};

const CASE: &[Attribute] = &[
    required("stage", Word(&["confirmed", "suspected", "asymptomatic"])),
    required("diagnosed_at", Instant),
    optional("closed_at", Instant),
    optional("closure", Word(&["discharged", "ruled_out", "released"])),
];
const CLOSE_CONTACT: &[Attribute] = &[
    required("last_contact_at", Instant),
    optional("observation", Word(&["centralised", "home"])),
    optional("observation_from", Instant),
    optional("observation_until", Instant),
];
const FEVER_CLINIC_VISIT: &[Attribute] = &[required("visited_at", Instant), optional("facility", Text(200))];
const SYMPTOMS_REPORT: &[Attribute] = &[
    required("observed_at", Instant),
    required("symptoms", Words(SYMPTOMS)),
    optional("temperature_c", Temperature),
    optional("cleared_at", Instant),
];
const DATABASE_ANOMALY: &[Attribute] = &[required("observed_at", Instant), required("code", Text(100))];
const STAY: &[Attribute] = &[
    required("division", Division),
    optional("community", Community),
    required("arrived_at", Instant),
    optional("left_at", Instant),
];
const ENTRY: &[Attribute] = &[
    required("entered_at", Instant),
    required("country", CountryAbroad),
    optional("quarantine_completed_at", Instant),
];
const TEST: &[Attribute] = &[
    required("sampled_at", Instant),
    required("result", Word(&["negative", "positive", "inconclusive"])),
];
const DESIGNATION: &[Attribute] = &[
    required("level", Word(&["high", "medium"])),
    required("from", Instant),
    required("until", Instant),
    required("legal_basis", Text(200)),
];
const PARTNER_CODE: &[Attribute] = &[
    required("province", Province),
    required("colour", Word(&["green", "yellow", "red"])),
    required("issued_at", Instant),
    optional("expires_at", Instant),
];

impl FactKind {
    /// The kind's table.
    pub const fn attributes(self) -> &'static [Attribute] {
        match self {
            Self::Case => CASE,
            Self::CloseContact => CLOSE_CONTACT,
            Self::FeverClinicVisit => FEVER_CLINIC_VISIT,
            Self::Symptoms => SYMPTOMS_REPORT,
            Self::DatabaseAnomaly => DATABASE_ANOMALY,
            Self::Stay => STAY,
            Self::Entry => ENTRY,
            Self::Test => TEST,
            Self::Designation => DESIGNATION,
            Self::PartnerCode => PARTNER_CODE,
        }
    }

    /// Where an attribute stands in the kind's table.
    pub fn index_of(self, name: &str) -> Option<usize> {
        self.attributes()
            .iter()
            .position(|attribute| attribute.name == name)
    }

    /// Beginnings and ends that the statement itself names: an end before its beginning is refused.
    pub const fn intervals(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Case => &[("diagnosed_at", "closed_at")],
            Self::CloseContact => &[("observation_from", "observation_until")],
            Self::Symptoms => &[("observed_at", "cleared_at")],
            Self::Stay => &[("arrived_at", "left_at")],
            Self::Entry => &[("entered_at", "quarantine_completed_at")],
            Self::Designation => &[("from", "until")],
            Self::PartnerCode => &[("issued_at", "expires_at")],
            Self::FeverClinicVisit | Self::DatabaseAnomaly | Self::Test => &[],
        }
    }
}
