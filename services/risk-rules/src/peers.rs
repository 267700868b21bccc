//! Clients of other services.

pub mod code_rendering;
pub mod declaration_log;
pub mod feeds;
pub mod identity_log;
