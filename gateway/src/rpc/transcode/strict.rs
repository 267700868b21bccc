//! Checks that a parser of proto JSON does not make, at any depth of a body: a member that is given twice, also as
//! `request_id` and `requestId` (parsers differ in which one they keep), two members of one oneof, and an enum value that
//! this version does not know or that is UNSPECIFIED.

use std::collections::HashMap;
use std::collections::HashSet;
use std::fmt;

use lutong_kernel::Violation;
use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{echo::echo, field_named};
use crate::fault::transcode as fault;

/// The most violations that are reported.
const MOST: usize = 50;

/// The type of a JSON value, which decides which names are the same member.
#[derive(Clone)]
pub enum Shape {
    Message(MessageDescriptor),
    /// Names are the client's own; the values have a shape.
    Map(Box<Shape>),
    List(Box<Shape>),
    Enum(EnumDescriptor),
    /// Names are what they are.
    Any,
}

impl Shape {
    pub fn of_field(field: &FieldDescriptor) -> Self {
        if field.is_map() {
            let entry = field.kind();
            let values = entry.as_message().map_or(Self::Any, |entry| {
                Self::of_kind(&entry.map_entry_value_field().kind())
            });
            Self::Map(Box::new(values))
        } else if field.is_list() {
            Self::List(Box::new(Self::of_kind(&field.kind())))
        } else {
            Self::of_kind(&field.kind())
        }
    }

    fn of_kind(kind: &Kind) -> Self {
        match kind {
            Kind::Message(message) if !message.full_name().starts_with("google.protobuf.") => {
                Self::Message(message.clone())
            }
            Kind::Enum(names) if names.full_name() != "google.protobuf.NullValue" => {
                Self::Enum(names.clone())
            }
            _ => Self::Any,
        }
    }
}

/// Each violation, with its path. Empty for a body that is not JSON: the parser reports that.
pub fn violations(shape: Shape, body: &[u8]) -> Vec<Violation> {
    let mut found = Vec::new();
    let walk = Walk {
        shape,
        path: String::new(),
        found: &mut found,
        is_null: &mut false,
    };
    match walk.deserialize(&mut serde_json::Deserializer::from_slice(body)) {
        Ok(()) => found,
        Err(_) => Vec::new(),
    }
}

struct Walk<'a> {
    shape: Shape,
    path: String,
    found: &'a mut Vec<Violation>,
    is_null: &'a mut bool,
}

/// A member within one object.
#[derive(PartialEq, Eq, Hash)]
enum Member {
    Field(u32),
    Name(String),
}

