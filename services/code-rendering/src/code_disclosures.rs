//! Codes that are given to other provinces' code systems with the consent of their holders.

pub mod rpc;
