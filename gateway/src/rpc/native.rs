//! gRPC: the path names the service, the body passes as it is.

use http::{Request, Response};
use lutong_kernel::Fault;
use lutong_operating::telemetry;
use lutong_operating::telemetry::CallTimer;
use lutong_transport::server::{read_message, watch_for_silence};
use lutong_transport::status;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::ServiceExt as _;
use tracing::Instrument as _;

use super::contract::EdgeRpc;
use super::{Calls, diagnostics, forwarding};
use crate::sessions::identification::{Connection, CookieUse};

/// The largest unary message from outside, in bytes: that of a rule set with its test cases.
const LARGEST_MESSAGE: usize = 640 * 1_024;

impl Calls {
    pub async fn native(&self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path();
        let Some(rpc) = self.contract.get(path) else {
            if diagnostics::is_diagnostic(path) {
                return self.diagnose(request).await;
            }
            return Status::unimplemented("there is no such method here").into_http();
        };
        let timer = CallTimer::start(rpc.label);
        let span = telemetry::call_span(rpc.label, request.headers());
        match self.pass(rpc, request).instrument(span).await {
            Ok(response) => {
                // The headers carry a status only where the call failed at once; otherwise the trailers do.
                let code = response
                    .headers()
                    .get("grpc-status")
                    .map_or(Code::Ok, |value| Code::from_bytes(value.as_bytes()));
                timer.finish(code);
                response
            }
            Err(fault) => {
                let status = status::from_fault(fault);
                timer.finish(status.code());
                status.into_http()
            }
        }
    }

    async fn pass(&self, rpc: &EdgeRpc, request: Request<Body>) -> Result<Response<Body>, Fault> {
        let (head, body) = request.into_parts();
        let admitted = self.admit(rpc, &head, CookieUse::Ignored).await?;
        let headers = forwarding::headers_of_grpc(rpc, &head.headers, admitted.ours.clone());
        if rpc.streams {
            let _place = self.pools.enter(rpc.work)?;
            let (body, watch) = watch_for_silence(body, self.stream_patience);
            let verified = &admitted.verified;
            let response = tokio::select! {
                biased;
                fault = watch.fell_silent() => return Err(fault),
                // An import may last ten minutes. It ends when its account is disabled or changed meanwhile.
                ended = self.identification.versions.ended(&verified.principal, verified.version) => return Err(ended),
                response = forwarding::forward(rpc, headers, body) => response,
            };
            return watch.hung_up().map_or(Ok(response), Err);
        }
        let until = tokio::time::Instant::now() + self.message_patience;
        let message = read_message(body, LARGEST_MESSAGE, until).await?;
        // A place is taken once the message is complete, so that a slow client holds none.
        let _place = self.pools.enter(rpc.work)?;
        Ok(forwarding::forward(rpc, headers, message).await)
    }

    /// Health and reflection need no session, and count as calls without one.
    async fn diagnose(&self, request: Request<Body>) -> Response<Body> {
        let limits = &self.identification.limits;
        if let Err(fault) = limits
            .anonymous(Connection::of(request.extensions()).address)
            .await
        {
            return status::from_fault(fault).into_http();
        }
        // Reflection is a stream: one that is silent for too long ends.
        let request = request.map(|body| watch_for_silence(body, self.stream_patience).0);
        let answered = self.diagnostics.clone().oneshot(request).await;
        answered.unwrap_or_else(|never| match never {})
    }
}
