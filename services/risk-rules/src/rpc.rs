//! The contract of risk-rules on the handler traits that are made from it: parse, call, map.

mod approval;
pub mod designations;
mod names;
pub mod operations;
