//! JSON over HTTP/1.1 or HTTP/2.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use lutong_operating::telemetry;
use lutong_operating::telemetry::CallTimer;
use lutong_transport::status;
use tonic::Code;
use tonic::body::Body;
use tracing::{Instrument as _, Span};

use super::{Inner, Origin};
use crate::problem::Problem;
use crate::transcode::{Binding, Captured, Found, read_response};
use crate::{proxy, trace};

/// A body is not larger, in bytes; a form with its whole contact history has a tenth of it.
pub const LARGEST_BODY: usize = 256 * 1_024;

impl Inner {
    pub async fn json(&self, request: Request<Body>) -> Response<Body> {
        let trace = trace::of_client(request.headers());
        let found = self.bindings.find(request.method(), request.uri().path());
        let (label, span) = match &found {
            Found::Binding(binding, _) => {
                let label = binding.rpc.label;
                (label, telemetry::call_span(label, request.headers()))
            }
            _ => ("gateway", Span::none()),
        };
        let answered = self.answer(found, request).instrument(span.clone()).await;
        answered.unwrap_or_else(|problem| {
            let trace_id = trace::id(trace, &span, &*self.random);
            if problem.is_of_the_server() {
                let reason = &*problem.fault().reason;
                tracing::warn!(trace_id, rpc = label, reason, "a JSON call could not be answered");
            }
            problem.into_response(&trace_id)
        })
    }

    async fn answer(&self, found: Found<'_>, request: Request<Body>) -> Result<Response<Body>, Problem> {
        match found {
            Found::Binding(binding, captured) => {
                let timer = CallTimer::start(binding.rpc.label);
                let answered = self.transcode(binding, captured, request).await;
                let refused = answered.as_ref().err().map(Problem::fault);
                timer.finish(refused.map_or(Code::Ok, |fault| status::code_of(fault.code)));
                answered.map(json_response)
            }
            _ if self.is_sign_in(&request) => self.sign_in(request).await,
            Found::OtherMethod(allow) => Err(Problem::method_not_allowed(allow)),
            Found::Nothing => self.page(&request),
        }
    }

    async fn transcode(
        &self,
        binding: &Binding,
        captured: Captured,
        request: Request<Body>,
    ) -> Result<Bytes, Problem> {
        let rpc = &binding.rpc;
        let admitted = self.admit(rpc, request.headers(), Origin::of(&request)).await?;
        let (head, body) = request.into_parts();
        let body = if binding.body_may_be_empty() && !head.headers.contains_key(CONTENT_TYPE) {
            let body = self.read_bytes(body).await?;
            if !body.is_empty() {
                return Err(Problem::not_json());
            }
            body
        } else if binding.takes_body() {
            self.read_body(&head.headers, body).await?
        } else {
            Bytes::new()
        };
        let frame = binding.request(captured, head.uri.query(), &body)?;
        let headers = proxy::headers_of_json(&head.headers, admitted.token.clone());
        // Only now: a slow client holds no place.
        let _place = self.pools.enter(rpc.work)?;
        let response = proxy::forward(rpc, headers, Body::new(Full::from(frame))).await;
        Ok(read_response(rpc, response).await?)
    }

    /// A JSON body, whole.
    pub async fn read_body(&self, headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
        if !headers.get(CONTENT_TYPE).is_some_and(is_json) {
            return Err(Problem::not_json());
        }
        self.read_bytes(body).await
    }

    async fn read_bytes(&self, body: Body) -> Result<Bytes, Problem> {
        let reading = Limited::new(body, LARGEST_BODY).collect();
        match tokio::time::timeout(self.message_patience, reading).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::body_too_large(LARGEST_BODY)),
            Ok(Err(_)) => Err(Problem::body_cut_off()),
            Err(_) => Err(Problem::body_too_slow()),
        }
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
