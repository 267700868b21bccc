//! What turns facts into a colour: DOMAIN 4 and 5, pure. No clock, no I/O; everything is an argument.

pub mod approval;
pub mod area;
pub mod attributes;
pub mod case_file;
pub mod correction;
pub mod designation;
pub mod evaluate;
pub mod explanation;
pub mod fact;
pub mod history;
pub mod key_area;
pub mod legal_basis;
pub mod merged;
pub mod notice;
pub mod packed;
pub mod recomparison;
pub mod rollback;
pub mod rule_change;
pub mod rule_set;
pub mod set_digest;
