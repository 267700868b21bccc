//! The contract as OpenAPI 3.1, made from the descriptors, their comments and the field options. Nothing in it is written
//! by hand but what the edge itself adds: sign-in, headers, problems.

mod comments;
mod components;
mod errors;
mod examples;
mod field;
mod names;
mod operation;
mod ordered;
mod parameters;
mod schema;
mod sessions;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use crate::rpc::contract::EdgeRpc;
use crate::rpc::transcode::{Binding, Bindings};
use examples::Examples;
use names::OperationNames;
use ordered::Ordered;
use schema::Schemas;

pub use sessions::SessionRoutes;

/// The document, ready to be sent. `cookie`: the name of the session's cookie; `sessions`: how a session is opened by a call.
pub fn document(bindings: &Bindings, cookie: &str, sessions: SessionRoutes) -> Bytes {
    // Maps and strings: this serialises.
    Bytes::from(serde_json::to_vec(&build(bindings, cookie, sessions)).unwrap_or_default())
}

#[derive(Serialize)]
struct Document {
    openapi: &'static str,
    info: Value,
    servers: Value,
    tags: Vec<Value>,
    /// In the order of the contract, which is that in which a reader meets the services.
    paths: Ordered<Ordered<Value>>,
    components: Value,
}

/// What an operation is made with.
struct Maker {
    schemas: Schemas,
    names: OperationNames,
    examples: Examples,
    tags: Ordered<Value>,
}

fn build(bindings: &Bindings, cookie: &str, sessions: SessionRoutes) -> Document {
    let mut all: Vec<&Binding> = bindings.iter().collect();
    // Stable: the bindings of one RPC stay in their order.
    all.sort_by_key(|binding| binding.rpc.order);
    let rpcs: Vec<&EdgeRpc> = all.iter().map(|binding| &*binding.rpc).collect();
    let mut maker = Maker {
        schemas: Schemas::of(&rpcs),
        names: OperationNames::of(&rpcs),
        examples: Examples::read(),
        tags: Ordered::default(),
    };
    let mut paths: Ordered<Ordered<Value>> = Ordered::default();
    for (path, operation) in sessions.operations(&mut maker.tags, &maker.examples) {
        paths.of(path).push("post".to_owned(), operation);
    }
    let mut previous = (usize::MAX, 0_u32);
    for binding in all {
        let is_another = previous.0 == binding.rpc.order;
        let number = if is_another { previous.1 + 1 } else { 1 };
        previous = (binding.rpc.order, number);
        let (path, operation) = operation::describe(binding, number, &mut maker);
        let method = binding.method.as_str().to_ascii_lowercase();
        paths.of(path).push(method, operation);
    }
    Document {
        openapi: "3.1.0",
        info: json!({
            "title": "鲁通 Lutong",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "山东省健康通行码 Shandong's health pass code",
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        }),
        servers: json!([{"url": "/", "description": "This gateway."}]),
        tags: maker.tags.into_values(),
        paths,
        components: components::of(maker.schemas.finish(), cookie, sessions),
    }
}

const DESCRIPTION: &str = "山东省健康通行码平台接口。字段名与协议定义一致；没有“有无”之分的字段总会出现（空列表为`[]`，零为`\"0\"`或`0`）；64位整数为字符串；\
    时间为RFC 3339；日期为山东当地日期。\n\n\
    Field names are those of the protocol; camelCase is read too. A field without presence is always in an answer: a list as \
    `[]`, a count as `\"0\"`, a flag as `false`; an unset message, a member of a choice that was not chosen and an optional \
    value that is not there are absent. 64-bit integers are strings; instants are RFC 3339; days are Shandong's. An unknown \
    field, parameter or value is refused by name, and every violation is told at once.\n\n\
    A mutation carries a `request_id` of the caller (a UUID): sent again with the same body it is answered alike. What is not \
    yours is not there (404). Errors are RFC 9457 problems with the gRPC code, a stable `reason`, both languages and a trace id; \
    each operation lists its reasons by status under `x-lutong-reasons`. The same RPCs, and the streams that have no JSON \
    form, answer over gRPC and gRPC-Web on the same port.";

#[cfg(test)]
mod tests;
