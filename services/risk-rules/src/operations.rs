//! Operations: bringing decisions into force when code-rendering was unavailable, and ending the work of cancelled operations.

pub mod rpc;
pub mod service;
pub mod store;
