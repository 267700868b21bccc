//! A message as JSON with presence: every field that has none is written, also an empty list, `"0"`, `false` and `""`; an
//! unset message, a member of a oneof that is not chosen and an `optional` field that is not there are absent. An enum that
//! is UNSPECIFIED says nothing and is absent too.

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage as _, SerializeOptions, Value,
};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// How prost-reflect writes the messages of `google.protobuf`, which have a form of their own.
const WELL_KNOWN: SerializeOptions = SerializeOptions::new()
    .use_proto_field_name(true)
    .stringify_64_bit_integers(true);

/// Writes a message.
pub struct Json<'a>(pub &'a DynamicMessage);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let message = self.0.descriptor();
        if message.full_name().starts_with("google.protobuf.") {
            return self.0.serialize_with_options(serializer, &WELL_KNOWN);
        }
        let mut map = serializer.serialize_map(None)?;
        for field in message.fields() {
            if field.supports_presence() && !self.0.has_field(&field) {
                continue;
            }
            let value = self.0.get_field(&field);
            if is_unspecified(&field, &value) {
                continue;
            }
            let kind = field.kind();
            map.serialize_entry(
                field.name(),
                &Item {
                    value: &value,
                    kind: &kind,
                },
            )?;
        }
        map.end()
    }
}

/// UNSPECIFIED is refused in and never given out. A list keeps its places.
fn is_unspecified(field: &FieldDescriptor, value: &Value) -> bool {
    matches!(value, Value::EnumNumber(0)) && !field.supports_presence()
}

struct Item<'a> {
    value: &'a Value,
    kind: &'a Kind,
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::I32(value) => serializer.serialize_i32(*value),
            Value::U32(value) => serializer.serialize_u32(*value),
            // More than JavaScript's numbers hold.
            Value::I64(value) => serializer.collect_str(value),
            Value::U64(value) => serializer.collect_str(value),
            Value::F32(value) => float(f64::from(*value), serializer),
            Value::F64(value) => float(*value, serializer),
            Value::String(value) => serializer.serialize_str(value),
            Value::Bytes(value) => serializer.collect_str(&Base64Display::new(value, &STANDARD)),
            Value::EnumNumber(number) => match self.kind.as_enum().and_then(|names| names.get_value(*number))
            {
                Some(value) => serializer.serialize_str(value.name()),
                // Of a later version than this gateway's.
                None => serializer.serialize_i32(*number),
            },
            Value::Message(message) => Json(message).serialize(serializer),
            Value::List(values) => serializer.collect_seq(values.iter().map(|value| Item {
                value,
                kind: self.kind,
            })),
            Value::Map(values) => {
                let entry = self
                    .kind
                    .as_message()
                    .map(|entry| entry.map_entry_value_field().kind());
                let kind = entry.as_ref().unwrap_or(self.kind);
                serializer.collect_map(values.iter().map(|(key, value)| (Key(key), Item { value, kind })))
            }
        }
    }
}

fn float<S: Serializer>(value: f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_nan() {
        serializer.serialize_str("NaN")
    } else if value.is_infinite() {
        serializer.serialize_str(if value > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        serializer.serialize_f64(value)
    }
}

struct Key<'a>(&'a MapKey);

impl Serialize for Key<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            MapKey::Bool(key) => serializer.collect_str(key),
            MapKey::I32(key) => serializer.collect_str(key),
            MapKey::I64(key) => serializer.collect_str(key),
            MapKey::U32(key) => serializer.collect_str(key),
            MapKey::U64(key) => serializer.collect_str(key),
            MapKey::String(key) => serializer.serialize_str(key),
        }
    }
}
