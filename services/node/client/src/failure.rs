//! How a command fails.

use lutong_kernel::Fault;

use crate::output::{in_language, of_both};

/// A command that did not do what it was asked to.
#[derive(Debug)]
pub enum Failure {
    /// Said already.
    Failed,
    /// What to say.
    Because(String),
    /// A file or an argument is wrong.
    Input(String),
}

impl<E: std::error::Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let known: &(dyn std::error::Error + 'static) = &error;
        Self::Because(match known.downcast_ref::<Fault>() {
            Some(fault) => format!("{}: {}", fault.reason, in_language(&fault.zh, &fault.en)),
            None => of_both(&error.to_string()),
        })
    }
}
