#![doc = include_str!("../README.md")]

pub mod area;
pub mod attributes;
pub mod case_file;
pub mod correction;
pub mod evaluate;
pub mod explanation;
pub mod fact;
pub mod legal_basis;
pub mod merge;
pub mod notice;
pub mod packed;
pub mod rule_set;
pub mod set_digest;
