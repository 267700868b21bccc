//! One binding as an operation: path, parameters, body, answers, who may call.

use std::collections::{BTreeMap, BTreeSet};

use lutong_proto::policy::Role;
use prost_reflect::FieldDescriptor;
use serde_json::{Value, json};

use super::comments;
use super::schema::Schemas;
use crate::contract::EdgeRpc;
use crate::transcode::pattern::{Pattern, Segment};
use crate::transcode::{Binding, BodyRule, field_at};

/// The names that more than one service has for a method.
#[derive(Debug)]
pub struct Names(BTreeSet<String>);

impl Names {
    pub fn of<'a>(rpcs: impl Iterator<Item = &'a EdgeRpc>) -> Self {
        let mut services: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for rpc in rpcs {
            let service = rpc.method.parent_service().full_name().to_owned();
            services
                .entry(rpc.method.name().to_owned())
                .or_default()
                .insert(service);
        }
        services.retain(|_, services| services.len() > 1);
        Self(services.into_keys().collect())
    }

    /// `createApplication`; `identityListAuditRecords` where other services have a method of this name; `getDecision2` for
    /// the second binding of an RPC.
    pub fn id(&self, rpc: &EdgeRpc, number: u32) -> String {
        let method = rpc.method.name();
        let package = rpc
            .method
            .parent_service()
            .parent_file()
            .package_name()
            .to_owned();
        let service = package.split('.').nth(1).unwrap_or_default();
        let name = if self.0.contains(method) {
            format!("{service}_{method}")
        } else {
            method.to_owned()
        };
        let name = lower_camel(&name);
        if number == 1 {
            name
        } else {
            format!("{name}{number}")
        }
    }
}

/// `risk_rules_ListAreas` is `riskRulesListAreas`.
fn lower_camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut begins = false;
    for letter in name.chars() {
        match letter {
            '_' => begins = true,
            letter if camel.is_empty() => camel.push(letter.to_ascii_lowercase()),
            letter if begins => {
                camel.push(letter.to_ascii_uppercase());
                begins = false;
            }
            letter => camel.push(letter),
        }
    }
    camel
}

/// The OpenAPI path and the operation.
pub fn describe(binding: &Binding, id: &str, schemas: &mut Schemas) -> (String, Value) {
    let rpc = &binding.rpc;
    let comment = comments::of_method(&rpc.method);
    let summary = comment.split("\n\n").next().unwrap_or_default();
    let service = rpc.method.parent_service();
    let (path, mut parameters) = path_of(binding, schemas);
    if binding.body != BodyRule::Whole {
        parameters.extend(query_of(binding, schemas));
    }
    let mut operation = json!({
        "operationId": id,
        "tags": [service.name()],
        "summary": summary,
        "description": comment,
        "parameters": parameters,
        "responses": {
            "200": {
                "description": comments::of_message(&rpc.method.output()),
                "content": {"application/json": {"schema": schemas.message(&rpc.method.output())}},
            },
            "default": {"$ref": "#/components/responses/Problem"},
        },
        "x-lutong-rpc": rpc.path.trim_start_matches('/'),
        "x-lutong-roles": rpc.roles.iter().map(Role::as_str_name).collect::<Vec<_>>(),
        "security": if rpc.public { json!([]) } else { json!([{"session": []}]) },
    });
    let body = match &binding.body {
        BodyRule::None => None,
        BodyRule::Whole => Some(schemas.message(&rpc.method.input())),
        BodyRule::Field(field) => Some(schemas.field(field)),
    };
    if let (Some(schema), Some(operation)) = (body, operation.as_object_mut()) {
        let content = json!({
            "required": true,
            "content": {"application/json": {"schema": schema}},
        });
        operation.insert("requestBody".to_owned(), content);
    }
    (path, operation)
}

/// `/v1/{name=complaints/*}` is `/v1/complaints/{name}`: an OpenAPI parameter holds no slash, so it is the part that
/// the pattern leaves open.
fn path_of(binding: &Binding, schemas: &mut Schemas) -> (String, Vec<Value>) {
    let pattern = &binding.pattern;
    let mut path = String::new();
    let mut parameters = Vec::new();
    for (at, segment) in pattern.segments().iter().enumerate() {
        path.push('/');
        match segment {
            Segment::Literal(literal) => path.push_str(literal),
            Segment::One | Segment::Rest => {
                let (name, whole) = parameter_at(pattern, at);
                path.push('{');
                path.push_str(&name);
                path.push('}');
                let field = whole.and_then(|field| field_at(&binding.rpc.method.input(), field));
                parameters.push(path_parameter(&name, pattern, at, field.as_ref(), schemas));
            }
        }
    }
    if let Some(verb) = pattern.verb() {
        path.push(':');
        path.push_str(verb);
    }
    (path, parameters)
}

/// The parameter's name, and the field that it is part of.
fn parameter_at(pattern: &Pattern, at: usize) -> (String, Option<&str>) {
    let variable = pattern.variables().iter().find(|v| v.segments.contains(&at));
    let Some(variable) = variable else {
        return (format!("segment_{at}"), None);
    };
    let open = |at: &usize| !matches!(pattern.segments().get(*at), Some(Segment::Literal(_)));
    let before = (variable.segments.start..at).filter(open).count();
    let name = variable.field.replace('.', "_");
    let name = if before == 0 {
        name
    } else {
        format!("{name}_{}", before + 1)
    };
    (name, Some(&variable.field))
}

fn path_parameter(
    name: &str,
    pattern: &Pattern,
    at: usize,
    field: Option<&FieldDescriptor>,
    schemas: &mut Schemas,
) -> Value {
    let variable = pattern.variables().iter().find(|v| v.segments.contains(&at));
    let part = variable.filter(|variable| variable.segments.len() > 1);
    let comment = field.map(comments::of_field).unwrap_or_default();
    let schema = match field {
        Some(field) if part.is_none() => schemas.bare_field(field),
        _ => json!({"type": "string"}),
    };
    let description = match part.and_then(|variable| pattern.segments().get(variable.segments.start..at)) {
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

/// What neither path nor body sets; messages by their fields' paths, one level down at most.
fn query_of(binding: &Binding, schemas: &mut Schemas) -> Vec<Value> {
    let bound: Vec<&str> = binding
        .pattern
        .variables()
        .iter()
        .map(|v| v.field.as_str())
        .collect();
    let mut parameters = Vec::new();
    for field in binding.rpc.method.input().fields() {
        let is_body = matches!(&binding.body, BodyRule::Field(body) if *body == field);
        if is_body || field.is_map() || bound.contains(&field.name()) {
            continue;
        }
        match field.kind().as_message() {
            Some(message) if !message.full_name().starts_with("google.protobuf.") => {
                for inner in message
                    .fields()
                    .filter(|inner| inner.kind().as_message().is_none())
                {
                    let name = format!("{}.{}", field.name(), inner.name());
                    parameters.push(query_parameter(&name, &inner, schemas));
                }
            }
            _ => parameters.push(query_parameter(field.name(), &field, schemas)),
        }
    }
    parameters
}

fn query_parameter(name: &str, field: &FieldDescriptor, schemas: &mut Schemas) -> Value {
    json!({
        "name": name,
        "in": "query",
        "description": comments::of_field(field),
        "schema": schemas.bare_field(field),
    })
}
