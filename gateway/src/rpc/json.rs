//! JSON calls over HTTP/1.1 or HTTP/2: matching the path to an RPC, and transcoding request and answer. A file is answered as its bytes.

use axum::body::Body;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use lutong_operating::telemetry;
use lutong_operating::telemetry::CallTimer;
use lutong_transport::status;
use tonic::Code;
use tracing::Instrument as _;

use super::transcode::{Binding, Captured, RouteMatch, read_file, read_response};
use super::{Calls, forwarding};
use crate::problem::Problem;
use crate::request_body;
use crate::sessions::identification::CookieUse;

impl Calls {
    /// Answers a request at a path of the contract; every other path is not found.
    pub async fn json(&self, request: Request<Body>) -> Result<Response<Body>, Problem> {
        match self.bindings.find(request.method(), request.uri().path()) {
            RouteMatch::Binding(binding, captured) => self.json_call(binding, captured, request).await,
            RouteMatch::OtherMethod(allow) => Err(Problem::method_not_allowed(allow)),
            RouteMatch::Nothing => Err(Problem::no_such_route()),
        }
    }

    async fn json_call(
        &self,
        binding: &Binding,
        captured: Captured,
        request: Request<Body>,
    ) -> Result<Response<Body>, Problem> {
        let label = binding.rpc.label;
        let span = telemetry::call_span(label, request.headers());
        let timer = CallTimer::start(label);
        let answered = self
            .transcode(binding, captured, request)
            .instrument(span.clone())
            .await;
        let refused = answered.as_ref().err().map(Problem::fault);
        timer.finish(refused.map_or(Code::Ok, |fault| status::code_of(fault.code)));
        answered.map_err(|problem| problem.of_call(label, telemetry::trace_id(&span)))
    }

    async fn transcode(
        &self,
        binding: &Binding,
        captured: Captured,
        request: Request<Body>,
    ) -> Result<Response<Body>, Problem> {
        let rpc = &binding.rpc;
        let (head, body) = request.into_parts();
        let admitted = self.admit(rpc, &head, CookieUse::Accepted).await?;
        let body = if binding.body_may_be_empty() && !head.headers.contains_key(CONTENT_TYPE) {
            let body = request_body::read(body, request_body::LARGEST, self.message_patience).await?;
            if !body.is_empty() {
                return Err(Problem::not_json());
            }
            body
        } else if binding.takes_body() {
            request_body::read_json(&head.headers, body, self.message_patience).await?
        } else {
            Bytes::new()
        };
        let frame = binding.request(captured, head.uri.query(), &body)?;
        let headers = forwarding::headers_of_json(rpc, &head.headers, admitted.ours.clone());
        // A place is taken once the body is complete, so that a slow client holds none.
        let _place = self.pools.enter(rpc.work)?;
        let response = forwarding::forward(rpc, headers, tonic::body::Body::new(Full::from(frame))).await;
        match &binding.file {
            Some(file) => Ok(read_file(rpc, file, response).await?),
            None => Ok(json_response(read_response(rpc, response).await?)),
        }
    }
}

/// A JSON answer about a person: never stored, and its type never guessed.
pub fn json_response(body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        HeaderName::from_static("x-content-type-options"),
        HeaderValue::from_static("nosniff"),
    );
    response
}
