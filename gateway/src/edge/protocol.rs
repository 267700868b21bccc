//! Which protocol a request is of.

use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request};

use crate::problem::Problem;

/// What a client speaks, by its content type.
#[derive(Debug, PartialEq, Eq)]
pub enum Protocol {
    Grpc,
    GrpcWeb,
    /// JSON, pages and forms.
    Http,
}

impl Protocol {
    /// The protocol of a request. A content type that only resembles one of gRPC's is refused, so that no proxy in front
    /// of the edge can have understood it differently.
    pub fn of<B>(request: &Request<B>) -> Result<Self, Problem> {
        if request.headers().get_all(HOST).iter().nth(1).is_some() {
            return Err(Problem::more_than_one_host());
        }
        let mut content_types = request.headers().get_all(CONTENT_TYPE).iter();
        let content_type = content_types.next().map_or(&b""[..], HeaderValue::as_bytes);
        if content_types.next().is_some() {
            return Err(Problem::not_grpc());
        }
        let protocol = match content_type {
            b"application/grpc" | b"application/grpc+proto" => Self::Grpc,
            b"application/grpc-web"
            | b"application/grpc-web+proto"
            | b"application/grpc-web-text"
            | b"application/grpc-web-text+proto" => Self::GrpcWeb,
            other if begins_as_grpc(other) => return Err(Problem::not_grpc()),
            _ => return Ok(Self::Http),
        };
        if request.method() != Method::POST {
            return Err(Problem::method_not_allowed("POST".to_owned()));
        }
        Ok(protocol)
    }
}

fn begins_as_grpc(content_type: &[u8]) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    content_type
        .get(..GRPC.len())
        .is_some_and(|begin| begin.eq_ignore_ascii_case(GRPC))
}

#[cfg(test)]
mod tests;
