//! Evidence of an exchange: a file that proves what was asked and answered, by whom and when, to somebody who has neither this database nor a
//! network. It holds the signed headers, the trust list that admitted the partner's key, and the records from each message to a signed head.
//!
//! A verifier needs two things that are not in the file: the root keys of trust lists and the key of our messages.

mod bundle;
mod check;
#[cfg(test)]
mod tests;
mod verification;

pub use bundle::{Bundle, Part, Row};
pub use check::{BrokenEvidence, Check, Place};
pub use verification::{Anchors, Proof, ProvenMessage, verify};
