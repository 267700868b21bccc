//! Why a JSON body does not fit its message: every field at once, and never its value, which may be personal.

use std::collections::HashMap;

use lutong_kernel::{Timestamp, Violation};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

use super::strict::{is_known_name, unknown_value};
use super::{echo::echo, field_named};
use crate::fault::transcode as fault;

/// The most violations that are reported.
const MOST: usize = 50;

/// What is wrong with `value` as a `message`.
pub fn violations(message: &MessageDescriptor, value: &Value) -> Vec<Violation> {
    let mut found = Violations(Vec::new());
    found.message(message, value, "");
    found.0.truncate(MOST);
    found.0
}

struct Violations(Vec<Violation>);

impl Violations {
    fn wrong(&mut self, path: &str, zh: &str, en: &str) {
        self.0.push(fault::wrong_type(path, zh, en));
    }

    fn message(&mut self, message: &MessageDescriptor, value: &Value, path: &str) {
        if self.0.len() >= MOST {
            return;
        }
        if message.full_name().starts_with("google.protobuf.") {
            self.well_known(message.full_name(), value, path);
            return;
        }
        match value {
            Value::Object(map) => self.fields(message, map, path),
            _ => self.wrong(path, "应为对象", "is an object"),
        }
    }

    fn fields(&mut self, message: &MessageDescriptor, map: &Map<String, Value>, path: &str) {
        let mut chosen: HashMap<String, String> = HashMap::new();
        for (key, value) in map {
            let here = join(path, &echo(key));
            let Some(field) = field_named(message, key) else {
                self.0.push(fault::unknown_field(here));
                continue;
            };
            if value.is_null() {
                continue;
            }
            if let Some(oneof) = field.containing_oneof().filter(|oneof| !oneof.is_synthetic())
                && let Some(other) = chosen.insert(oneof.name().to_owned(), here.clone())
            {
                self.0.push(fault::one_of(&here, &other));
            }
            self.field(&field, value, &here);
        }
    }

    fn field(&mut self, field: &FieldDescriptor, value: &Value, path: &str) {
        if field.is_map() {
            let Value::Object(map) = value else {
                self.wrong(path, "应为对象", "is an object");
                return;
            };
            if let Some(entry) = field.kind().as_message() {
                let kind = entry.map_entry_value_field().kind();
                for (key, value) in map {
                    self.kind(&kind, value, &join(path, &echo(key)));
                }
            }
        } else if field.is_list() {
            let Value::Array(values) = value else {
                self.wrong(path, "应为数组", "is an array");
                return;
            };
            for (at, value) in values.iter().enumerate() {
                self.kind(&field.kind(), value, &format!("{path}[{at}]"));
            }
        } else {
            self.kind(&field.kind(), value, path);
        }
    }

    fn kind(&mut self, kind: &Kind, value: &Value, path: &str) {
        match kind {
            Kind::Message(message) => self.message(message, value, path),
            Kind::String if !value.is_string() => self.wrong(path, "应为字符串", "is a string"),
            Kind::Bool if !value.is_boolean() => self.wrong(path, "应为 true 或 false", "is true or false"),
            Kind::Bytes if !value.is_string() => {
                self.wrong(path, "应为Base64字符串", "is a string of base64");
            }
            Kind::Enum(names) => {
                let known = match value {
                    Value::String(name) => is_known_name(names, name),
                    Value::Number(number) => is_known_name(names, &number.to_string()),
                    _ => false,
                };
                if !known {
                    self.0.push(unknown_value(path, names));
                }
            }
            Kind::Double | Kind::Float if !is_number::<f64>(value) => {
                self.wrong(path, "应为数字", "is a number");
            }
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 if !is_number::<i32>(value) => {
                self.wrong(path, "应为32位整数", "is a 32-bit integer");
            }
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 if !is_number::<i64>(value) => {
                self.wrong(path, "应为64位整数", "is a 64-bit integer");
            }
            Kind::Uint32 | Kind::Fixed32 if !is_number::<u32>(value) => {
                self.wrong(path, "应为32位非负整数", "is a 32-bit integer of zero or more");
            }
            Kind::Uint64 | Kind::Fixed64 if !is_number::<u64>(value) => {
                self.wrong(path, "应为64位非负整数", "is a 64-bit integer of zero or more");
            }
            _ => {}
        }
    }