impl Walk<'_> {
    /// Which member a name is, and what it holds.
    fn member(&self, name: &str) -> (Member, Shape) {
        let named = |shape| (Member::Name(name.to_owned()), shape);
        match &self.shape {
            Shape::Message(message) => match field_named(message, name) {
                Some(field) => (Member::Field(field.number()), Shape::of_field(&field)),
                None => named(Shape::Any),
            },
            Shape::Map(values) => named(Shape::clone(values)),
            Shape::List(_) | Shape::Enum(_) | Shape::Any => named(Shape::Any),
        }
    }

    fn note(&mut self, violation: Violation) {
        if self.found.len() < MOST {
            self.found.push(violation);
        }
    }

    fn twice(&mut self, path: String) {
        self.note(fault::field_twice(path));
    }

    /// The oneof that a member belongs to.
    fn oneof(&self, name: &str) -> Option<String> {
        let Shape::Message(message) = &self.shape else {
            return None;
        };
        let oneof = field_named(message, name)?.containing_oneof()?;
        (!oneof.is_synthetic()).then(|| oneof.name().to_owned())
    }

    /// Takes an enum's value by its name or number.
    fn value(mut self, known: impl FnOnce(&EnumDescriptor) -> bool) {
        if let Shape::Enum(names) = &self.shape
            && !known(names)
        {
            let violation = unknown_value(&self.path, names);
            self.note(violation);
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        let mut chosen: HashMap<String, String> = HashMap::new();
        while let Some(name) = map.next_key::<String>()? {
            let (member, shape) = self.member(&name);
            let path = join(&self.path, &echo(&name));
            if !seen.insert(member) {
                self.twice(path.clone());
            }
            let mut is_null = false;
            map.next_value_seed(Walk {
                shape,
                path: path.clone(),
                found: self.found,
                is_null: &mut is_null,
            })?;
            // Null is not there.
            if let Some(oneof) = self.oneof(&name).filter(|_| !is_null)
                && let Some(other) = chosen.insert(oneof, path.clone())
                && other != path
            {
                self.note(fault::one_of(&path, &other));
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let shape = match self.shape {
            Shape::List(shape) => *shape,
            Shape::Message(_) | Shape::Map(_) | Shape::Enum(_) | Shape::Any => Shape::Any,
        };
        for at in 0_usize.. {
            let item = Walk {
                shape: shape.clone(),
                path: format!("{}[{at}]", self.path),
                found: self.found,
                is_null: &mut false,
            };
            if items.next_element_seed(item)?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.value(|names| is_known(names, i32::try_from(number).ok()));
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.value(|names| is_known(names, i32::try_from(number).ok()));
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, name: &str) -> Result<(), E> {
        self.value(|names| is_known_name(names, name));
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        *self.is_null = true;
        Ok(())
    }
}

fn is_known(names: &EnumDescriptor, number: Option<i32>) -> bool {
    number.is_some_and(|number| number != 0 && names.get_value(number).is_some())
}

/// Whether a text names a value that a client may send.
pub fn is_known_name(names: &EnumDescriptor, text: &str) -> bool {
    let by_name = names.get_value_by_name(text).map(|value| value.number());
    is_known(names, by_name.or_else(|| text.parse().ok()))
}

/// An enum value that nobody may send.
pub fn unknown_value(path: &str, names: &EnumDescriptor) -> Violation {
    let known: Vec<String> = names
        .values()
        .filter(|value| value.number() != 0)
        .map(|value| value.name().to_owned())
        .collect();
    fault::unknown_value(path, &known.join(", "))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twice(body: &str) -> Vec<String> {
        let message = lutong_proto::descriptor_pool()
            .get_message_by_name("lutong.declaration.v1.CreateApplicationRequest")
            .unwrap();
        let found = violations(Shape::Message(message), body.as_bytes());
        found
            .into_iter()
            .map(|violation| format!("{} {}", violation.field, violation.reason))
            .collect()
    }

    #[test]
    fn a_member_that_comes_twice_is_named_by_its_path_however_deep_and_however_spelled() {
        for (body, fields) in [
            (r#"{"request_id": "a", "form": {}}"#, &[][..]),
            (r#"{"request_id": "a", "request_id": "a"}"#, &["request_id"]),
            (r#"{"requestId": "a", "request_id": "b"}"#, &["request_id"]),
            (
                r#"{"form": {"person": {"full_name": "a", "fullName": "b"}}}"#,
                &["form.person.fullName"],
            ),
            (
                r#"{"form": {"contact_history": [{"contact_date": {}}, {"contact_date": {}, "contact_date": {}}]}}"#,
                &["form.contact_history[1].contact_date"],
            ),
            (r#"{"x": [{"y": {"z": 1, "z": 2}}], "x": 1}"#, &["x[0].y.z", "x"]),
            (r#"{"request\u005fid": "a", "request_id": "b"}"#, &["request_id"]),
            (r#"{"x": 1, "X": 2}"#, &[]),
            (r#"{"孙小鲁": 1, "孙小鲁": 2}"#, &["?"]),
            (r#"{"x": 1, "x": "#, &[]),
            (r"[[1, -1, 1.5, true, null]]", &[]),
        ] {
            let expected: Vec<String> = fields
                .iter()
                .map(|field| format!("{field} DUPLICATE_FIELD"))
                .collect();
            assert_eq!(twice(body), expected, "{body}");
        }
    }

    #[test]
    fn many_repetitions_are_bounded() {
        let body = format!("{{{}}}", vec![r#""x": 1"#; 10_000].join(","));
        assert_eq!(twice(&body).len(), MOST);
    }
}
