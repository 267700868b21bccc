//! What is stated, and what becomes a fact. Pure.

pub mod contact_history;
pub mod fact_import;
pub mod feed;
pub mod pull;
pub mod statement;
