//! The log of revoked paper codes, and the revocation list that doors without a connection take in.

pub mod rpc;
pub mod service;
pub mod store;
