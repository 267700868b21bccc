//! Clients of other services.

pub mod card_platform;
pub mod code_log;
pub mod code_rendering;
pub mod declaration_log;
pub mod real_name;
