//! The server side: the guard around every service, and the listener with its limits.

mod body_capture;
mod concurrency;
mod guard;
mod handshake;
mod listen;
mod message;
mod preface;
mod recording;
mod stream_deadline;
mod unread;

pub use concurrency::{ConcurrencyLimit, ConcurrencySlot};
pub use guard::{GuardConfig, ServiceRouter};
pub use listen::{ListenConfig, Listener, TransportSecurity};
pub use message::{
    MESSAGE_PATIENCE, MessageBytes, STREAM_PATIENCE, SilenceWatch, read_message, watch_for_silence,
};
pub use unread::stream_ended;
