//! How a command fails.

use lutong_kernel::Fault;

use crate::output::{in_language, pick_language};

/// Why a command failed.
#[derive(Debug)]
pub enum Failure {
    /// The reason was already printed.
    Failed,
    /// The reason to print.
    Because(String),
    /// A file or an argument is invalid.
    Input(String),
}

impl<E: std::error::Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let known: &(dyn std::error::Error + 'static) = &error;
        Self::Because(match known.downcast_ref::<Fault>() {
            Some(fault) => format!("{}: {}", fault.reason, in_language(&fault.zh, &fault.en)),
            None => pick_language(&error.to_string()),
        })
    }
}
