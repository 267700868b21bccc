//! The revocation list as a door holds it: what was revoked, up to which sequence, and until when that may be relied on.

pub mod filter;
pub mod part;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use lutong_kernel::Timestamp;

use self::filter::{Salt, fingerprint};
use self::part::RevocationPart;
use crate::claims::TokenId;
use crate::document::DocumentError;
use crate::kid::Kid;
use crate::trust::{CLOCK_TOLERANCE_SECONDS, VerifyingKeys};

/// Why a part is not taken in. The list stays as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TakeInError {
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error("it says that it was issued in the future: check the clocks")]
    FromTheFuture,
    #[error("it is too old to rely on")]
    TooOld,
    #[error("revocations between the list and this part are missing: ask for those after {0}")]
    Gap(i64),
    #[error("it ends before the list does")]
    Older,
    #[error("it has another salt: begin at the first part")]
    OtherSalt,
}

/// What a door does after it has taken in a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The list is complete as of the issue of the part.
    Complete,
    /// There is more: ask for the revocations after this sequence.
    More(i64),
}

/// Revocations of tokens and keys. A door begins with an empty list, asks for the parts after [`Self::sequence`], and takes them in until
/// one is [`Progress::Complete`]; later it asks again from where it stands. A part that begins at 0 starts the list anew, without the tokens
/// that have expired meanwhile: what stood counts until the new one is complete and as long.
#[derive(Debug, Clone, Default)]
pub struct Revocations {
    current: List,
    renewed: Option<List>,
}

#[derive(Debug, Clone, Default)]
struct List {
    salt: Salt,
    sequence: i64,
    tokens: HashSet<u64>,
    keys: HashMap<Kid, Timestamp>,
    /// From when until when the list may be relied on; absent until it was complete once.
    reliable: Option<(Timestamp, Timestamp)>,
}

impl Revocations {
    pub fn new() -> Self {
        Self::default()
    }

    /// Up to where the list reaches that is being taken in.
    pub fn sequence(&self) -> i64 {
        self.renewed.as_ref().unwrap_or(&self.current).sequence
    }

    /// How many tokens are revoked.
    pub fn len(&self) -> usize {
        self.current.tokens.len()
    }

    pub fn is_empty(&self) -> bool {
        self.current.tokens.is_empty()
    }

    /// Takes in a part that one of `list_keys` signed.
    pub fn take_in(
        &mut self,
        bytes: &[u8],
        list_keys: &VerifyingKeys,
        now: Timestamp,
    ) -> Result<Progress, TakeInError> {
        let part = RevocationPart::open(bytes, list_keys, now)?;
        let tolerance = CLOCK_TOLERANCE_SECONDS;
        if now.plus_seconds(tolerance) < part.issued_at() {
            return Err(TakeInError::FromTheFuture);
        }
        if part.reliable_until().plus_seconds(tolerance) <= now {
            return Err(TakeInError::TooOld);
        }
        if part.after() == 0 && self.current.reliable.is_some() {
            self.renewed = Some(List::default());
        }
        let Some(renewed) = &mut self.renewed else {
            return self.current.extend(&part);
        };
        let progress = renewed.extend(&part)?;
        if progress == Progress::Complete {
            self.replace()?;
        }
        Ok(progress)
    }

    /// Puts the renewed list, which is complete, in the place of the current one, unless it is the older of the two.
    fn replace(&mut self) -> Result<(), TakeInError> {
        let Some(mut renewed) = self.renewed.take() else {
            return Ok(());
        };
        if renewed.sequence < self.current.sequence || renewed.issued_at() < self.current.issued_at() {
            return Err(TakeInError::Older);
        }
        // A revoked key stays revoked.
        for (kid, at) in &self.current.keys {
            renewed.revoke(*kid, *at);
        }
        self.current = renewed;
        Ok(())
    }

    /// Whether the list may be relied on: it was complete, and is not too old. Before the issue of the list nothing is known either: a door
    /// whose clock was set back does not make an old list new.
    pub fn is_current(&self, now: Timestamp) -> bool {
        self.current.reliable.is_some_and(|(from, until)| {
            from <= now.plus_seconds(CLOCK_TOLERANCE_SECONDS)
                && now < until.plus_seconds(CLOCK_TOLERANCE_SECONDS)
        })
    }

    /// Whether the list has this token, or, at a rate that the README states, one that cannot be told from it.
    pub fn has_token(&self, id: &TokenId) -> bool {
        let lists = std::iter::once(&self.current).chain(&self.renewed);
        lists
            .filter(|list| !list.tokens.is_empty())
            .any(|list| list.tokens.contains(&fingerprint(&list.salt, id.as_bytes())))
    }

    /// Whether the list has this key.
    pub fn has_key(&self, kid: Kid, now: Timestamp) -> bool {
        let lists = std::iter::once(&self.current).chain(&self.renewed);
        lists
            .filter_map(|list| list.keys.get(&kid))
            .any(|revoked_at| *revoked_at <= now.plus_seconds(CLOCK_TOLERANCE_SECONDS))
    }
}

impl List {
    fn issued_at(&self) -> Option<Timestamp> {
        self.reliable.map(|(from, _)| from)
    }

    fn revoke(&mut self, kid: Kid, at: Timestamp) {
        let known = self.keys.entry(kid).or_insert(at);
        *known = at.min(*known);
    }

    fn extend(&mut self, part: &RevocationPart) -> Result<Progress, TakeInError> {
        if part.after() > self.sequence {
            return Err(TakeInError::Gap(self.sequence));
        }
        if part.through() < self.sequence {
            return Err(TakeInError::Older);
        }
        if self.sequence > 0 && part.salt() != &self.salt {
            return Err(TakeInError::OtherSalt);
        }
        self.salt = *part.salt();
        self.sequence = part.through();
        self.tokens.extend(part.tokens());
        for (kid, at) in part.keys() {
            self.revoke(*kid, *at);
        }
        if !part.is_last() {
            return Ok(Progress::More(self.sequence));
        }
        let issued_at = part.issued_at();
        // A part of before, which somebody plays again, does not shorten anything.
        if self.issued_at() < Some(issued_at) {
            self.reliable = Some((issued_at, part.reliable_until()));
        }
        Ok(Progress::Complete)
    }
}
