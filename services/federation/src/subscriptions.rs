//! What is told to partners about our codes, and what they tell about theirs: PullChanges, CompareCodes, AcknowledgeChanges, NotifyChanges.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
