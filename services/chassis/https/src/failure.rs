//! Why an outbound call has no usable answer. Holds nothing of the call itself.

use std::error::Error;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    #[error("cannot be reached, or broke off")]
    Unreachable,
    #[error("its certificate is not trusted, or it speaks no TLS")]
    TlsRefused,
    #[error("the whole answer was not there within {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    #[error("sent us elsewhere, which is not followed")]
    Redirected,
    #[error("its answer has more than {0} bytes")]
    TooLarge(usize),
    /// The circuit breaker is open: the peer has not answered for a while, and only one probe a second is let through.
    #[error("has not answered for a while and is not asked")]
    Paused,
}

impl CallFailure {
    /// Whether the peer did not answer at all, as opposed to answering something unusable.
    pub fn is_unanswered(self) -> bool {
        matches!(self, Self::Unreachable | Self::TlsRefused | Self::TimedOut(_))
    }
}

pub(crate) fn of_request(error: &hyper_util::client::legacy::Error) -> CallFailure {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if is_tls(error) {
            return CallFailure::TlsRefused;
        }
        cause = error.source();
    }
    CallFailure::Unreachable
}

/// TLS errors arrive wrapped in `io::Error`.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let hidden = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || hidden.is_some_and(|hidden| hidden.is::<rustls::Error>() || is_tls(hidden))
}
