//! Rows of fact files: the proto JSON of `FactRow`, read by the tables, so that every violation is named by its path. What a
//! row said is not repeated but for names of fields.

use lutong_kernel::Violation;
use lutong_kernel::fault::Violations;
use serde_json::{Map, Value as Json};

use super::text::{instant, not_a_number};
use super::{Attribute, FactKind, Given, Shape, fact};
use crate::declaration::v1::FactRow;
use crate::declaration::v1::fact_row::{Statement, Subject};
use crate::types::v1::{Correction, Document, DocumentType, Fact, Retraction};

/// Characters of a field's name that are repeated.
const MAX_NAME: usize = 40;

/// Reads a row out of its JSON text.
pub fn read_row_text(text: &str) -> Result<FactRow, Vec<Violation>> {
    let json: Json = serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        vec![Violation::new(
            "",
            "NOT_JSON",
            format!("不是JSON（第{line}行第{column}列）"),
            format!("is no JSON (line {line}, column {column})"),
        )]
    })?;
    read_row(&json)
}

/// Reads a row, or everything that keeps it from being one. Bounds are the reader's matter.
pub fn read_row(json: &Json) -> Result<FactRow, Vec<Violation>> {
    let mut reader = Reader(Violations::new());
    let row = reader.row(json);
    match reader.0.finish() {
        Ok(()) => Ok(row),
        Err(fault) => Err(fault.violations),
    }
}

struct Reader(Violations);

impl Reader {
    fn row(&mut self, json: &Json) -> FactRow {
        let mut row = FactRow::default();
        let Some(map) = self.object(json, "") else {
            return row;
        };
        for (name, value) in present(map) {
            match name {
                "source" => row.source = self.text(value, "source"),
                "key" => row.key = self.text(value, "key"),
                "document" => {
                    let document = Subject::Document(self.document(value));
                    self.one_of(&mut row.subject, document, "document");
                }
                "subject_id" | "subjectId" => {
                    let subject = Subject::SubjectId(self.text(value, "subject_id"));
                    self.one_of(&mut row.subject, subject, "subject_id");
                }
                "fact" => {
                    let fact = Statement::Fact(self.fact(value, "fact"));
                    self.one_of(&mut row.statement, fact, "fact");
                }
                "correction" => {
                    let correction = Statement::Correction(self.correction(value));
                    self.one_of(&mut row.statement, correction, "correction");
                }
                "retraction" => {
                    let retraction = Statement::Retraction(self.retraction(value));
                    self.one_of(&mut row.statement, retraction, "retraction");
                }
                other => self.unknown("", other),
            }
        }
        row
    }

    fn document(&mut self, json: &Json) -> Document {
        let mut document = Document::default();
        let Some(map) = self.object(json, "document") else {
            return document;
        };
        for (name, value) in present(map) {
            match name {
                "type" => {
                    let known = match value {
                        Json::String(name) => DocumentType::from_str_name(name).map(i32::from),
                        Json::Number(number) => number.as_i64().and_then(|number| i32::try_from(number).ok()),
                        _ => None,
                    };
                    match known {
                        Some(number) => document.r#type = number,
                        None => self.wrong(
                            "document.type",
                            "UNKNOWN_VALUE",
                            "应为DocumentType中的一个值",
                            "is one of the names of DocumentType",
                        ),
                    }
                }
                "number" => document.number = self.text(value, "document.number"),
                "issuing_country" | "issuingCountry" => {
                    document.issuing_country = self.text(value, "document.issuing_country");
                }
                other => self.unknown("document", other),
            }
        }
        document
    }

    fn correction(&mut self, json: &Json) -> Correction {
        let mut correction = Correction::default();
        let Some(map) = self.object(json, "correction") else {
            return correction;
        };
        for (name, value) in present(map) {
            match name {
                "replaces_key" | "replacesKey" => {
                    correction.replaces_key = self.text(value, "correction.replaces_key");
                }
                "fact" => correction.fact = Some(self.fact(value, "correction.fact")),
                other => self.unknown("correction", other),
            }
        }
        correction
    }

    fn retraction(&mut self, json: &Json) -> Retraction {
        let mut retraction = Retraction::default();
        let Some(map) = self.object(json, "retraction") else {
            return retraction;
        };
        for (name, value) in present(map) {
            match name {
                "retracts_key" | "retractsKey" => {
                    retraction.retracts_key = self.text(value, "retraction.retracts_key");
                }
                "reason" => retraction.reason = self.text(value, "retraction.reason"),
                other => self.unknown("retraction", other),
            }
        }
        retraction
    }

    fn fact(&mut self, json: &Json, at: &str) -> Fact {
        let mut read = Fact::default();
        let Some(map) = self.object(json, at) else {
            return read;
        };
        for (name, value) in present(map) {
            let kind = FactKind::ALL
                .into_iter()
                .find(|kind| kind.as_str() == name || is_camel(kind.as_str(), name));
            let Some(kind) = kind else {
                self.unknown(at, name);
                continue;
            };
            let here = format!("{at}.{kind}");
            let values = self.attributes(kind, value, &here);
            if let Some(kind) = fact(kind, values).kind {
                self.one_of(&mut read.kind, kind, &here);
            }
        }
        read
    }

