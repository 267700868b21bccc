//! Clients of other services.

pub mod declaration_log;
