//! A family binding, what proves it, and what it may be done with in each state. An adult ward consents; for a minor there is proof of
//! guardianship. What has no birth date in its number counts as an adult's document.

use lutong_kernel::document::{Document, DocumentType};
use lutong_kernel::{LocalDay, SubjectId, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How many bindings there may be, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BindingPolicy {
    /// Bindings of one binder that are active or wait for a consent.
    pub wards_of_a_binder: u64,
    /// Active bindings of one ward.
    pub binders_of_a_ward: u64,
    /// The birthday with which a minor's bindings end.
    pub of_age_years: i16,
    /// Days for which a binding waits for a consent.
    pub consent_days: i32,
}

impl Default for BindingPolicy {
    fn default() -> Self {
        Self {
            wards_of_a_binder: 8,
            binders_of_a_ward: 2,
            of_age_years: 18,
            consent_days: 7,
        }
    }
}

/// What the ward is to the binder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case", const_into_str)]
pub enum Relation {
    Child,
    Parent,
    Spouse,
    Other,
}

/// On which side of a binding a caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Binder,
    Ward,
    Counter,
}

/// How a binding stands. The names are those of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum State {
    PendingConsent,
    Active,
    /// The end is stored; code-rendering has not confirmed that it knows it.
    Ending,
    Ended,
}

/// Why a binding ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case", const_into_str)]
pub enum EndReason {
    UnboundByBinder,
    UnboundByWard,
    CameOfAge,
    ConsentExpired,
    Rejected,
}

/// What somebody does with a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::VariantArray)]
pub enum Action {
    Consent,
    Confirm,
    End,
}

impl Action {
    /// The states in which it is possible.
    pub const fn from(self) -> &'static [State] {
        match self {
            Self::Consent | Self::Confirm => &[State::PendingConsent],
            Self::End => &[State::PendingConsent, State::Active, State::Ending],
        }
    }

    pub fn is_possible(self, state: State) -> bool {
        self.from().contains(&state)
    }
}

/// A binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    pub id: Uuid,
    pub binder: SubjectId,
    /// Absent until it is active: a name and a document are no subject before somebody has consented.
    pub ward: Option<SubjectId>,
    pub relation: Relation,
    pub state: State,
    pub created_at: Timestamp,
    pub activated_at: Option<Timestamp>,
    /// When the ward comes of age; absent for an adult.
    pub of_age_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub end_reason: Option<EndReason>,
}

impl Binding {
    pub fn is_minors(&self, now: Timestamp) -> bool {
        self.of_age_at.is_some_and(|of_age_at| now < of_age_at)
    }

    /// Until when it waits for a consent.
    pub fn expires_at(&self, policy: &BindingPolicy) -> Timestamp {
        self.created_at
            .plus_seconds(i64::from(policy.consent_days) * 86_400)
    }

    /// The version that code-rendering orders by.
    pub const fn version(&self) -> i64 {
        match self.state {
            State::PendingConsent => 0,
            State::Active => 1,
            State::Ending | State::Ended => 2,
        }
    }
}

/// What shows that a binding is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Nothing yet: it waits.
    None,
    /// The ward's consent, by a one-time code to the mobile with this index.
    Mobile([u8; 32]),
    /// The binder says that the ward, a minor, is in the same household book.
    Household,
}

/// What identity has of the ward whom a binder states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownWard {
    /// Nobody is registered with this document.
    Nobody,
    /// Registered by another name.
    OtherName,
    /// Registered by this name, with the mobile of this index, and whether with the binder's mobile and home.
    Registered {
        mobile: Option<[u8; 32]>,
        is_household: bool,
    },
}

/// What follows from the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Activate,
    /// The ward is registered as one of the binder's household, and the binding is active.
    RegisterAndActivate,
    Wait,
}

/// Decides. `is_believed`: the account is one of the development identity provider, which is believed about people nobody has
/// registered. Elsewhere a child without a registration needs a counter, because anybody can state a household.
pub fn decide(evidence: Evidence, known: KnownWard, is_believed: bool) -> Outcome {
    match (evidence, known) {
        (Evidence::Mobile(shown), KnownWard::Registered { mobile, .. }) if mobile == Some(shown) => {
            Outcome::Activate
        }
        (
            Evidence::Household,
            KnownWard::Registered {
                is_household: true, ..
            },
        ) => Outcome::Activate,
        (Evidence::Household, KnownWard::Nobody) if is_believed => Outcome::RegisterAndActivate,
        _ => Outcome::Wait,
    }
}

/// The day with which the holder of a document comes of age; absent where the number has no birth date. Who was born on 29 February
/// comes of age on 1 March of a year without that day.
pub fn of_age_day(document: &Document, years: i16) -> Option<LocalDay> {
    use DocumentType::{HouseholdBook, ResidentId, TempResidentId};
    if !matches!(document.kind(), ResidentId | TempResidentId | HouseholdBook) {
        return None;
    }
    let birth = document.number().get(6..14)?;
    let (year, month, day) = (birth.get(..4)?, birth.get(4..6)?, birth.get(6..)?);
    let year = year.parse::<i16>().ok()?.checked_add(years)?;
    LocalDay::from_ymd(year, month.parse().ok()?, day.parse().ok()?)
        .or_else(|| LocalDay::from_ymd(year, 3, 1))
}

#[cfg(test)]
mod tests;
