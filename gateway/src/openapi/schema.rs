//! Messages and enums as JSON schemas (2020-12, as OpenAPI 3.1 has them).

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};
use serde_json::{Map, Value, json};

use super::names::{service_of, upper_camel};
use super::{comments, field};
use crate::rpc::contract::EdgeRpc;

/// What clients send must be there when it is required; what the edge answers is there when it has no presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    In,
    Out,
}

/// The components that the operations have referred to so far.
pub struct Schemas {
    components: BTreeMap<String, Value>,
    /// Short names that more than one package has.
    ambiguous: BTreeSet<String>,
    /// Messages that are both sent and answered; the form that is sent has a schema of its own.
    both: BTreeSet<String>,
}

impl Schemas {
    pub fn of(rpcs: &[&EdgeRpc]) -> Self {
        let (mut sent, mut answered) = (Reached::default(), Reached::default());
        for rpc in rpcs {
            sent.follow(rpc.method.input());
            answered.follow(rpc.method.output());
        }
        let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for name in sent.0.union(&answered.0) {
            let (package, short) = name.rsplit_once('.').unwrap_or(("", name));
            packages
                .entry(short.to_owned())
                .or_default()
                .insert(package.to_owned());
        }
        packages.retain(|_, packages| packages.len() > 1);
        Self {
            components: BTreeMap::new(),
            ambiguous: packages.into_keys().collect(),
            both: sent.0.intersection(&answered.0).cloned().collect(),
        }
    }

    pub fn finish(self) -> BTreeMap<String, Value> {
        self.components
    }

    /// A reference to a message, described if it was not yet.
    pub fn message(&mut self, message: &MessageDescriptor, direction: Direction) -> Value {
        self.message_without(message, direction, "", &[])
    }

    /// The same for a body whose path says some of its fields; `suffix` tells such a body from the others of its message.
    pub fn message_without(
        &mut self,
        message: &MessageDescriptor,
        direction: Direction,
        suffix: &str,
        without: &[&str],
    ) -> Value {
        if let Some(schema) = well_known(message.full_name()) {
            return schema;
        }
        let is_input = direction == Direction::In && self.both.contains(message.full_name());
        let name = format!(
            "{}{}{suffix}",
            self.short(message.full_name(), message.package_name()),
            if is_input { "Input" } else { "" }
        );
        if !self.components.contains_key(&name) {
            // Inserted before its fields are visited: a message may contain itself.
            self.components.insert(name.clone(), Value::Null);
            let described = self.describe(message, &name, direction, without);
            self.components.insert(name.clone(), described);
        }
        reference(&name)
    }

    fn short(&self, full_name: &str, package: &str) -> String {
        let short = full_name.rsplit('.').next().unwrap_or(full_name);
        if self.ambiguous.contains(short) {
            format!("{}{short}", upper_camel(service_of(package)))
        } else {
            short.to_owned()
        }
    }

    fn describe(
        &mut self,
        message: &MessageDescriptor,
        name: &str,
        direction: Direction,
        without: &[&str],
    ) -> Value {
        let choices: Vec<OneofDescriptor> = message
            .oneofs()
            .filter(|oneof| !oneof.is_synthetic() && oneof.fields().len() > 1)
            .collect();
        let mut base = Part::default();
        for field in message.fields().filter(|field| !without.contains(&field.name())) {
            if !choices
                .iter()
                .any(|choice| choice.fields().any(|member| member == field))
            {
                let is_required = is_required(&field, direction);
                base.add(field.name(), self.field(&field, direction), is_required);
            }
        }
        let mut parts = vec![(String::new(), base)];
        for choice in &choices {
            parts = self.choose(choice, direction, &parts);
        }
        let comment = comments::of_message(message);
        if choices.is_empty() {
            let (_, part) = parts.swap_remove(0);
            let mut schema = part.object(direction);
            schema.insert("description".to_owned(), Value::String(comment));
            return Value::Object(schema);
        }
        let variants: Vec<Value> = parts
            .into_iter()
            .map(|(chosen, part)| {
                let mut schema = part.object(direction);
                schema.insert("title".to_owned(), Value::String(format!("{name}{chosen}")));
                Value::Object(schema)
            })
            .collect();
        json!({"description": comment, "oneOf": variants})
    }

    /// Each part once with each member of a choice; once without any where none must be there.
    fn choose(
        &mut self,
        choice: &OneofDescriptor,
        direction: Direction,
        parts: &[(String, Part)],
    ) -> Vec<(String, Part)> {
        let mut all = Vec::new();
        for (chosen, part) in parts {
            for member in choice.fields() {
                let mut part = part.clone();
                part.add(member.name(), self.field(&member, direction), true);
                all.push((format!("{chosen}{}", upper_camel(member.name())), part));
            }
            if !field::is_required(choice) {
                let mut part = part.clone();
                part.not
                    .extend(choice.fields().map(|member| member.name().to_owned()));
                all.push((format!("{chosen}Without{}", upper_camel(choice.name())), part));
            }
        }
        all
    }

