//! Serving: the guard that every call of every service passes, and the listener with its limits.

mod guard;
mod listen;
mod opening;
mod recorded;
mod recording;

pub use guard::{GuardConfig, ServiceRouter};
pub use listen::{ListenConfig, Listener, TransportSecurity};
pub use recording::{AuditSink, CallRecord};
