//! A part of the revocation list as it is published: the revocations after one sequence through another, signed.

use coset::cbor::Value;
use lutong_kernel::Timestamp;

use super::filter::{self, Salt, fingerprint};
use crate::cbor;
use crate::document::{self, DocumentError, Purpose};
use crate::key::{SignError, SigningKey};
use crate::kid::Kid;
use crate::trust::VerifyingKeys;

/// What a part is made of.
#[derive(Debug, Clone)]
pub struct PartSource<'a> {
    pub salt: Salt,
    /// The part begins after this sequence; 0 for the first.
    pub after: i64,
    /// The sequence of its last revocation; `after` where it has none.
    pub through: i64,
    /// The sequence of the last revocation that there is.
    pub last: i64,
    pub issued_at: Timestamp,
    /// For how long a door may rely on the list after the issue of its last part.
    pub max_age_seconds: u32,
    /// Ids of revoked tokens that have not expired.
    pub tokens: &'a [[u8; 16]],
    /// Every revoked key, in every part.
    pub keys: &'a [(Kid, Timestamp)],
}

/// A part whose signature has been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationPart {
    salt: Salt,
    after: i64,
    through: i64,
    last: i64,
    issued_at: Timestamp,
    max_age_seconds: u32,
    tokens: Vec<u64>,
    keys: Vec<(Kid, Timestamp)>,
}

impl PartSource<'_> {
    /// The bytes of the part.
    pub fn sign(&self, key: &SigningKey) -> Result<Vec<u8>, SignError> {
        let ids = self.tokens.iter();
        let mut tokens: Vec<u64> = ids.map(|id| fingerprint(&self.salt, id)).collect();
        tokens.sort_unstable();
        tokens.dedup();
        let keys = self.keys.iter().map(|(kid, at)| {
            Value::Array(vec![
                Value::Bytes(kid.as_bytes().to_vec()),
                Value::from(at.seconds()),
            ])
        });
        let payload = Value::Array(vec![
            Value::Bytes(self.salt.to_vec()),
            Value::from(self.after),
            Value::from(self.through),
            Value::from(self.last),
            Value::from(self.issued_at.seconds()),
            Value::from(self.max_age_seconds),
            Value::from(tokens.len() as u64),
            Value::Bytes(filter::encode(&tokens)),
            Value::Array(keys.collect()),
        ]);
        let payload = cbor::encode(&payload).map_err(|_| SignError)?;
        document::sign(key, Purpose::Revocations, &payload)
    }
}

impl RevocationPart {
    /// Reads a part that one of `list_keys` signed.
    pub fn open(bytes: &[u8], list_keys: &VerifyingKeys, now: Timestamp) -> Result<Self, DocumentError> {
        let payload = document::open(bytes, Purpose::Revocations, list_keys, now)?;
        Self::read(&payload).ok_or(DocumentError::Unreadable("it is not a part of a revocation list"))
    }

    fn read(payload: &[u8]) -> Option<Self> {
        let Value::Array(fields) = cbor::read_deterministic(payload).ok()? else {
            return None;
        };
        let [salt, after, through, last, issued_at, max_age, count, codes, keys] =
            <[Value; 9]>::try_from(fields).ok()?;
        let number = |value: Value| i64::try_from(value.into_integer().ok()?).ok();
        let tokens = filter::decode(&codes.into_bytes().ok()?, usize::try_from(number(count)?).ok()?)?;
        let keys = keys.into_array().ok()?.into_iter().map(|key| {
            let [kid, at] = <[Value; 2]>::try_from(key.into_array().ok()?).ok()?;
            Some((Kid::try_new(&kid.into_bytes().ok()?)?, seconds(number(at)?)?))
        });
        let part = Self {
            salt: salt.into_bytes().ok()?.try_into().ok()?,
            after: number(after)?,
            through: number(through)?,
            last: number(last)?,
            issued_at: seconds(number(issued_at)?)?,
            max_age_seconds: u32::try_from(number(max_age)?).ok()?,
            tokens,
            keys: keys.collect::<Option<_>>()?,
        };
        let ascends = 0 <= part.after && part.after <= part.through && part.through <= part.last;
        ascends.then_some(part)
    }

    pub const fn after(&self) -> i64 {
        self.after
    }

    pub const fn through(&self) -> i64 {
        self.through
    }

    /// Whether nothing was revoked after it when it was issued.
    pub const fn is_last(&self) -> bool {
        self.through == self.last
    }

    pub const fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// Until when a door may rely on the list that this part completes.
    pub fn reliable_until(&self) -> Timestamp {
        self.issued_at.plus_seconds(self.max_age_seconds.into())
    }

    pub(super) const fn salt(&self) -> &Salt {
        &self.salt
    }

    /// Fingerprints of tokens.
    pub(super) fn tokens(&self) -> &[u64] {
        &self.tokens
    }

    pub(super) fn keys(&self) -> &[(Kid, Timestamp)] {
        &self.keys
    }
}

/// An instant of a part: whole seconds between 1970 and 2106.
fn seconds(seconds: i64) -> Option<Timestamp> {
    u32::try_from(seconds).ok()?;
    Some(Timestamp::from_seconds(seconds))
}
