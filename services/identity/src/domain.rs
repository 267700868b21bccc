//! Who a person is, as they state it, and what an account may be. Pure.

pub mod account;
pub mod merge;
pub mod person;
