//! gRPC: the path names the service, the body passes as it is. gRPC-Web is translated first.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{Request, Response};
use lutong_kernel::Fault;
use lutong_operating::telemetry;
use lutong_operating::telemetry::CallTimer;
use lutong_transport::server::{attend, read_message};
use lutong_transport::status;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_web::GrpcWebLayer;
use tower::{Layer as _, Service, ServiceExt as _};
use tracing::Instrument as _;

use super::{Inner, Origin, address_of};
use crate::contract::EdgeRpc;
use crate::{own, proxy};

/// No unary message from outside is larger, in bytes: that of a rule set, with the cases that prove it.
const LARGEST_MESSAGE: usize = 640 * 1_024;

impl Inner {
    pub async fn native(&self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path();
        let Some(rpc) = self.contract.get(path) else {
            if own::is_own(path) {
                return self.own(request).await;
            }
            return Status::unimplemented("there is no such method here").into_http();
        };
        let timer = CallTimer::start(rpc.label);
        let span = telemetry::call_span(rpc.label, request.headers());
        match self.pass(rpc, request).instrument(span).await {
            Ok(response) => {
                // A call that went well says so in its trailers only.
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
        let admitted = self.admit(rpc, request.headers(), Origin::of(&request)).await?;
        let (head, body) = request.into_parts();
        let headers = proxy::headers_of_grpc(rpc, &head.headers, admitted.token.clone());
        if rpc.streams {
            let _place = self.pools.enter(rpc.work)?;
            let (body, watch) = attend(body, self.stream_patience);
            let known = &admitted.known;
            let response = tokio::select! {
                biased;
                fault = watch.fell_silent() => return Err(fault),
                // An import may last ten minutes; one whose account is stopped meanwhile ends.
                ended = self.standing.ended(&known.principal, known.version) => return Err(ended),
                response = proxy::forward(rpc, headers, body) => response,
            };
            return watch.hung_up().map_or(Ok(response), Err);
        }
        let until = tokio::time::Instant::now() + self.message_patience;
        let message = read_message(body, LARGEST_MESSAGE, until).await?;
        // Only now: a slow client holds no place.
        let _place = self.pools.enter(rpc.work)?;
        Ok(proxy::forward(rpc, headers, message).await)
    }

    /// Health and reflection need no session; asking what there is counts as a call without one.
    async fn own(&self, request: Request<Body>) -> Response<Body> {
        if let Err(fault) = self.limits.anonymous(address_of(&request)).await {
            return status::from_fault(fault).into_http();
        }
        // Reflection is a stream: nobody keeps one open in silence.
        let request = request.map(|body| attend(body, self.stream_patience).0);
        let answered = self.own.clone().oneshot(request).await;
        answered.unwrap_or_else(|never| match never {})
    }
}

/// What the translator of gRPC-Web speaks to.
#[derive(Clone)]
struct Native(Arc<Inner>);

impl Service<Request<Body>> for Native {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { Ok(inner.native(request).await) })
    }
}

/// A call in gRPC-Web, binary or base64.
pub fn web(
    inner: Arc<Inner>,
    request: Request<Body>,
) -> BoxFuture<'static, Result<Response<Body>, Infallible>> {
    GrpcWebLayer::new().layer(Native(inner)).call(request).boxed()
}
