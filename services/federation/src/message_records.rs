//! The record of what crossed the border: ListMessageRecords, GetMessageRecord, GetEvidence.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
