//! Whom we trust. Pure.

pub mod trust_list;
