//! Serving: the guard that every call of every service passes, and the listener with its limits.

mod guard;
mod listen;
mod opening;
mod recorded;

pub use guard::{AuditSink, CallRecord, GuardConfig, ServiceRouter};
pub use listen::{ListenConfig, Listener, TransportSecurity};
