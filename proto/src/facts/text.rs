//! Values as texts: cells of a CSV file, and attributes by the names of rule sets, as they are stored.

use lutong_kernel::{Timestamp, Violation};
use serde_json::{Map, Value as Json};

use super::{Attribute, FactKind, Given, Shape, fact};
use crate::types::v1::Fact;

impl Attribute {
    /// Reads a cell: words as in rule sets or as in the contract, several separated by `;`.
    pub fn read_cell(&self, cell: &str) -> Result<Given<'static>, Violation> {
        match self.shape {
            Shape::Instant => instant(self.name, cell),
            Shape::Word(_) => self.word(self.name, cell).map(Given::Word),
            Shape::Words(_) => {
                let words = cell.split(';').map(str::trim).filter(|word| !word.is_empty());
                let numbers = words.map(|word| self.word(self.name, word));
                numbers.collect::<Result<_, _>>().map(Given::Words)
            }
            Shape::Number { .. } => cell
                .parse()
                .map(Given::Number)
                .map_err(|_| not_a_number(self.name)),
            Shape::Id
            | Shape::Division
            | Shape::Community(_)
            | Shape::CountryAbroad
            | Shape::Province
            | Shape::Text(_) => Ok(Given::Text(cell.to_owned().into())),
        }
    }

    /// The number of a word, by either of its names.
    pub(super) fn word(&self, field: &str, word: &str) -> Result<i32, Violation> {
        let words = self.words();
        let short = word.strip_prefix(self.prefix).map(str::to_lowercase);
        let short = short.as_deref().unwrap_or(word);
        let number = (1..)
            .zip(words)
            .find_map(|(number, known)| (*known == short).then_some(number));
        number.ok_or_else(|| {
            Violation::new(
                field,
                "UNKNOWN_VALUE",
                format!("应为以下之一：{}", words.join("、")),
                format!("is one of {}", words.join(", ")),
            )
        })
    }
}

pub(super) fn instant(field: &str, text: &str) -> Result<Given<'static>, Violation> {
    match Timestamp::parse(text) {
        Ok(at) => Ok(Given::Instant(at.micros())),
        Err(error) => Err(Violation::new(
            field,
            "INSTANT_SHAPE",
            "时间应为带时区的RFC 3339，例如2022-03-01T18:00:00+08:00",
            error.to_string(),
        )),
    }
}

pub(super) fn not_a_number(field: &str) -> Violation {
    Violation::new(field, "NOT_A_NUMBER", "应为数字", "is a number")
}

/// A fact out of its attributes by the names of rule sets: how facts are stored, and how tests write them. What the kind
/// does not have, or cannot be read, is refused by its name; bounds are the reader's matter.
pub fn from_attributes(kind: FactKind, given: &Map<String, Json>) -> Result<Fact, Vec<Violation>> {
    let mut wrong: Vec<Violation> = given
        .keys()
        .filter(|name| kind.index_of(name).is_none())
        .map(|name| unknown(kind, name))
        .collect();
    let mut values = Vec::with_capacity(kind.attributes().len());
    for attribute in kind.attributes() {
        let value = match given.get(attribute.name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) => attribute.read_cell(text).map(Some),
            Some(Json::Number(number)) => Ok(number.as_f64().map(Given::Number)),
            Some(Json::Array(list)) => {
                let words = list
                    .iter()
                    .map(|one| attribute.word(attribute.name, one.as_str().unwrap_or_default()));
                words
                    .collect::<Result<_, _>>()
                    .map(|numbers| Some(Given::Words(numbers)))
            }
            Some(_) => Err(Violation::new(
                attribute.name,
                "NOT_TEXT",
                "应为文本",
                "is to be text",
            )),
        };
        values.push(value.unwrap_or_else(|violation| {
            wrong.push(violation);
            None
        }));
    }
    if wrong.is_empty() {
        Ok(fact(kind, values))
    } else {
        Err(wrong)
    }
}

pub(super) fn unknown(kind: FactKind, name: &str) -> Violation {
    let known: Vec<_> = kind.attributes().iter().map(|attribute| attribute.name).collect();
    let name: String = name.chars().take(40).collect();
    Violation::new(
        name,
        "UNKNOWN_FIELD",
        format!("{kind}没有该属性，可用：{}", known.join("、")),
        format!("{kind} has no such attribute, only {}", known.join(", ")),
    )
}
