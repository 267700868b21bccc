//! Serving: the guard that every call of every service passes, and the listener with its limits.

mod ending;
mod guard;
mod handshake;
mod listen;
mod message;
mod opening;
mod recorded;
mod recording;
mod under_way;
mod unread;

pub use guard::{GuardConfig, ServiceRouter};
pub use listen::{ListenConfig, Listener, TransportSecurity};
pub use message::{MESSAGE_PATIENCE, MessageBytes, STREAM_PATIENCE, SilenceWatch, attend, read_message};
pub use under_way::{Place, UnderWay};
pub use unread::stream_ended;
