//! A device of a checkpoint: how it stands, and which of its credentials may be used.

use std::time::Duration;

use lutong_kernel::{Channel, CheckpointDeviceId, CheckpointId, Timestamp};
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::checkpoints::domain::is_silent;

/// Devices of one checkpoint that may be active at the same time.
pub const MAX_ACTIVE: u64 = 50;
/// Credentials of one device that may wait to be used: answers of exchanges that were lost.
pub const MAX_UNUSED: usize = 16;

/// A keyed hash of a credential.
pub type CredentialHash = [u8; 32];

/// A device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointDevice {
    pub id: CheckpointDeviceId,
    /// Where it is; it never moves.
    pub checkpoint: CheckpointId,
    pub label: String,
    pub created_at: Timestamp,
    pub heard_at: Option<Timestamp>,
    pub end: Option<End>,
    /// Number of the last credential that was issued.
    pub generation: i64,
}

/// The end of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    pub at: Timestamp,
    pub reason: EndReason,
}

/// Why a device was ended. The text is that of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum EndReason {
    Officer,
    CheckpointEnded,
    CredentialReused,
}

/// How a device stands, by the contract's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum State {
    Active,
    Ended,
}

impl State {
    /// Whether it may be ended.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Active)
    }
}

impl CheckpointDevice {
    pub const fn state(&self) -> State {
        match self.end {
            None => State::Active,
            Some(_) => State::Ended,
        }
    }

    /// Whether nothing was heard of it for a span.
    pub fn is_silent(&self, now: Timestamp, span: Duration) -> bool {
        self.state().is_active() && is_silent(self.heard_at, self.created_at, now, span)
    }
}

/// The device whose account this is.
pub fn of_account(account: &str) -> Option<CheckpointDeviceId> {
    account
        .strip_prefix(&Channel::Device.account_prefix())?
        .parse()
        .ok()
}

/// A credential that a device may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredCredential {
    /// 1 of the first one of a device.
    pub generation: i64,
    pub hash: CredentialHash,
    /// Whether it was used: it is kept until one of those that were issued for it is used.
    pub is_used: bool,
}

/// What the use of a credential means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// The first use: it takes the place of all others.
    First,
    /// The answer to its first use was lost.
    Again,
    /// It was replaced by one that has been used since: two hold a copy.
    Replaced,
    /// It was never issued here.
    Unknown,
}

/// What it means that a credential is used that this service has made, of which it stores `stored` and has issued so many.
pub fn judge(presented: (i64, CredentialHash), stored: &[StoredCredential], issued: i64) -> Use {
    let (generation, hash) = presented;
    let found = stored
        .iter()
        .find(|one| one.generation == generation && one.hash == hash);
    match found {
        Some(one) if one.is_used => Use::Again,
        Some(_) => Use::First,
        None if generation <= issued => Use::Replaced,
        // Of a database that was restored from a backup since.
        None => Use::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(generation: i64, is_used: bool) -> StoredCredential {
        StoredCredential {
            generation,
            hash: [u8::try_from(generation).unwrap(); 32],
            is_used,
        }
    }

    #[test]
    fn a_credential_is_good_until_one_that_was_issued_for_it_was_used() {
        // The second was used, and two answers were issued for it.
        let kept = [stored(2, true), stored(3, false), stored(4, false)];
        for (generation, expected) in [
            (1, Use::Replaced),
            (2, Use::Again),
            (3, Use::First),
            (4, Use::First),
            (5, Use::Unknown),
        ] {
            let hash = [u8::try_from(generation).unwrap(); 32];
            assert_eq!(judge((generation, hash), &kept, 4), expected, "{generation}");
        }
        // Another secret under a number that is kept.
        assert_eq!(judge((3, [9; 32]), &kept, 4), Use::Replaced);
    }

    #[test]
    fn a_device_is_known_by_its_account_and_nobody_else_is_one() {
        let id = "00000000-0000-7000-8000-000000000001";
        let found = of_account(&format!("device:{id}"));
        assert_eq!(found.map(|id| id.to_string()).as_deref(), Some(id));
        for other in ["door-1", "device:", "device:1", "device-1", id, "wechat:1"] {
            assert_eq!(of_account(other), None, "{other}");
        }
    }

    #[test]
    fn the_state_in_which_it_may_be_ended_is_that_of_the_contract() {
        let rpc = "lutong.code_rendering.v1.CheckpointDeviceService/EndCheckpointDevice";
        let stated = lutong_proto::transitions::of_rpc(lutong_proto::descriptor_pool(), rpc).unwrap();
        let possible: Vec<&str> = State::VARIANTS
            .iter()
            .filter(|state| state.is_active())
            .map(State::into_str)
            .collect();
        assert_eq!(possible, stated.from_states);
    }
}
