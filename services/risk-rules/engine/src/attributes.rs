//! Attributes of a fact, read from its message or from the JSON of stored facts and decision cases. The tables of attributes are
//! those of the contract (`lutong_proto::facts`, generated from the options of `lutong/types/v1/facts.proto`).

mod intervals;
mod read;

#[cfg(test)]
mod tests;

use lutong_kernel::{DivisionCode, Timestamp};
use lutong_proto::facts::FactKind;
use serde::{Serialize, Serializer};

pub use intervals::intervals;
pub use lutong_proto::facts::{Attribute, Shape};
pub use read::parse_community;

/// The value of one attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Instant(Timestamp),
    /// One of the words that the attribute allows.
    Word(&'static str),
    /// Some of the words that the attribute allows, in the order of the table.
    Words(Vec<&'static str>),
    Division(DivisionCode),
    /// Degrees Celsius.
    Number(f64),
    Text(String),
}

/// A kind of fact and its attribute values, in the order of the kind's table. The constructors accept only values that the table
/// and the constraints of DOMAIN 4 allow.
#[derive(Debug, Clone, PartialEq)]
pub struct Attributes {
    kind: FactKind,
    values: Vec<Option<Value>>,
}

impl Attributes {
    pub const fn kind(&self) -> FactKind {
        self.kind
    }

    /// The value at an index of the kind's table.
    pub fn at(&self, index: usize) -> Option<&Value> {
        self.values.get(index)?.as_ref()
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.at(self.kind.index_of(name)?)
    }

    pub fn instant(&self, name: &str) -> Option<Timestamp> {
        self.get(name)?.as_instant()
    }

    /// The name of the first attribute whose instant lies after `limit`.
    pub fn instant_after(&self, limit: Timestamp) -> Option<&'static str> {
        let named = self.kind.attributes().iter().zip(&self.values);
        let mut instants =
            named.filter_map(|(attribute, value)| Some((attribute.name, value.as_ref()?.as_instant()?)));
        instants.find(|(_, at)| *at > limit).map(|(name, _)| name)
    }

    /// The canonical form: JSON in the order of the table, instants in local time, absent attributes omitted.
    pub fn canonical(&self) -> String {
        // Names and values are plain data; serialising them cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let named = self.kind.attributes().iter().zip(&self.values);
        serializer.collect_map(named.filter_map(|(attribute, value)| Some((attribute.name, value.as_ref()?))))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Instant(at) => serializer.collect_str(&at.to_rfc3339()),
            Self::Word(word) => serializer.serialize_str(word),
            Self::Words(words) => serializer.collect_seq(words),
            Self::Division(code) => serializer.collect_str(code),
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl Value {
    pub const fn as_instant(&self) -> Option<Timestamp> {
        match self {
            Self::Instant(at) => Some(*at),
            _ => None,
        }
    }
}
