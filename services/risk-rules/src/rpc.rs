//! The contract of risk-rules on the handler traits that are made from it: parse, call, map.

pub mod approval;
pub mod areas;
pub mod audit;
pub mod decisions;
pub mod designations;
pub mod event_log;
mod explained;
pub mod history;
pub mod key_areas;
pub mod names;
pub mod operations;
mod places;
pub mod recomparisons;
pub mod rollbacks;
pub mod rule_sets;
mod upload;
