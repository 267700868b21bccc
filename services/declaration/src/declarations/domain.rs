//! A declaration: an application, an arrival or a daily report that was acknowledged.

pub mod contact_history;
pub mod conversion;
pub mod daily_limits;
pub mod home;
pub mod statement;

use lutong_kernel::{ApplicationId, ConversionId, MissingProof, SubjectId, Timestamp};
use serde::{Deserialize, Serialize};

use self::statement::Statement;
use crate::arrivals::domain::Journey;
use crate::arrivals::domain::pending_step::{PendingStep, next_check};
use crate::commitments::domain::AcceptedCommitment;
use crate::daily_reports::domain::DailyReport;

/// The kinds of declarations, as stored: `application`, `arrival`, `daily_report`, `ward_application`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum DeclarationKind {
    Application,
    Arrival,
    DailyReport,
    /// An application of a binder for the ward.
    WardApplication,
}

impl DeclarationKind {
    /// The collection in a resource name.
    pub const fn collection(self) -> &'static str {
        match self {
            Self::Application => "applications",
            Self::Arrival => "arrivals",
            Self::DailyReport => "daily-reports",
            Self::WardApplication => "ward-applications",
        }
    }

    /// Whether its account makes it about itself. What it makes about a ward it reads whomever it holds.
    pub const fn is_about_oneself(self) -> bool {
        !matches!(self, Self::WardApplication)
    }

    /// The resource name of one with this id.
    pub fn name_of(self, id: ApplicationId) -> String {
        format!("{}/{id}", self.collection())
    }
}

/// The provenance of a converted code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    pub province: String,
    pub key_id: String,
    pub trust_list_version: String,
    pub verified_at: i64,
    /// The key of the `partner_code` statement made of the code, or of the one that took its place when its origin changed it.
    pub statement_key: String,
    /// Under which federation's log says what its origin changes. Absent for codes that were converted before it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversion: Option<ConversionId>,
    /// By way of whom the code came, `partners/{partner}`. Absent for codes that their province signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intermediary: Option<String>,
}

/// What a declaration of some kinds keeps beside its statements, encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Details {
    DailyReport(DailyReport),
    Arrival(Journey),
}

/// A declaration as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    pub id: ApplicationId,
    /// The person; while a proof is missing, the id of the registration, which is nobody's.
    pub subject: SubjectId,
    pub kind: DeclarationKind,
    /// Keyed hash of the account that made it.
    pub account: [u8; 32],
    /// The account of the counter staff who entered it for the person.
    pub entered_by: Option<String>,
    pub created_at: Timestamp,
    /// Absent for kinds that need no commitment.
    pub commitment: Option<AcceptedCommitment>,
    pub statements: Vec<Statement>,
    /// Names of the contract, blank-separated.
    pub normalisations: String,
    /// Days abroad, blank-separated.
    pub abroad_days: String,
    pub provenance: Option<Provenance>,
    pub details: Option<Details>,
    pub in_force_at: Option<Timestamp>,
    /// What the account has to prove before anything of it counts.
    pub waiting_for: Option<MissingProof>,
    /// When the account turned out not to be the person or did not prove it in time, or when the step that it waited for was refused.
    pub refused_at: Option<Timestamp>,
    /// Why it was refused, if it was proved.
    pub refusal: Option<String>,
    /// The step that an arrival waits for. Nothing of it counts until then.
    pub pending_step: Option<PendingStep>,
    /// The application whose place it takes.
    pub replaces: Option<ApplicationId>,
    /// The application that took its place.
    pub replaced_by: Option<ApplicationId>,
}

/// How far a declaration has come; as text, as in the contract: `IN_FORCE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum DeclarationState {
    Pending,
    InForce,
    Refused,
    Replaced,
}

impl Declaration {
    /// Whether its account may read it: it is about the person whom the account holds now, about nobody yet, or about a ward.
    pub fn is_readable_by(&self, person: Option<SubjectId>) -> bool {
        !self.kind.is_about_oneself() || !self.is_proved() || person == Some(self.subject)
    }

    /// Whether it is about a person whom the account has proved to be.
    pub const fn is_proved(&self) -> bool {
        self.waiting_for.is_none() && self.refused_at.is_none()
    }

    /// Whether risk-rules has to know of it: it is proved, waits for no step, and either states something or gives the person a code.
    /// What was replaced is delivered by the log only, before that which replaced it.
    pub fn is_delivered(&self) -> bool {
        self.is_proved()
            && self.pending_step.is_none()
            && self.replaced_by.is_none()
            && !self.states_nothing()
    }

    /// Whether it is proved and waits for a step.
    pub const fn is_postponed(&self) -> bool {
        self.is_proved() && self.pending_step.is_some()
    }

    /// Whether its step can be tried: an entry and a national code are those of a person, whom nobody knows while a proof is missing.
    pub const fn can_try_step(&self) -> bool {
        match self.pending_step {
            Some(PendingStep::Conversion { .. }) => true,
            Some(PendingStep::Entry { .. } | PendingStep::NationalCode { .. }) => self.is_proved(),
            None => false,
        }
    }

    /// When its step is tried for the first time.
    pub fn first_check_at(&self) -> Option<Timestamp> {
        self.can_try_step()
            .then(|| next_check(self.created_at, self.created_at))
    }

    /// Refuses it and erases what it stated.
    pub fn refuse(&mut self, now: Timestamp, refusal: Option<String>) {
        self.waiting_for = None;
        self.refused_at = Some(now);
        self.refusal = refusal;
        self.pending_step = None;
        self.statements.clear();
        self.details = None;
    }

    /// Whether nothing of it is left to bring into force.
    pub fn is_in_force(&self) -> bool {
        self.in_force_at.is_some() || self.states_nothing()
    }

    /// A daily report without symptoms states nothing, and it gives nobody a code.
    fn states_nothing(&self) -> bool {
        matches!(self.kind, DeclarationKind::DailyReport) && self.statements.is_empty()
    }

    /// What an arrival says of the way and its end.
    pub const fn journey(&self) -> Option<&Journey> {
        match &self.details {
            Some(Details::Arrival(journey)) => Some(journey),
            _ => None,
        }
    }

    /// Whether it says that symptoms stated before are gone.
    pub const fn is_recovery(&self) -> bool {
        matches!(&self.details, Some(Details::DailyReport(report)) if report.is_cleared())
    }

    /// The resource name, for example `applications/{application}`.
    pub fn name(&self) -> String {
        self.kind.name_of(self.id)
    }
}
