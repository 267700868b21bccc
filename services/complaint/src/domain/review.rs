//! Questions to the sources of facts, each with a clock of its own.

use lutong_kernel::{FactId, Secret, SubjectId, Timestamp};
use uuid::Uuid;

use super::relief::Relief;
use super::tracking::TrackingNumber;

/// How a question stands. The names are those of the contract.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, strum::EnumString, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum ReviewState {
    Requested,
    Confirmed,
    Corrected,
    Expired,
}

/// Hours within which a source answers: half of those within which the appeal is to be decided.
const ANSWER_WITHIN: i64 = 4;
const ANSWER_WITHIN_IN_TWO_PROVINCES: i64 = 12;

/// By when a source that is asked at an instant is to answer.
pub fn due(asked_at: Timestamp, is_in_two_provinces: bool) -> Timestamp {
    let hours = if is_in_two_provinces {
        ANSWER_WITHIN_IN_TWO_PROVINCES
    } else {
        ANSWER_WITHIN
    };
    asked_at.plus_seconds(hours * 3_600)
}

/// What a correction did to the colour of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColourEffect {
    /// People about whom was decided anew.
    pub redecided: i64,
    /// Whether the decision was in force.
    pub is_in_force: bool,
    /// The operation of risk-rules that brings it into force; empty where there is none.
    pub operation: String,
}

impl ColourEffect {
    /// Nobody was decided about.
    pub const fn none() -> Self {
        Self {
            redecided: 0,
            is_in_force: true,
            operation: String::new(),
        }
    }
}

/// A question to the source of a fact.
#[derive(Debug, Clone)]
pub struct FactReview {
    pub id: Uuid,
    /// The appeal.
    pub case: TrackingNumber,
    pub source: String,
    pub fact: FactId,
    /// The person, as the source knew them.
    pub subject: SubjectId,
    pub kind: String,
    /// The source's own id of the fact.
    pub key: Secret<String>,
    pub recorded_at: Timestamp,
    pub question: Secret<String>,
    pub state: ReviewState,
    pub asked_at: Timestamp,
    pub due_at: Timestamp,
    pub answered_at: Option<Timestamp>,
    /// What the source says.
    pub reason: Option<Secret<String>>,
    /// What a correction did.
    pub effect: ColourEffect,
    /// Relief from the fact while the source is late; absent where none was offered.
    pub relief: Option<Relief>,
}

/// Why an answer is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswerable {
    /// It was answered.
    Answered,
    /// Its time is over.
    Ended,
}

impl FactReview {
    /// The state at an instant: a question whose time is over has expired, whether or not a worker has noted it.
    pub fn state_at(&self, now: Timestamp) -> ReviewState {
        if self.state == ReviewState::Requested && self.due_at <= now {
            ReviewState::Expired
        } else {
            self.state
        }
    }

    /// Whether relief from its fact is in force at an instant, or will be as soon as risk-rules is reached.
    pub fn has_relief_at(&self, now: Timestamp) -> bool {
        self.relief.as_ref().is_some_and(|relief| relief.runs_at(now))
    }

    /// Whether its source may answer now: in time, and also late while that holds relief in force.
    pub fn check_open(&self, now: Timestamp) -> Result<(), Unanswerable> {
        match self.state_at(now) {
            ReviewState::Requested => Ok(()),
            ReviewState::Confirmed | ReviewState::Corrected => Err(Unanswerable::Answered),
            ReviewState::Expired if self.has_relief_at(now) => Ok(()),
            ReviewState::Expired => Err(Unanswerable::Ended),
        }
    }
}
