//! What risk-rules promises over its contract, on both engines. Code-rendering is a fake that remembers what was applied and
//! can be away.

#![allow(clippy::unwrap_used)]

mod areas;
mod bad_input;
mod decisions;
mod designations;
mod history;
mod jurisdiction;
mod mesh;
mod operations;
mod people;
mod placement;
mod recomparison;
mod refusals;
mod rollback;
mod rule_sets;
mod watching;