    fn well_known(&mut self, name: &str, value: &Value, path: &str) {
        match name {
            "google.protobuf.Timestamp"
                if value.as_str().is_none_or(|text| Timestamp::parse(text).is_err()) =>
            {
                self.wrong(
                    path,
                    "应为带时区的RFC 3339时间",
                    "is an instant in RFC 3339 with an offset",
                );
            }
            "google.protobuf.Struct" if !value.is_object() => self.wrong(path, "应为对象", "is an object"),
            "google.protobuf.Duration" if !value.is_string() => {
                self.wrong(path, "应为时长，例如 1.5s", "is a duration such as 1.5s");
            }
            _ => {}
        }
    }
}

/// A JSON number of the kind, or a string of one, as proto JSON allows.
fn is_number<T: std::str::FromStr>(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.to_string().parse::<T>().is_ok(),
        Value::String(text) => text.parse::<T>().is_ok(),
        _ => false,
    }
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
    use serde_json::json;

    fn wrong(message: &str, value: &Value) -> Vec<String> {
        let message = lutong_proto::descriptor_pool()
            .get_message_by_name(message)
            .unwrap();
        violations(&message, value)
            .iter()
            .map(|violation| format!("{} {}", violation.field, violation.reason))
            .collect()
    }

    #[test]
    fn every_place_that_does_not_fit_is_named_by_its_path() {
        let body = json!({
            "request_id": 7,
            "form": {
                "person": {"document": {"type": "RESIDENT", "nummer": "x"}},
                "contactHistory": [{"contact_date": "2022-01-01"}, {"contact_date": false}, 3],
                "commitment": {"accepted": "yes"},
            },
        });
        assert_eq!(
            wrong("lutong.declaration.v1.CreateApplicationRequest", &body),
            [
                "form.commitment.accepted WRONG_TYPE",
                "form.contactHistory[1].contact_date WRONG_TYPE",
                "form.contactHistory[2] WRONG_TYPE",
                "form.person.document.nummer UNKNOWN_FIELD",
                "form.person.document.type UNKNOWN_VALUE",
                "request_id WRONG_TYPE",
            ]
        );
    }

    #[test]
    fn two_of_a_oneof_are_refused() {
        let body = json!({"form": {"partner_code": {}, "overseas": {}}});
        assert_eq!(
            wrong("lutong.declaration.v1.CreateArrivalRequest", &body),
            ["form.partner_code ONE_OF"]
        );
    }

    #[test]
    fn what_was_sent_is_never_repeated() {
        let message = lutong_proto::descriptor_pool()
            .get_message_by_name("lutong.types.v1.PersonItems")
            .unwrap();
        let body = json!({"full_name": ["孙小鲁"], "document": {"number": 370_102}});
        for violation in violations(&message, &body) {
            let text = format!("{violation:?}");
            assert!(!text.contains("孙小鲁") && !text.contains("370102"), "{text}");
        }
    }

    #[test]
    fn numbers_may_be_strings_and_must_fit() {
        let message = "lutong.risk_rules.v1.Decision";
        assert!(wrong(message, &json!({"version": "12"})).is_empty());
        assert!(wrong(message, &json!({"version": 12})).is_empty());
        assert_eq!(wrong(message, &json!({"version": 1.5})).len(), 1);
        assert_eq!(
            wrong(message, &json!({"version": "9223372036854775808"})).len(),
            1
        );
        assert_eq!(wrong(message, &json!({"evaluate_time": "2022-03-01"})).len(), 1);
    }
}
