//! JSON over HTTP/1.1 or HTTP/2.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use tonic::body::Body;

use super::{Inner, address_of, count};
use crate::problem::Problem;
use crate::proxy;
use crate::transcode::{Binding, Captured, Found, read_response};

/// A body is not larger, in bytes; a form with its whole contact history has a tenth of it.
pub const LARGEST_BODY: usize = 256 * 1_024;
/// A body has arrived after so long, or the client is not sending one.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

impl Inner {
    pub async fn json(&self, request: Request<Body>) -> Response<Body> {
        if let Some(answered) = self.page(&request) {
            return answered;
        }
        if self.is_sign_in(&request) {
            return self.sign_in(request).await;
        }
        match self.bindings.find(request.method(), request.uri().path()) {
            Found::Binding(binding, captured) => {
                let started = Instant::now();
                let answered = self.transcode(binding, captured, request).await;
                count(&binding.rpc, started, answered.as_ref().err().map(Problem::fault));
                answered.map_or_else(Problem::into_response, json_response)
            }
            Found::OtherMethod(allow) => Problem::method_not_allowed(allow).into_response(),
            Found::Nothing => Problem::no_such_route().into_response(),
        }
    }

    async fn transcode(
        &self,
        binding: &Binding,
        captured: Captured,
        request: Request<Body>,
    ) -> Result<Bytes, Problem> {
        let rpc = &binding.rpc;
        let admitted = self.admit(rpc, request.headers(), address_of(&request)).await?;
        let (head, body) = request.into_parts();
        let body = if binding.takes_body() {
            read_body(&head.headers, body).await?
        } else {
            Bytes::new()
        };
        let frame = binding.request(captured, head.uri.query(), &body)?;
        let headers = proxy::headers_of_json(&head.headers, admitted.token);
        // Only now: a slow client holds no place.
        let _place = self.pools.enter(rpc.work)?;
        let response = proxy::forward(rpc, headers, Body::new(Full::from(frame))).await;
        Ok(read_response(rpc, response).await?)
    }
}

/// A JSON body, whole.
pub async fn read_body(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    if !headers.get(CONTENT_TYPE).is_some_and(is_json) {
        return Err(Problem::not_json());
    }
    let reading = Limited::new(body, LARGEST_BODY).collect();
    match tokio::time::timeout(BODY_PATIENCE, reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::body_too_large(LARGEST_BODY)),
        Ok(Err(_)) => Err(Problem::body_cut_off()),
        Err(_) => Err(Problem::body_too_slow()),
    }
}

fn is_json(content_type: &HeaderValue) -> bool {
    let Ok(text) = content_type.to_str() else {
        return false;
    };
    let mut parts = text.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let utf_8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    media_type.eq_ignore_ascii_case("application/json") && utf_8
}

/// An answer about a person: nobody keeps it, nobody guesses at it.
pub fn json_response(body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::from(body)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        HeaderName::from_static("x-content-type-options"),
        HeaderValue::from_static("nosniff"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_json_in_utf_8_only() {
        for (content_type, json) in [
            ("application/json", true),
            ("Application/JSON; charset=UTF-8", true),
            ("application/json;charset=\"utf-8\"", true),
            ("application/json; charset=gbk", false),
            ("application/jsonp", false),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
        ] {
            assert_eq!(
                is_json(&HeaderValue::from_static(content_type)),
                json,
                "{content_type}"
            );
        }
    }
}
