//! Contract tests of risk-rules, on both engines. Code-rendering is a fake that records applied decisions and can be
//! away.

#![allow(clippy::unwrap_used)]

mod areas;
mod decisions;
mod designations;
mod entries;
mod event_log;
mod facts;
mod history;
mod history_verifications;
mod jurisdiction;
mod key_areas;
mod lookups;
mod mesh;
mod operations;
mod people;
mod recomparisons;
mod reliefs;
mod rollbacks;
mod rule_sets;
mod unplaced_areas;
