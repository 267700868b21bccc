//! Other services, over their contracts.

pub mod code_rendering;
pub mod declaration_log;
pub mod feeds;
pub mod identity_log;
