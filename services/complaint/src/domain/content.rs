//! What a complaint is about.

use lutong_kernel::text::{FreeText, TextRule};
use lutong_kernel::{Colour, Desk, DivisionCode, DoorReportId, Secret, Violation};

use super::feedback::Feedback;
use super::text::lines;
use crate::fault;

/// Characters of a place.
const MAX_PLACE: usize = 100;

/// A kind of complaint, stored in snake case.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, strum::EnumString, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Kind {
    Feedback,
    Appeal,
    Place,
    DoorReport,
}

impl From<Desk> for Kind {
    fn from(desk: Desk) -> Self {
        match desk {
            Desk::Feedback => Self::Feedback,
            Desk::Appeal => Self::Appeal,
            Desk::Place => Self::Place,
            Desk::DoorReport => Self::DoorReport,
        }
    }
}

impl Kind {
    /// Whether people file it; the others are the work of officers.
    pub const fn is_of_people(self) -> bool {
        !matches!(self, Self::DoorReport)
    }
}

/// What is wrong at a place, stored in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum PlaceIssue {
    NotChecking,
    ScanningPeople,
    RecordingPeople,
    RefusingGreen,
    ExtraConditions,
}

/// What is filed.
#[derive(Debug, Clone)]
pub enum Content {
    Feedback(Feedback),
    Appeal(Appeal),
    Place(PlaceComplaint),
    DoorReport(FollowUp),
}

/// An objection to a colour.
#[derive(Debug, Clone)]
pub struct Appeal {
    /// The version of the filer's decision.
    pub decision: u64,
    /// As the filer was shown it.
    pub colour: Colour,
    pub concerns_other_province: bool,
    pub text: Secret<String>,
}

/// A complaint about a place.
#[derive(Debug, Clone)]
pub struct PlaceComplaint {
    pub issue: PlaceIssue,
    pub place: Secret<String>,
    pub text: Secret<String>,
}

/// A report of a door that is followed up. Nothing of whom it is about is known here.
#[derive(Debug, Clone)]
pub struct FollowUp {
    pub report: DoorReportId,
    pub text: Secret<String>,
}

impl Content {
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Feedback(_) => Kind::Feedback,
            Self::Appeal(_) => Kind::Appeal,
            Self::Place(_) => Kind::Place,
            Self::DoorReport(_) => Kind::DoorReport,
        }
    }

    pub const fn text(&self) -> &Secret<String> {
        match self {
            Self::Feedback(feedback) => &feedback.text,
            Self::Appeal(appeal) => &appeal.text,
            Self::Place(place) => &place.text,
            Self::DoorReport(follow_up) => &follow_up.text,
        }
    }

    pub const fn is_in_two_provinces(&self) -> bool {
        matches!(self, Self::Appeal(appeal) if appeal.concerns_other_province)
    }
}

impl Appeal {
    pub fn new(
        decision: &str,
        colour: Colour,
        concerns_other_province: bool,
        text: &str,
    ) -> Result<Self, Vec<Violation>> {
        let version = decision
            .strip_prefix("decisions/")
            .and_then(|version| version.parse::<u64>().ok())
            .filter(|version| *version > 0 && format!("decisions/{version}") == decision);
        let text = lines(text, "appeal.text");
        match (version, text) {
            (Some(decision), Ok(text)) => Ok(Self {
                decision,
                colour,
                concerns_other_province,
                text,
            }),
            (version, text) => {
                let named = version.is_none().then(fault::decision_shape);
                Err(named.into_iter().chain(text.err()).collect())
            }
        }
    }
}

impl PlaceComplaint {
    /// `within` is the field of the request that holds it.
    pub fn new(issue: PlaceIssue, place: &str, text: &str, within: &str) -> Result<Self, Vec<Violation>> {
        let place = FreeText::parse(place, TextRule::line(MAX_PLACE))
            .map_err(|error| error.violation(format!("{within}.place")));
        match (place, lines(text, &format!("{within}.text"))) {
            (Ok(place), Ok(text)) => Ok(Self {
                issue,
                place: Secret::new(place.into_string()),
                text,
            }),
            (place, text) => Err(place.err().into_iter().chain(text.err()).collect()),
        }
    }
}

/// The division of a complaint: the county of the code that was stated, which lies in Shandong.
pub fn division(stated: &str) -> Result<DivisionCode, Violation> {
    let division = DivisionCode::parse(stated).map_err(|_| fault::division_outside_shandong())?;
    if DivisionCode::SHANDONG.contains(division) {
        Ok(division.county())
    } else {
        Err(fault::division_outside_shandong())
    }
}
