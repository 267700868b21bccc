//! Messages and enums as JSON schemas (2020-12, as OpenAPI 3.1 has them).

use std::collections::BTreeMap;

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::comments;

/// The components that the operations have referred to so far.
#[derive(Default)]
pub struct Schemas(BTreeMap<String, Value>);

impl Schemas {
    pub fn finish(mut self) -> BTreeMap<String, Value> {
        self.0.insert("Problem".to_owned(), problem());
        self.0
    }

    /// A reference to a message, described if it was not yet.
    pub fn message(&mut self, message: &MessageDescriptor) -> Value {
        if let Some(schema) = well_known(message.full_name()) {
            return schema;
        }
        let name = message.full_name().to_owned();
        if !self.0.contains_key(&name) {
            // Held before its fields are looked at: a message may contain itself.
            self.0.insert(name.clone(), Value::Null);
            let mut properties = Map::new();
            for field in message.fields() {
                properties.insert(field.name().to_owned(), self.field(&field));
            }
            let described = json!({
                "type": "object",
                "description": comments::of_message(message),
                "properties": properties,
            });
            self.0.insert(name.clone(), described);
        }
        reference(&name)
    }

    /// A field with its comment.
    pub fn field(&mut self, field: &FieldDescriptor) -> Value {
        let mut schema = self.bare_field(field);
        let mut comment = comments::of_field(field);
        if let Some(oneof) = field.containing_oneof().filter(|oneof| !oneof.is_synthetic()) {
            comment = format!(
                "{comment} One of `{}`: at most one of them is given.",
                oneof.name()
            );
        }
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("description".to_owned(), Value::String(comment));
        }
        schema
    }

    /// A field without its comment, for a parameter, which has a place of its own for it.
    pub fn bare_field(&mut self, field: &FieldDescriptor) -> Value {
        let kind = field.kind();
        if field.is_map() {
            let value = kind
                .as_message()
                .map(|entry| entry.map_entry_value_field().kind());
            let value = value.map_or_else(|| json!({}), |kind| self.kind(&kind));
            return json!({"type": "object", "additionalProperties": value});
        }
        if field.is_list() {
            return json!({"type": "array", "items": self.kind(&kind)});
        }
        self.kind(&kind)
    }

    fn kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Message(message) => self.message(message),
            Kind::Enum(names) => self.names(names),
            Kind::String => json!({"type": "string"}),
            Kind::Bool => json!({"type": "boolean"}),
            Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Kind::Double | Kind::Float => json!({"type": "number"}),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({"type": "integer", "format": "int32"}),
            Kind::Uint32 | Kind::Fixed32 => json!({"type": "integer", "minimum": 0}),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                json!({"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"})
            }
            Kind::Uint64 | Kind::Fixed64 => {
                json!({"type": "string", "format": "uint64", "pattern": "^[0-9]+$"})
            }
        }
    }

    fn names(&mut self, names: &EnumDescriptor) -> Value {
        let name = names.full_name().to_owned();
        if !self.0.contains_key(&name) {
            let values: Vec<String> = names.values().map(|value| value.name().to_owned()).collect();
            let lines: Vec<String> = names
                .values()
                .map(|value| format!("- `{}`: {}", value.name(), comments::of_value(&value)))
                .collect();
            let described = json!({
                "type": "string",
                "description": format!("{}\n\n{}", comments::of_enum(names), lines.join("\n")),
                "enum": values,
            });
            self.0.insert(name.clone(), described);
        }
        reference(&name)
    }
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Messages that proto JSON writes in a form of their own.
fn well_known(name: &str) -> Option<Value> {
    Some(match name {
        "google.protobuf.Timestamp" => json!({"type": "string", "format": "date-time"}),
        "google.protobuf.Duration" => json!({"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?s$"}),
        "google.protobuf.Struct" | "google.protobuf.Empty" => json!({"type": "object"}),
        "google.protobuf.Value" => json!({}),
        "google.protobuf.ListValue" => json!({"type": "array"}),
        _ => return None,
    })
}

fn problem() -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    json!({
        "type": "object",
        "description": "What went wrong (RFC 9457). `reason` is the same as over gRPC (`google.rpc.ErrorInfo`).",
        "required": ["type", "title", "title_en", "status", "detail", "detail_en", "reason"],
        "properties": {
            "type": {"type": "string", "format": "uri", "description": "`urn:lutong:problem:` and the reason."},
            "title": text("Chinese."),
            "title_en": text("English."),
            "status": {"type": "integer", "description": "The HTTP status."},
            "detail": text("Chinese."),
            "detail_en": text("English."),
            "reason": text("Stable, UPPER_SNAKE; the description of each operation lists its own."),
            "errors": {
                "type": "array",
                "description": "The fields that are wrong; all of them at once.",
                "items": {
                    "type": "object",
                    "required": ["field", "reason", "message_zh", "message_en"],
                    "properties": {
                        "field": text("Path in the request, for example `form.contact_history[2].day`; empty: the whole."),
                        "reason": text("Stable, UPPER_SNAKE."),
                        "message_zh": text("Chinese."),
                        "message_en": text("English."),
                    },
                },
            },
            "metadata": {
                "type": "object",
                "description": "Ids and names that belong to the reason.",
                "additionalProperties": {"type": "string"},
            },
            "retry_after_s": {
                "type": "integer",
                "description": "Seconds until it makes sense to try again; absent where that does not help.",
            },
        },
    })
}
