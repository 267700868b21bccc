//! Versions of the commitment that applicants accept.

pub mod domain;
pub mod rpc;
