//! The trust list. Pure.

pub mod trust_list;