    fn attributes<'a>(&mut self, kind: FactKind, json: &'a Json, at: &str) -> Vec<Option<Given<'a>>> {
        let table = kind.attributes();
        let mut values = vec![None; table.len()];
        let Some(map) = self.object(json, at) else {
            return values;
        };
        for (name, value) in present(map) {
            let index = table.iter().position(|one| one.field == name || one.json == name);
            let Some((index, attribute)) = index.and_then(|index| Some((index, table.get(index)?))) else {
                self.unknown(at, name);
                continue;
            };
            match attribute.read_json(value, at) {
                Ok(given) => values[index] = given,
                Err(wrong) => self.0.push(wrong),
            }
        }
        values
    }

    fn object<'a>(&mut self, json: &'a Json, at: &str) -> Option<&'a Map<String, Json>> {
        let map = json.as_object();
        if map.is_none() {
            self.wrong(at, "NOT_AN_OBJECT", "应为对象", "is an object");
        }
        map
    }

    fn text(&mut self, json: &Json, at: &str) -> String {
        json.as_str().map(str::to_owned).unwrap_or_else(|| {
            self.wrong(at, "NOT_TEXT", "应为文本", "is text");
            String::new()
        })
    }

    /// Of a choice one member only.
    fn one_of<T>(&mut self, slot: &mut Option<T>, value: T, at: &str) {
        if slot.replace(value).is_some() {
            self.wrong(
                at,
                "ONE_OF",
                "与另一项只能填写一项",
                "excludes the other member: one of them only",
            );
        }
    }

    fn unknown(&mut self, at: &str, name: &str) {
        let name: String = name.chars().take(MAX_NAME).collect();
        let field = if at.is_empty() {
            name
        } else {
            format!("{at}.{name}")
        };
        self.wrong(&field, "UNKNOWN_FIELD", "没有这个字段", "there is no such field");
    }

    fn wrong(&mut self, at: &str, reason: &'static str, zh: &str, en: &str) {
        self.0.push(Violation::new(at, reason, zh, en));
    }
}

/// `null` says that a field is absent.
fn present(map: &Map<String, Json>) -> impl Iterator<Item = (&str, &Json)> {
    map.iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.as_str(), value))
}

/// Whether `camel` is the JSON name of a field.
fn is_camel(field: &str, camel: &str) -> bool {
    let mut parts = field.split('_');
    let mut rest = camel;
    let Some(first) = parts.next() else { return false };
    let Some(after) = rest.strip_prefix(first) else {
        return false;
    };
    rest = after;
    for part in parts {
        let upper = part[..1].to_uppercase();
        let Some(after) = rest
            .strip_prefix(&upper)
            .and_then(|rest| rest.strip_prefix(&part[1..]))
        else {
            return false;
        };
        rest = after;
    }
    rest.is_empty()
}

impl Attribute {
    /// A value of proto JSON; words by their names in the contract, or as numbers.
    fn read_json<'a>(&self, json: &'a Json, at: &str) -> Result<Option<Given<'a>>, Violation> {
        let field = || format!("{at}.{}", self.field);
        let text = || {
            let text = json.as_str();
            text.ok_or_else(|| Violation::new(field(), "NOT_TEXT", "应为文本", "is text"))
        };
        match self.shape {
            Shape::Instant => instant(&field(), text()?).map(Some),
            Shape::Word(_) => {
                Ok(Some(Given::Word(self.number(json, &field())?)).filter(|one| *one != Given::Word(0)))
            }
            Shape::Words(_) => {
                let list = json
                    .as_array()
                    .ok_or_else(|| Violation::new(field(), "NOT_A_LIST", "应为列表", "is a list"))?;
                let numbers = (0..)
                    .zip(list)
                    .map(|(n, one): (usize, _)| self.number(one, &format!("{}[{n}]", field())));
                Ok(Some(Given::Words(numbers.collect::<Result<_, _>>()?)))
            }
            Shape::Number { .. } => match json.as_f64() {
                Some(number) => Ok(Some(Given::Number(number))),
                None => Err(not_a_number(&field())),
            },
            Shape::Id
            | Shape::Division
            | Shape::Community(_)
            | Shape::CountryAbroad
            | Shape::Province
            | Shape::Text(_) => {
                let text = text()?;
                Ok((!text.is_empty()).then(|| Given::Text(text.into())))
            }
        }
    }

    fn number(&self, json: &Json, at: &str) -> Result<i32, Violation> {
        let known = match json {
            Json::String(name) => name.strip_prefix(self.prefix).and_then(|word| {
                let place = self.words().iter().position(|known| {
                    known.len() == word.len()
                        && known
                            .bytes()
                            .zip(word.bytes())
                            .all(|(a, b)| a.to_ascii_uppercase() == b)
                });
                let place = place
                    .map(|place| place + 1)
                    .or((word == "UNSPECIFIED").then_some(0))?;
                i32::try_from(place).ok()
            }),
            Json::Number(number) => number.as_i64().and_then(|number| i32::try_from(number).ok()),
            _ => None,
        };
        known.ok_or_else(|| {
            let words: Vec<_> = self
                .words()
                .iter()
                .map(|word| format!("{}{}", self.prefix, word.to_uppercase()))
                .collect();
            Violation::new(
                at,
                "UNKNOWN_VALUE",
                format!("应为以下之一：{}", words.join("、")),
                format!("is one of {}", words.join(", ")),
            )
        })
    }
}
