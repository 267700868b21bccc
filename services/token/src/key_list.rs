//! The key list as it is published and as a door holds it: which keys sign tokens, which sign lists, from when until when. It is signed with
//! a list key, which no service uses for tokens: whoever steals a token key signs no list.

#[cfg(test)]
mod tests;

use coset::cbor::Value;
use lutong_kernel::Timestamp;

use crate::algorithm::Algorithm;
use crate::cbor;
use crate::document::{self, DocumentError, Purpose};
use crate::issuer::Issuer;
use crate::key::{SignError, SigningKey};
use crate::trust::{CLOCK_TOLERANCE_SECONDS, TrustedKey, VerifyingKeys};
use crate::verifying_key::VerifyingKey;

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    Tokens,
    Lists,
}

/// A key of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedKey {
    pub signs: KeyUse,
    pub trusted: TrustedKey,
}

/// Keys, also those that are not in force yet and those that are revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyList {
    pub issued_at: Timestamp,
    /// For how long after the issue a door may rely on it.
    pub max_age_seconds: u32,
    pub keys: Vec<ListedKey>,
}

/// Why a key list is not taken in. What stood stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyListError {
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error("it says that it was issued in the future: check the clocks")]
    FromTheFuture,
    #[error("it is too old to rely on")]
    TooOld,
    #[error("it is older than the one that stands")]
    Older,
    #[error("it has no key in force for tokens or for lists")]
    Empty,
}

impl KeyList {
    /// The bytes of the list.
    pub fn sign(&self, key: &SigningKey) -> Result<Vec<u8>, SignError> {
        let keys = self.keys.iter().map(written).collect();
        let payload = Value::Array(vec![
            Value::from(self.issued_at.seconds()),
            Value::from(self.max_age_seconds),
            Value::Array(keys),
        ]);
        let payload = cbor::encode(&payload).map_err(|_| SignError)?;
        document::sign(key, Purpose::Keys, &payload)
    }

    fn open(bytes: &[u8], list_keys: &VerifyingKeys, now: Timestamp) -> Result<Self, DocumentError> {
        let payload = document::open(bytes, Purpose::Keys, list_keys, now)?;
        Self::read(&payload).ok_or(DocumentError::Unreadable("it is not a key list"))
    }

    fn read(payload: &[u8]) -> Option<Self> {
        let Value::Array(fields) = cbor::read_deterministic(payload).ok()? else {
            return None;
        };
        let [issued_at, max_age, keys] = <[Value; 3]>::try_from(fields).ok()?;
        let keys = keys.into_array().ok()?.into_iter().map(read_key);
        Some(Self {
            issued_at: instant(issued_at)?,
            max_age_seconds: u32::try_from(max_age.into_integer().ok()?).ok()?,
            keys: keys.collect::<Option<_>>()?,
        })
    }

    /// The keys of one use.
    fn of(&self, signs: KeyUse) -> Option<VerifyingKeys> {
        let mut keys = VerifyingKeys::new();
        for listed in self.keys.iter().filter(|listed| listed.signs == signs) {
            // Two different keys with one kid: no list of ours.
            keys.insert(listed.trusted.clone()).ok()?;
        }
        Some(keys)
    }
}

fn written(listed: &ListedKey) -> Value {
    let ListedKey { signs, trusted } = listed;
    let optional = |at: Option<Timestamp>| at.map_or(Value::Null, |at| Value::from(at.seconds()));
    let issuers = trusted
        .issuers
        .iter()
        .map(|issuer| Value::from(issuer.to_string()));
    Value::Array(vec![
        Value::from(match signs {
            KeyUse::Tokens => 1,
            KeyUse::Lists => 2,
        }),
        Value::from(trusted.key.algorithm().cose_number()),
        Value::Bytes(trusted.key.raw().to_vec()),
        Value::Array(issuers.collect()),
        Value::from(trusted.not_before.seconds()),
        optional(trusted.not_after),
        optional(trusted.revoked_at),
    ])
}

