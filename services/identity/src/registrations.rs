//! Registrations: which account may hold whose code, and what it has to prove first.

pub mod channel_accounts;
pub mod confirmation;
mod counter;
pub mod domain;
mod organisations;
pub mod rpc;
pub mod service;
pub mod store;
pub mod waiting;
