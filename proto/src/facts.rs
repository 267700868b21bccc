//! Facts as the contract describes them (`lutong/types/v1/facts.proto`): tables of kinds and attributes, made by
//! `generate/facts.rs` out of the options of its fields, and what reads and writes facts by these tables. Plain data and
//! kernel words only: the domain of risk-rules stands on it.

mod given;
mod json;
mod text;

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use crate::types::v1::Fact;
use crate::types::v1::fact::Kind;
pub use given::Given;
pub use json::{read_row, read_row_text};
pub use text::from_attributes;

/// The generated tables.
mod generated {
    // Generated code is not held to the lints of written code.
    #![allow(clippy::all, clippy::pedantic, unused_mut)]

    use super::{Attribute, Fact, Given, Kind, Label, Reporting, Shape, given};

    include!(concat!(env!("OUT_DIR"), "/facts.rs"));

    /// The fact of a kind with these values, in the order of its table.
    pub fn fact<'a>(kind: FactKind, values: impl IntoIterator<Item = Option<Given<'a>>>) -> Fact {
        let mut values = values.into_iter();
        Fact {
            kind: Some(built(kind, move || values.next().flatten())),
        }
    }
}

pub use generated::{FactKind, KIND_NAMES, fact};

/// What is shown to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    pub zh: &'static str,
    pub en: &'static str,
}

/// Who reports a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reporting {
    /// Whether a feed may be granted it.
    pub reportable: bool,
    /// The authorities of the order that report it.
    pub authorities: &'static [&'static str],
}

/// What an attribute holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// In JSON and CSV, RFC 3339 with an offset.
    Instant,
    /// One of these.
    Word(&'static [&'static str]),
    /// Some of these, possibly none.
    Words(&'static [&'static str]),
    /// UUID, lower case with hyphens: the id of another fact.
    Id,
    /// GB/T 2260 six digits, or the nine-digit street code.
    Division,
    /// A community as the notices write it, of at most so many characters: NFC, trimmed, never empty.
    Community(usize),
    /// GB/T 2659 alpha-3 other than CHN; HKG, MAC and TWN count as abroad.
    CountryAbroad,
    /// GB/T 2260, the first two digits.
    Province,
    /// Bounds included.
    Number { least: f64, greatest: f64 },
    /// 1 to this many characters.
    Text(usize),
}

/// One attribute of a kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attribute {
    /// In rule sets, decision cases, stored facts and CSV.
    pub name: &'static str,
    /// In the contract.
    pub field: &'static str,
    /// In JSON.
    pub json: &'static str,
    pub shape: Shape,
    pub required: bool,
    pub label: Label,
    /// Of each word of its shape, in order.
    pub labels: &'static [Label],
    /// What stands before each word in the contract: `confirmed` is `CASE_STAGE_CONFIRMED`.
    pub prefix: &'static str,
}

/// There is no such kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKind(pub String);

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "there is no fact kind {:?}: a kind is one of {KIND_NAMES}",
            self.0
        )
    }
}

impl std::error::Error for UnknownKind {}

impl FactKind {
    /// Where an attribute stands in the kind's table, by its name in rule sets.
    pub fn index_of(self, name: &str) -> Option<usize> {
        self.attributes()
            .iter()
            .position(|attribute| attribute.name == name)
    }

    /// The field of the contract that an attribute is.
    pub fn field_of(self, name: &str) -> Option<&'static str> {
        let attribute = self.attributes().get(self.index_of(name)?)?;
        Some(attribute.field)
    }
}

impl fmt::Display for FactKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FactKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| UnknownKind(text.chars().take(40).collect()))
    }
}

impl Attribute {
    /// Its words; empty where it holds none.
    pub const fn words(&self) -> &'static [&'static str] {
        match self.shape {
            Shape::Word(words) | Shape::Words(words) => words,
            _ => &[],
        }
    }
}
