//! Migration steps of the tables that this crate keeps in a service's database. A service lists those it uses.

use crate::{Step, step};

/// For field encryption ([`crate::crypto::FieldCipher`]).
pub const DATA_KEYS: Step = step!("data_keys_0001");
/// For idempotent requests ([`crate::idempotency`]).
pub const IDEMPOTENCY: Step = step!("idempotency_0001");
/// For a producer ([`crate::outbox::Outbox`]).
pub const OUTBOX: Step = step!("outbox_0001");
/// For a follower ([`crate::outbox::Follower`]).
pub const FOLLOWED: Step = step!("followed_0001");
