//! One binding as an operation: path, parameters, body, answers, who may call.

use http::Method;
use lutong_kernel::ServiceName;
use lutong_proto::policy::Role;
use prost_reflect::Kind;
use serde_json::{Value, json};

use super::names::heading_of;
use super::parameters::{bound, path_of, query_of};
use super::schema::Direction;
use super::{Maker, comments, errors, field};
use crate::rpc::transcode::pattern::Segment;
use crate::rpc::transcode::{Binding, BodyRule};

/// The OpenAPI path and the operation; `number` counts the bindings of one RPC.
pub fn describe(binding: &Binding, number: u32, maker: &mut Maker) -> (String, Value) {
    let rpc = &binding.rpc;
    let id = maker.names.id(rpc, number);
    let comment = comments::of_method(&rpc.method);
    let summary = comment.split("\n\n").next().unwrap_or_default();
    let (path, mut parameters) = path_of(binding, &mut maker.schemas);
    parameters.extend(query_of(binding, &mut maker.schemas));
    parameters.push(json!({"$ref": "#/components/parameters/Traceparent"}));
    for parameter in &mut parameters {
        maker.examples.of_parameter(&id, parameter);
    }
    let output = rpc.method.output();
    let content = if binding.file.is_some() {
        json!({"*/*": {"schema": {"type": "string", "format": "binary"}}})
    } else {
        let mut content = json!({"schema": maker.schemas.message(&output, Direction::Out)});
        maker.examples.of_answer(&id, &mut content);
        json!({"application/json": content})
    };
    let mut responses = errors::of(binding);
    responses.insert(
        "200".to_owned(),
        json!({
            "description": comments::of_message(&output),
            "headers": {"Cache-Control": {"$ref": "#/components/headers/Cache-Control"}},
            "content": content,
        }),
    );
    let mut operation = json!({
        "operationId": id,
        "tags": [tag_of(binding, maker)],
        "summary": summary,
        "description": comment,
        "parameters": parameters,
        "responses": responses,
        "x-lutong-rpc": rpc.path.trim_start_matches('/'),
        "x-lutong-roles": rpc.roles.iter().map(Role::as_str_name).collect::<Vec<_>>(),
        "security": security(binding),
    });
    let pool = rpc.method.parent_pool();
    if let Some(change) = lutong_proto::transitions::of(pool, &rpc.method) {
        operation["x-lutong-transition"] = json!({"from": change.from_states, "to": change.to_states});
    }
    if let Some(body) = body_of(binding, &id, number, maker) {
        operation["requestBody"] = body;
    }
    (path, operation)
}

/// With what credentials the operation is called: a session as bearer, or in a cookie, which changes something only with a
/// token beside it.
fn security(binding: &Binding) -> Value {
    let by_cookie = if binding.method == Method::GET {
        json!({"cookie": []})
    } else {
        json!({"cookie": [], "csrf": []})
    };
    let by_session = json!({"session": []});
    if binding.rpc.public {
        json!([{}, by_session, by_cookie])
    } else {
        json!([by_session, by_cookie])
    }
}

/// The collection that the path begins with, in the users' words.
fn tag_of(binding: &Binding, maker: &mut Maker) -> String {
    let mut literals = binding
        .pattern
        .segments()
        .iter()
        .filter_map(|segment| match segment {
            Segment::Literal(literal) => Some(literal.as_str()),
            Segment::One | Segment::Rest => None,
        });
    // The first is the version. Where several services have a collection, theirs come after the name of the service.
    let collection =
        literals.find(|literal| !matches!(*literal, "v1") && literal.parse::<ServiceName>().is_err());
    let name = heading_of(collection.unwrap_or_default());
    if !maker.tags.contains(&name) {
        let about = comments::of_service(binding.rpc.method.parent_service());
        maker
            .tags
            .push(name.clone(), json!({"name": name, "description": about}));
    }
    name
}

fn body_of(binding: &Binding, id: &str, number: u32, maker: &mut Maker) -> Option<Value> {
    let input = binding.rpc.method.input();
    let suffix = if number == 1 {
        String::new()
    } else {
        number.to_string()
    };
    let bound = bound(binding);
    let schema = match &binding.body {
        BodyRule::None => return None,
        BodyRule::Whole => maker
            .schemas
            .message_without(&input, Direction::In, &suffix, &bound),
        BodyRule::Field(field) => {
            let inner: Vec<&str> = bound
                .iter()
                .filter_map(|path| path.strip_prefix(field.name())?.strip_prefix('.'))
                .collect();
            match field.kind() {
                Kind::Message(message) if !inner.is_empty() => {
                    let suffix = format!("Of{}{suffix}", super::names::upper_camel(id));
                    maker
                        .schemas
                        .message_without(&message, Direction::In, &suffix, &inner)
                }
                _ => maker.schemas.field(field, Direction::In),
            }
        }
    };
    let says_something = input.fields().any(|field| {
        let is_bound = bound.contains(&field.name());
        !is_bound && field::options(&field).required
    }) || input.oneofs().any(|oneof| field::is_required(&oneof));
    let mut content = json!({"schema": schema});
    maker.examples.of_body(id, &mut content);
    Some(json!({
        "required": says_something || !binding.body_may_be_empty(),
        "content": {"application/json": content},
    }))
}
