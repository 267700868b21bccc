//! Path variables and query parameters as the JSON values that the message is read from.

use lutong_kernel::Violation;
use percent_encoding::percent_decode_str;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

use super::echo::echo;
use super::strict::{is_known_name, unknown_value};
use super::{field_at, field_named};
use crate::fault::transcode as fault;

/// Adds the query's parameters to `whole` and returns their violations. `open`: whether parameters are allowed at all;
/// `bound`: the fields that path or body set.
pub fn read(
    input: &MessageDescriptor,
    query: &str,
    open: bool,
    bound: &[&str],
    whole: &mut Map<String, Value>,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(name), Some(value)) = (decode(name), decode(value)) else {
            violations.push(fault::query_not_utf8());
            continue;
        };
        let known = field_at(input, &name).filter(|field| open && !is_bound(field, &name, bound));
        if known.is_none() {
            violations.push(unknown(&name));
        } else if let Err(violation) = add(input, &name, value, whole) {
            violations.push(violation);
        }
    }
    violations
}

/// Sets a path variable. The body may repeat it. A body with another value is refused, because either could be meant.
pub fn set(
    input: &MessageDescriptor,
    path: &str,
    value: String,
    whole: &mut Map<String, Value>,
) -> Result<(), Violation> {
    let (field, slot) = place(input, path, whole).ok_or_else(|| unknown(path))?;
    let value = scalar(&field, path, value)?;
    let is_set = !slot.is_null() && slot.as_str() != Some("");
    if is_set && text_of(slot) != text_of(&value) {
        return Err(fault::path_differs(path));
    }
    *slot = value;
    Ok(())
}

/// A scalar as text, as a path holds it.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn is_bound(field: &FieldDescriptor, name: &str, bound: &[&str]) -> bool {
    bound.iter().any(|bound| {
        *bound == name
            || (*bound == field.name() && !name.contains('.'))
            || name.starts_with(&format!("{bound}."))
    })
}

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

fn add(
    input: &MessageDescriptor,
    path: &str,
    value: String,
    whole: &mut Map<String, Value>,
) -> Result<(), Violation> {
    let (field, slot) = place(input, path, whole).ok_or_else(|| unknown(path))?;
    let value = scalar(&field, path, value)?;
    if field.is_list() {
        if let Value::Array(values) = slot {
            values.push(value);
        } else {
            *slot = Value::Array(vec![value]);
        }
        return Ok(());
    }
    if !slot.is_null() {
        return Err(fault::parameter_twice(echo(path)));
    }
    *slot = value;
    Ok(())
}

/// The field at a dotted path and its place in the JSON, which is created if necessary.
fn place<'a>(
    input: &MessageDescriptor,
    path: &str,
    whole: &'a mut Map<String, Value>,
) -> Option<(FieldDescriptor, &'a mut Value)> {
    let (head, rest) = path
        .split_once('.')
        .map_or((path, None), |(head, rest)| (head, Some(rest)));
    let field = field_named(input, head)?;
    // camelCase and snake_case name the same field.
    if let Some(sent) = whole.remove(field.json_name()) {
        whole.entry(field.name().to_owned()).or_insert(sent);
    }
    let slot = whole.entry(field.name().to_owned()).or_insert(Value::Null);
    let Some(rest) = rest else {
        return Some((field, slot));
    };
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    place(field.kind().as_message()?, rest, slot.as_object_mut()?)
}

/// Text as the JSON value of the field's kind; proto JSON reads a string for every kind that is not listed here.
fn scalar(field: &FieldDescriptor, path: &str, text: String) -> Result<Value, Violation> {
    if field.is_map() {
        return Err(unknown(path));
    }
    match field.kind() {
        Kind::Bool => match text.as_str() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(fault::wrong_type(
                echo(path),
                "应为 true 或 false",
                "is true or false",
            )),
        },
        Kind::Enum(names) if !is_known_name(&names, &text) => Err(unknown_value(&echo(path), &names)),
        Kind::Enum(_) => Ok(text
            .parse::<i32>()
            .map_or_else(|_| Value::String(text), Value::from)),
        // Instants and durations are strings in JSON; other messages are reached by their fields' paths.
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Timestamp" | "google.protobuf.Duration" => Ok(Value::String(text)),
            _ => Err(unknown(path)),
        },
        _ => Ok(Value::String(text)),
    }
}

fn unknown(name: &str) -> Violation {
    fault::unknown_parameter(echo(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show_code() -> MessageDescriptor {
        lutong_proto::descriptor_pool()
            .get_message_by_name("lutong.code_rendering.v1.ShowCodeRequest")
            .unwrap()
    }

    fn read_query(message: &str, query: &str) -> (Value, Vec<String>) {
        let message = lutong_proto::descriptor_pool()
            .get_message_by_name(message)
            .unwrap();
        let mut whole = Map::new();
        let violations = read(&message, query, true, &[], &mut whole);
        let reasons = violations.iter().map(|v| format!("{} {}", v.field, v.reason));
        (Value::Object(whole), reasons.collect())
    }

    #[test]
    fn parameters_are_read_under_both_spellings_and_by_path() {
        let (value, wrong) = read_query(
            "lutong.code_rendering.v1.ShowCodeRequest",
            "imageFormat=IMAGE_FORMAT_SVG&subject_id=a%20b+c",
        );
        assert_eq!(
            value,
            serde_json::json!({"image_format": "IMAGE_FORMAT_SVG", "subject_id": "a b c"})
        );
        assert!(wrong.is_empty());
        let (value, wrong) = read_query(
            "lutong.declaration.v1.CreateApplicationRequest",
            "form.commitment.accepted=true&form.person.mobile=1",
        );
        assert_eq!(
            value,
            serde_json::json!({"form": {"commitment": {"accepted": true}, "person": {"mobile": "1"}}})
        );
        assert!(wrong.is_empty());
    }

    #[test]
    fn a_repeated_field_takes_several_and_a_single_one_does_not() {
        let (value, wrong) = read_query(
            "lutong.identity.v1.GetNameMasksRequest",
            "subject_ids=a&subject_ids=b",
        );
        assert_eq!(value, serde_json::json!({"subject_ids": ["a", "b"]}));
        assert!(wrong.is_empty());
        let (_, wrong) = read_query(
            "lutong.code_rendering.v1.ShowCodeRequest",
            "subject_id=a&subject_id=b",
        );
        assert_eq!(wrong, ["subject_id PARAMETER_TWICE"]);
    }

    #[test]
    fn what_no_parameter_can_set_is_named() {
        for query in ["colour=red", "subject_id.x=1", "%FF=1"] {
            let (_, wrong) = read_query("lutong.code_rendering.v1.ShowCodeRequest", query);
            assert_eq!(wrong.len(), 1, "{query} {wrong:?}");
        }
        let (_, wrong) = read_query("lutong.declaration.v1.CreateApplicationRequest", "form=x");
        assert_eq!(wrong, ["form UNKNOWN_PARAMETER"]);
        let mut whole = Map::new();
        let bound = read(&show_code(), "subjectId=x", true, &["subject_id"], &mut whole);
        assert_eq!(bound.len(), 1);
        let closed = read(&show_code(), "image_format=1", false, &[], &mut whole);
        assert_eq!(closed.len(), 1);
    }
}
