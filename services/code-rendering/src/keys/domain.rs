//! The life of a key: announced ahead, signing, verifying what it signed, over.

use std::time::Duration;

use lutong_kernel::Timestamp;
use lutong_token::{KeyUse, VerifyingKey};
use strum::IntoStaticStr;

/// For how long a door may rely on a key list or a revocation list. A door that was without a connection for longer accepts no paper code.
pub const LIST_MAX_AGE: Duration = Duration::from_secs(24 * 3_600);
/// How far ahead a new key is announced at the least: until every door has a list with it, or none that it may rely on.
pub const ANNOUNCED_AHEAD: Duration = LIST_MAX_AGE;
/// For how long a key verifies after its successor has begun to sign: a paper code is valid through the end of the fourteenth day after
/// its day, and a process may still sign with the earlier key for a minute.
pub const OVERLAP: Duration = Duration::from_secs(15 * 24 * 3_600 + 120);

/// The limits of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub not_before: Timestamp,
    /// From when on it verifies nothing.
    pub not_after: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// How a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum KeyState {
    /// Published, and not in force yet.
    Announced,
    /// In force. The newest key of this state signs.
    InForce,
    /// Its successor signs or will; it verifies what it signed.
    Retiring,
    /// It verifies nothing any more.
    Retired,
    /// Nothing that it ever signed is accepted.
    Revoked,
}

impl Limits {
    pub fn state(&self, now: Timestamp) -> KeyState {
        if self.revoked_at.is_some_and(|at| at <= now) {
            return KeyState::Revoked;
        }
        match self.not_after {
            Some(end) if end <= now => KeyState::Retired,
            _ if now < self.not_before => KeyState::Announced,
            Some(_) => KeyState::Retiring,
            None => KeyState::InForce,
        }
    }

    /// Whether it may sign now: the newest of the keys that may does.
    pub fn may_sign(&self, now: Timestamp) -> bool {
        matches!(self.state(now), KeyState::InForce | KeyState::Retiring)
    }
}

/// A key as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatus {
    /// The public half. A door is set up with that of a key for lists.
    pub key: VerifyingKey,
    pub signs: KeyUse,
    pub limits: Limits,
    pub state: KeyState,
}

/// The text of a use in the database and in commands.
pub const fn use_text(signs: KeyUse) -> &'static str {
    match signs {
        KeyUse::Tokens => "TOKENS",
        KeyUse::Lists => "LISTS",
    }
}

/// The use with this text.
pub fn use_of(text: &str) -> Option<KeyUse> {
    [KeyUse::Tokens, KeyUse::Lists]
        .into_iter()
        .find(|signs| use_text(*signs) == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    #[test]
    fn a_key_is_announced_then_in_force_then_retiring_then_retired() {
        let mut limits = Limits {
            not_before: at(100),
            not_after: None,
            revoked_at: None,
        };
        assert_eq!(
            (limits.state(at(99)), limits.may_sign(at(99))),
            (KeyState::Announced, false)
        );
        assert_eq!(
            (limits.state(at(100)), limits.may_sign(at(100))),
            (KeyState::InForce, true)
        );
        limits.not_after = Some(at(200));
        assert_eq!(
            (limits.state(at(199)), limits.may_sign(at(199))),
            (KeyState::Retiring, true)
        );
        assert_eq!(
            (limits.state(at(200)), limits.may_sign(at(200))),
            (KeyState::Retired, false)
        );
        limits.revoked_at = Some(at(150));
        for second in [150, 199, 200, 300] {
            assert_eq!(limits.state(at(second)), KeyState::Revoked);
            assert!(!limits.may_sign(at(second)));
        }
    }

    #[test]
    fn the_overlap_is_longer_than_any_paper_code() {
        let issued = Timestamp::parse("2022-11-26T00:00:00+08:00").unwrap();
        let longest = crate::issued_codes::domain::end_on_paper(issued);
        assert!(longest < issued.plus(OVERLAP));
    }

    #[test]
    fn a_use_is_read_from_its_text() {
        for signs in [KeyUse::Tokens, KeyUse::Lists] {
            assert_eq!(use_of(use_text(signs)), Some(signs));
        }
        assert_eq!(use_of("tokens"), None);
    }
}
