//! The values of a fact between its message and whatever else holds them.

use prost_types::Timestamp;

use crate::time;

/// A value as it was given: within no bounds yet.
#[derive(Debug, Clone, PartialEq)]
pub enum Given<'a> {
    /// UTC microseconds.
    Instant(i64),
    /// The number of a word in its enum: from 1.
    Word(i32),
    Words(Vec<i32>),
    Number(f64),
    Text(std::borrow::Cow<'a, str>),
}

pub(super) fn instant(at: Option<&Timestamp>) -> Option<Given<'static>> {
    at.map(|at| Given::Instant(time::to_micros(at)))
}

/// 0 says nothing.
pub(super) fn word(number: i32) -> Option<Given<'static>> {
    (number != 0).then_some(Given::Word(number))
}

/// A list says something even when it is empty: none of them.
#[allow(clippy::unnecessary_wraps)] // one form for all values
pub(super) fn words(numbers: &[i32]) -> Option<Given<'static>> {
    Some(Given::Words(numbers.to_vec()))
}

pub(super) fn number(number: Option<f64>) -> Option<Given<'static>> {
    number.map(Given::Number)
}

pub(super) fn text(text: &str) -> Option<Given<'_>> {
    (!text.is_empty()).then_some(Given::Text(text.into()))
}

pub(super) fn take_instant(given: Option<Given<'_>>) -> Option<Timestamp> {
    match given {
        Some(Given::Instant(micros)) => Some(time::from_micros(micros)),
        _ => None,
    }
}

pub(super) fn take_word(given: Option<Given<'_>>) -> i32 {
    match given {
        Some(Given::Word(number)) => number,
        _ => 0,
    }
}

pub(super) fn take_words(given: Option<Given<'_>>) -> Vec<i32> {
    match given {
        Some(Given::Words(numbers)) => numbers,
        _ => Vec::new(),
    }
}

pub(super) fn take_number(given: Option<Given<'_>>) -> Option<f64> {
    match given {
        Some(Given::Number(number)) => Some(number),
        _ => None,
    }
}

pub(super) fn take_text(given: Option<Given<'_>>) -> String {
    match given {
        Some(Given::Text(text)) => text.into_owned(),
        _ => String::new(),
    }
}
