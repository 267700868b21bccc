//! The contract as OpenAPI 3.1, made from the descriptors and their comments.

mod comments;
mod operation;
mod schema;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::transcode::Bindings;
use schema::Schemas;

/// The document, ready to be sent.
pub fn document(bindings: &Bindings) -> Bytes {
    // Maps and strings: this serialises.
    Bytes::from(serde_json::to_vec(&build(bindings)).unwrap_or_default())
}

fn build(bindings: &Bindings) -> Value {
    let mut schemas = Schemas::default();
    let mut paths: Map<String, Value> = Map::new();
    let mut tags: Vec<(String, String)> = Vec::new();
    let mut all: Vec<_> = bindings.iter().collect();
    // The contract's own order: the first binding of an RPC names the operation.
    all.sort_by(|a, b| a.rpc.path.cmp(&b.rpc.path));
    let names = operation::Names::of(all.iter().map(|binding| &*binding.rpc));
    let mut previous = (String::new(), 0_u32);
    for binding in all {
        let number = if previous.0 == binding.rpc.path {
            previous.1 + 1
        } else {
            1
        };
        previous = (binding.rpc.path.clone(), number);
        let service = binding.rpc.method.parent_service();
        let tag = (service.name().to_owned(), comments::of_service(service));
        if !tags.contains(&tag) {
            tags.push(tag);
        }
        let (path, operation) = operation::describe(binding, &names.id(&binding.rpc, number), &mut schemas);
        let item = paths.entry(path).or_insert_with(|| json!({}));
        if let Value::Object(item) = item {
            item.insert(binding.method.as_str().to_ascii_lowercase(), operation);
        }
    }
    let tags: Vec<Value> = tags
        .into_iter()
        .map(|(name, description)| json!({"name": name, "description": description}))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "鲁通 Lutong",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas.finish(),
            "responses": {"Problem": problem_response()},
            "securitySchemes": {
                "session": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "登录后得到的会话。 The session that signing in gives.",
                },
            },
        },
    })
}

const DESCRIPTION: &str = "山东省健康通行码平台接口。JSON字段名与协议定义一致；缺省值不出现；64位整数为字符串；时间为RFC 3339。\n\n\
    Shandong's health pass code. Field names are those of the protocol; camelCase is read too. A field that has its \
    default value is absent from answers; 64-bit integers are strings; instants are RFC 3339. An unknown field or \
    parameter is refused. The same RPCs, and the streams that have no JSON form, answer over gRPC and gRPC-Web on the \
    same port. A mutation carries a `request_id` of the caller: sent again with the same body it is answered alike.";

fn problem_response() -> Value {
    json!({
        "description": "出错：中文在前，英文在后。 What went wrong, in Chinese and English (RFC 9457).",
        "headers": {
            "Retry-After": {
                "description": "Seconds until it makes sense to try again.",
                "schema": {"type": "integer"},
            },
        },
        "content": {
            crate::problem::MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}},
        },
    })
}

#[cfg(test)]
mod tests;
