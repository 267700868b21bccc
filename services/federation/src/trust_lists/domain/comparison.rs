//! How a list differs from the one that stands.

use std::collections::BTreeSet;

use lutong_kernel::Timestamp;

use super::{Agreement, TrustList};
use crate::partners::domain::PartnerId;

/// What a list would change.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Comparison {
    pub added_partners: Vec<String>,
    pub removed_partners: Vec<String>,
    /// Of both lists; they had a key in force and would have none.
    pub silenced_partners: Vec<String>,
    pub added_keys: Vec<String>,
    pub removed_keys: Vec<String>,
    pub is_empty: bool,
}

impl Comparison {
    /// Compares a list with the one that stands, if any.
    pub fn of(list: &TrustList, standing: Option<&TrustList>, now: Timestamp) -> Self {
        let nothing = TrustList::default();
        let before = standing.unwrap_or(&nothing);
        let missing = |of: &TrustList, from: &TrustList| -> Vec<String> {
            let gone = of.partners.keys().filter(|id| !from.partners.contains_key(id));
            gone.map(PartnerId::to_string).collect()
        };
        let silenced = before.partners.iter().filter(|(id, agreement)| {
            let after = list.partners.get(id);
            speaks(agreement, now) && after.is_some_and(|after| !speaks(after, now))
        });
        let (old_keys, new_keys) = (keys(before), keys(list));
        Self {
            added_partners: missing(list, before),
            removed_partners: missing(before, list),
            silenced_partners: silenced.map(|(id, _)| id.to_string()).collect(),
            added_keys: new_keys.difference(&old_keys).cloned().collect(),
            removed_keys: old_keys.difference(&new_keys).cloned().collect(),
            is_empty: list.partners.is_empty(),
        }
    }

    /// Whether a second person must say that it is meant: a list that lost its entries on the way looks the same.
    pub fn is_shrunken(&self) -> bool {
        self.is_empty || !self.removed_partners.is_empty() || !self.silenced_partners.is_empty()
    }
}

fn speaks(agreement: &Agreement, now: Timestamp) -> bool {
    agreement.keys.iter().any(|key| key.trusted.is_in_force(now))
}

fn keys(list: &TrustList) -> BTreeSet<String> {
    let all = list.partners.values().flat_map(|agreement| &agreement.keys);
    all.map(|key| key.trusted.key.kid().to_string()).collect()
}
