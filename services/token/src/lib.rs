#![doc = include_str!("../README.md")]

mod algorithm;
mod claims;
mod dynamic_id;
mod envelope;
mod issuer;
mod key;
mod kid;
mod mask;
mod trust;
mod verify;

pub use algorithm::Algorithm;
pub use claims::{Claims, ClaimsError, DYNAMIC_LIFE_SECONDS, Kind, TokenId};
pub use dynamic_id::DynamicIdKey;
pub use envelope::{PREFIX, Unreadable, Unverified};
pub use issuer::{Issuer, IssuerError};
pub use key::{KeyError, SignError, SigningKey, VerifyingKey};
pub use kid::Kid;
pub use mask::{Mask, MaskError};
pub use trust::{TrustError, TrustedKey, VerifyingKeys};
pub use verify::{CLOCK_TOLERANCE_SECONDS, Expectations, Outcome, verify};
