//! The trust list: partners, their keys and what is agreed with them. Pure.

mod comparison;
mod reading;
mod signed;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use lutong_kernel::Timestamp;
use lutong_token::{Issuer, TrustedKey, VerifyingKeys};

use crate::partners::domain::{PartnerId, Signature};

pub use comparison::Comparison;
pub use reading::{TrustListError, of_one_partner};
pub use signed::{RefusedList, Roots, SignedList, sign};

/// What a key may sign. The names are those of the contract.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, strum::IntoStaticStr, strum::VariantArray,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum KeyPurpose {
    Codes,
    Messages,
    Batches,
}

/// Which way an agreement goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Direction {
    /// What the partner says is accepted here.
    Inbound,
    /// The partner is answered.
    Outbound,
}

/// A way of mutual recognition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Mode {
    SharedData,
    Conversion,
    NationalCode,
}

/// How many requests a partner may make; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quota {
    pub requests_per_minute: u32,
    pub requests_per_day: u32,
}

impl Quota {
    /// What a partner has before it is LIVE: a tenth.
    #[must_use]
    pub const fn before_live(self) -> Self {
        Self {
            requests_per_minute: self.requests_per_minute / 10,
            requests_per_day: self.requests_per_day / 10,
        }
    }

    const fn is_none(self) -> bool {
        self.requests_per_minute == 0 || self.requests_per_day == 0
    }
}

/// A key of a partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerKey {
    pub purposes: Vec<KeyPurpose>,
    pub trusted: TrustedKey,
}

/// What is agreed with a partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    pub name: String,
    pub keys: Vec<PartnerKey>,
    /// Names of its certificate for mutual TLS.
    pub tls_names: Vec<String>,
    pub directions: Vec<Direction>,
    pub modes: Vec<Mode>,
    /// The interface and its version, which say how its colours are read.
    pub interface: String,
    pub quota: Quota,
    /// Where it is asked: `https://host` or `https://host:port`. Absent: it is not asked.
    pub address: Option<String>,
    /// By way of whom its codes may come.
    pub intermediaries: Vec<PartnerId>,
}

impl Agreement {
    /// The keys that may sign for a purpose.
    pub fn keys_for(&self, purpose: KeyPurpose) -> VerifyingKeys {
        let mut ring = VerifyingKeys::new();
        for key in self.keys.iter().filter(|key| key.purposes.contains(&purpose)) {
            if let Err(error) = ring.insert(key.trusted.clone()) {
                tracing::error!(%error, "a key of the trust list is there twice");
            }
        }
        ring
    }
}

/// A checked list.
#[derive(Debug, Clone, Default)]
pub struct TrustList {
    pub version: String,
    /// Whose partners these are; absent in the list of nobody.
    pub audience: Option<Issuer>,
    /// 0 in a file that is not signed.
    pub sequence: i64,
    pub issued_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub partners: BTreeMap<PartnerId, Agreement>,
    /// The keys that may sign codes.
    pub code_keys: VerifyingKeys,
    /// The keys that may sign messages.
    pub message_keys: VerifyingKeys,
}

impl TrustList {
    /// Whether it is a list of this province's partners. The list of nobody is everybody's.
    pub fn is_for(&self, own: Issuer) -> bool {
        self.audience.is_none_or(|audience| audience == own)
    }

    /// Partners that are answered and have no quota: each of their messages is refused.
    pub fn without_quota(&self) -> Vec<PartnerId> {
        self.answered_with(Quota::is_none)
    }

    /// Partners that are answered and have a quota, but none before they are LIVE.
    pub fn without_trial_quota(&self) -> Vec<PartnerId> {
        self.answered_with(|quota| !quota.is_none() && quota.before_live().is_none())
    }

    fn answered_with(&self, is: impl Fn(Quota) -> bool) -> Vec<PartnerId> {
        let answered = self
            .partners
            .iter()
            .filter(|(_, agreed)| agreed.directions.contains(&Direction::Outbound) && is(agreed.quota));
        answered.map(|(id, _)| *id).collect()
    }

    /// The partner provinces.
    pub fn issuers(&self) -> Vec<Issuer> {
        self.partners.keys().filter_map(|id| id.province()).collect()
    }
}

/// How a list stands. The names are those of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum ListState {
    Staged,
    Active,
    Superseded,
    Rejected,
    /// Its row was changed outside this service.
    Damaged,
}

/// What an operator does with a staged list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::VariantArray)]
pub enum Action {
    Activate,
    Reject,
}

impl Action {
    /// The states in which it is possible.
    pub const fn from(self) -> &'static [ListState] {
        &[ListState::Staged]
    }
}

/// A stored list.
#[derive(Debug, Clone)]
pub struct StoredList {
    pub sequence: i64,
    pub state: ListState,
    pub document: Vec<u8>,
    pub comparison: Comparison,
    pub staged: Signature,
    /// Who activated or rejected it.
    pub decided: Option<Signature>,
}