    /// A field with its comment and bounds.
    pub fn field(&mut self, field: &FieldDescriptor, direction: Direction) -> Value {
        let mut schema = self.bare_field(field, direction);
        let comment = comments::of_field(field);
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("description".to_owned(), Value::String(comment));
            if field::options(field).output_only {
                schema.insert("readOnly".to_owned(), Value::Bool(true));
            }
        }
        schema
    }

    /// A field with its bounds and without its comment, for a parameter, which has a place of its own for it.
    pub fn bare_field(&mut self, field: &FieldDescriptor, direction: Direction) -> Value {
        let kind = field.kind();
        let mut schema = if field.is_map() {
            let value = kind
                .as_message()
                .map(|entry| entry.map_entry_value_field().kind());
            let value = value.map_or_else(|| json!({}), |kind| self.kind(&kind, direction));
            json!({"type": "object", "additionalProperties": value})
        } else if field.is_list() {
            json!({"type": "array", "items": self.kind(&kind, direction)})
        } else {
            self.kind(&kind, direction)
        };
        if direction == Direction::In {
            field::bound(field, &mut schema);
        }
        schema
    }

    fn kind(&mut self, kind: &Kind, direction: Direction) -> Value {
        match kind {
            Kind::Message(message) => self.message(message, direction),
            Kind::Enum(names) => self.names(names),
            Kind::String => json!({"type": "string"}),
            Kind::Bool => json!({"type": "boolean"}),
            Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Kind::Double | Kind::Float => json!({"type": "number"}),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({"type": "integer", "format": "int32"}),
            Kind::Uint32 | Kind::Fixed32 => json!({"type": "integer", "minimum": 0}),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                json!({"type": "string", "format": "int64", "pattern": "^-?[0-9]{1,19}$"})
            }
            Kind::Uint64 | Kind::Fixed64 => {
                json!({"type": "string", "format": "uint64", "pattern": "^[0-9]{1,20}$"})
            }
        }
    }

    /// UNSPECIFIED is refused in and never given out.
    fn names(&mut self, names: &EnumDescriptor) -> Value {
        let name = self.short(names.full_name(), names.package_name());
        if !self.components.contains_key(&name) {
            let known = || names.values().filter(|value| value.number() != 0);
            let values: Vec<String> = known().map(|value| value.name().to_owned()).collect();
            let lines: Vec<String> = known()
                .map(|value| format!("- `{}`: {}", value.name(), comments::of_value(&value)))
                .collect();
            let described = json!({
                "type": "string",
                "description": format!("{}\n\n{}", comments::of_enum(names), lines.join("\n")),
                "enum": values,
            });
            self.components.insert(name.clone(), described);
        }
        reference(&name)
    }
}

/// Whether a field outside of a choice is always there.
fn is_required(field: &FieldDescriptor, direction: Direction) -> bool {
    let only_member = || {
        let choice = field.containing_oneof().filter(|oneof| !oneof.is_synthetic());
        choice.is_some_and(|choice| field::is_required(&choice))
    };
    match direction {
        Direction::In => field::options(field).required || only_member(),
        // An enum that is UNSPECIFIED is absent.
        Direction::Out => {
            let is_enum = matches!(field.kind(), Kind::Enum(_)) && !field.is_list();
            !field.supports_presence() && !is_enum
        }
    }
}

/// The members of an object.
#[derive(Clone, Default)]
struct Part {
    properties: Map<String, Value>,
    required: Vec<String>,
    /// The members that are absent, which distinguish an answer without any member of a oneof from the others.
    not: Vec<String>,
}

impl Part {
    fn add(&mut self, name: &str, schema: Value, is_required: bool) {
        self.properties.insert(name.to_owned(), schema);
        if is_required {
            self.required.push(name.to_owned());
        }
    }

    fn object(self, direction: Direction) -> Map<String, Value> {
        let mut schema = Map::new();
        schema.insert("type".to_owned(), json!("object"));
        schema.insert("properties".to_owned(), Value::Object(self.properties));
        if !self.required.is_empty() {
            schema.insert("required".to_owned(), json!(self.required));
        }
        if direction == Direction::In {
            schema.insert("additionalProperties".to_owned(), Value::Bool(false));
        } else if !self.not.is_empty() {
            let each: Vec<Value> = self.not.iter().map(|name| json!({"required": [name]})).collect();
            schema.insert("not".to_owned(), json!({"anyOf": each}));
        }
        schema
    }
}

/// The messages and enums that can be reached from some.
#[derive(Default)]
struct Reached(BTreeSet<String>);

impl Reached {
    fn follow(&mut self, message: MessageDescriptor) {
        let mut open = vec![message];
        while let Some(message) = open.pop() {
            if well_known(message.full_name()).is_some() || !self.0.insert(message.full_name().to_owned()) {
                continue;
            }
            for field in message.fields() {
                match field.kind() {
                    Kind::Message(inner) if inner.is_map_entry() => {
                        match inner.map_entry_value_field().kind() {
                            Kind::Message(value) => open.push(value),
                            Kind::Enum(names) => drop(self.0.insert(names.full_name().to_owned())),
                            _ => {}
                        }
                    }
                    Kind::Message(inner) => open.push(inner),
                    Kind::Enum(names) => drop(self.0.insert(names.full_name().to_owned())),
                    _ => {}
                }
            }
        }
    }
}

pub fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Messages that proto JSON writes in a form of their own.
fn well_known(name: &str) -> Option<Value> {
    Some(match name {
        "google.protobuf.Timestamp" => json!({"type": "string", "format": "date-time"}),
        "google.protobuf.Duration" => json!({"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?s$"}),
        "google.protobuf.FieldMask" => json!({"type": "string"}),
        "google.protobuf.Struct" | "google.protobuf.Empty" => json!({"type": "object"}),
        "google.protobuf.Value" => json!({}),
        "google.protobuf.ListValue" => json!({"type": "array", "items": {}}),
        _ => return None,
    })
}
