//! Other services, over their contracts.

pub mod declaration_log;
