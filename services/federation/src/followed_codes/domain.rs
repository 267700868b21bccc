//! Under what a partner is told of a code, and for how long. Pure.

use lutong_kernel::{SubjectId, Timestamp};
use lutong_storage::crypto::{Key, hex, keyed_hash};

use crate::partners::domain::PartnerId;

/// How long the changes of a code are told after its last verification: longer than any rule of the order looks back.
const FOLLOWED_DAYS: i64 = 30;

/// The reference of somebody's code for a partner: the same each time for this partner, another one for every other, and nobody without the key
/// learns from it whose it is.
pub fn reference(key: &Key, partner: PartnerId, subject: SubjectId) -> String {
    let hash = keyed_hash(key, format!("code-reference/1/{partner}/{subject}").as_bytes());
    hex(&hash[..16])
}

/// Until when a code that is verified now is followed.
pub const fn followed_until(now: Timestamp) -> Timestamp {
    now.plus_seconds(FOLLOWED_DAYS * 86_400)
}

/// A code whose change a partner has not been told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedCode {
    pub subject: SubjectId,
    pub reference: String,
    pub changed_at: Timestamp,
}
