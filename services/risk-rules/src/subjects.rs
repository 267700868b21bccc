//! Subjects: one row for each, with its packed facts and the standing of its latest decision, and locking of these rows.

pub mod service;
pub mod store;