fn read_key(value: Value) -> Option<ListedKey> {
    let [signs, algorithm, raw, issuers, not_before, not_after, revoked_at] =
        <[Value; 7]>::try_from(value.into_array().ok()?).ok()?;
    let signs = match i64::try_from(signs.into_integer().ok()?).ok()? {
        1 => KeyUse::Tokens,
        2 => KeyUse::Lists,
        _ => return None,
    };
    let number = i64::try_from(algorithm.into_integer().ok()?).ok()?;
    let algorithm = Algorithm::from_cose_number(number)?;
    let issuers = issuers.into_array().ok()?.into_iter();
    let issuers = issuers.map(|issuer| Issuer::parse(&issuer.into_text().ok()?).ok());
    let optional = |value: Value| match value {
        Value::Null => Some(None),
        value => instant(value).map(Some),
    };
    Some(ListedKey {
        signs,
        trusted: TrustedKey {
            key: VerifyingKey::from_raw(algorithm, &raw.into_bytes().ok()?).ok()?,
            issuers: issuers.collect::<Option<_>>()?,
            not_before: instant(not_before)?,
            not_after: optional(not_after)?,
            revoked_at: optional(revoked_at)?,
        },
    })
}

/// Whole seconds between 1970 and 2106.
fn instant(value: Value) -> Option<Timestamp> {
    let seconds = u32::try_from(value.into_integer().ok()?).ok()?;
    Some(Timestamp::from_seconds(seconds.into()))
}

/// The keys that a door trusts: at first the list keys that it was set up with, then those of the newest key list that it has taken in.
#[derive(Debug, Clone)]
pub struct TrustedLists {
    lists: VerifyingKeys,
    tokens: VerifyingKeys,
    /// When the list that stands was issued and until when it may be relied on.
    reliable: Option<(Timestamp, Timestamp)>,
}

impl TrustedLists {
    /// A door that was set up with these list keys.
    pub fn new(list_keys: VerifyingKeys) -> Self {
        Self {
            lists: list_keys,
            tokens: VerifyingKeys::new(),
            reliable: None,
        }
    }

    /// The keys that sign lists.
    pub const fn lists(&self) -> &VerifyingKeys {
        &self.lists
    }

    /// The keys that sign tokens.
    pub const fn tokens(&self) -> &VerifyingKeys {
        &self.tokens
    }

    /// Whether the list that stands may be relied on.
    pub fn is_current(&self, now: Timestamp) -> bool {
        let later = |at: Timestamp| at.plus_seconds(CLOCK_TOLERANCE_SECONDS);
        self.reliable
            .is_some_and(|(from, until)| from <= later(now) && now < later(until))
    }

    /// Takes in a key list that a trusted list key signed. An older list is refused, and one without a key in force.
    pub fn take_in(&mut self, bytes: &[u8], now: Timestamp) -> Result<(), KeyListError> {
        let list = KeyList::open(bytes, &self.lists, now)?;
        let later = |at: Timestamp| at.plus_seconds(CLOCK_TOLERANCE_SECONDS);
        let until = list.issued_at.plus_seconds(list.max_age_seconds.into());
        if later(now) < list.issued_at {
            return Err(KeyListError::FromTheFuture);
        }
        if later(until) <= now {
            return Err(KeyListError::TooOld);
        }
        if self.reliable.is_some_and(|(from, _)| list.issued_at < from) {
            return Err(KeyListError::Older);
        }
        let unreadable = || DocumentError::Unreadable("two of its keys have one kid");
        let (tokens, lists) = (list.of(KeyUse::Tokens), list.of(KeyUse::Lists));
        let (tokens, lists) = (tokens.ok_or_else(unreadable)?, lists.ok_or_else(unreadable)?);
        let in_force = |keys: &VerifyingKeys| keys.iter().any(|key| key.is_in_force(now));
        if !in_force(&tokens) || !in_force(&lists) {
            return Err(KeyListError::Empty);
        }
        (self.tokens, self.lists) = (tokens, lists);
        self.reliable = Some((list.issued_at, until));
        Ok(())
    }
}
