//! Where an operation is found, and its parameters.

use prost_reflect::FieldDescriptor;
use serde_json::{Value, json};

use super::names::noun_of;
use super::schema::{Direction, Schemas};
use super::{comments, field};
use crate::rpc::transcode::pattern::{Pattern, Segment};
use crate::rpc::transcode::{Binding, BodyRule, field_at};

/// Query parameters that every list shares, by field.
const SHARED: [(&str, &str); 2] = [("page_size", "PageSize"), ("page_token", "PageToken")];

/// `/v1/{name=complaints/*}` is `/v1/complaints/{complaint}`: an OpenAPI parameter holds no slash, so the variable is what
/// the pattern leaves open, called by its noun.
pub fn path_of(binding: &Binding, schemas: &mut Schemas) -> (String, Vec<Value>) {
    let pattern = &binding.pattern;
    let mut path = String::new();
    let mut parameters = Vec::new();
    for (at, segment) in pattern.segments().iter().enumerate() {
        path.push('/');
        match segment {
            Segment::Literal(literal) => path.push_str(literal),
            Segment::One | Segment::Rest => {
                let name = variable_at(pattern, at);
                path.push('{');
                path.push_str(&name);
                path.push('}');
                parameters.push(path_parameter(&name, binding, at, schemas));
            }
        }
    }
    if let Some(verb) = pattern.verb() {
        path.push(':');
        path.push_str(verb);
    }
    (path, parameters)
}

/// The collection before an open segment names it; a field that is alone is called as it is.
fn variable_at(pattern: &Pattern, at: usize) -> String {
    let variable = pattern.variables().iter().find(|v| v.segments.contains(&at));
    let before = at
        .checked_sub(1)
        .and_then(|before| pattern.segments().get(before));
    match (variable, before) {
        (Some(variable), _) if variable.segments.len() == 1 => variable.field.replace('.', "_"),
        (_, Some(Segment::Literal(collection))) => noun_of(collection),
        _ => format!("segment_{at}"),
    }
}

fn path_parameter(name: &str, binding: &Binding, at: usize, schemas: &mut Schemas) -> Value {
    let pattern = &binding.pattern;
    let variable = pattern.variables().iter().find(|v| v.segments.contains(&at));
    let field = variable.and_then(|variable| field_at(&binding.rpc.method.input(), &variable.field));
    let is_part = variable.is_some_and(|variable| variable.segments.len() > 1);
    let comment = field.as_ref().map(comments::of_field).unwrap_or_default();
    let schema = match &field {
        Some(field) if !is_part => schemas.bare_field(field, Direction::In),
        _ => json!({"type": "string", "minLength": 1, "pattern": "^[^/]+$"}),
    };
    let before = variable
        .filter(|_| is_part)
        .and_then(|variable| pattern.segments().get(variable.segments.start..at));
    let description = match before {
        Some(before) => format!(
            "What follows `{}/` in: {comment}",
            before.iter().map(shown).collect::<Vec<_>>().join("/")
        ),
        None => comment,
    };
    json!({"name": name, "in": "path", "required": true, "description": description, "schema": schema})
}

fn shown(segment: &Segment) -> &str {
    match segment {
        Segment::Literal(literal) => literal,
        Segment::One => "*",
        Segment::Rest => "**",
    }
}

/// The fields that the path sets, by their whole names.
pub fn bound(binding: &Binding) -> Vec<&str> {
    let variables = binding.pattern.variables().iter();
    variables.map(|variable| variable.field.as_str()).collect()
}

/// What neither path nor body sets; messages by their fields' paths, one level down at most.
pub fn query_of(binding: &Binding, schemas: &mut Schemas) -> Vec<Value> {
    if binding.body == BodyRule::Whole {
        return Vec::new();
    }
    let bound = bound(binding);
    let mut parameters = Vec::new();
    for field in binding.rpc.method.input().fields() {
        let is_body = matches!(&binding.body, BodyRule::Field(body) if *body == field);
        if is_body || field.is_map() || bound.contains(&field.name()) {
            continue;
        }
        if let Some((_, shared)) = SHARED.iter().find(|(name, _)| *name == field.name()) {
            parameters.push(json!({"$ref": format!("#/components/parameters/{shared}")}));
            continue;
        }
        match field.kind().as_message() {
            Some(message) if !message.full_name().starts_with("google.protobuf.") => {
                for inner in message
                    .fields()
                    .filter(|inner| inner.kind().as_message().is_none())
                {
                    let name = format!("{}.{}", field.name(), inner.name());
                    let is_required = field::options(&field).required && field::options(&inner).required;
                    parameters.push(query_parameter(&name, &inner, is_required, schemas));
                }
            }
            _ => {
                let is_required = field::options(&field).required;
                parameters.push(query_parameter(field.name(), &field, is_required, schemas));
            }
        }
    }
    parameters
}

fn query_parameter(name: &str, field: &FieldDescriptor, is_required: bool, schemas: &mut Schemas) -> Value {
    json!({
        "name": name,
        "in": "query",
        "required": is_required,
        "description": comments::of_field(field),
        "schema": schemas.bare_field(field, Direction::In),
    })
}
