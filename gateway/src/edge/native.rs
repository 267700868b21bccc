//! gRPC: the path names the service, the body passes as it is. gRPC-Web is translated first.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{Request, Response};
use lutong_chassis::{status, telemetry};
use lutong_kernel::Fault;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_web::GrpcWebLayer;
use tower::{Layer as _, Service, ServiceExt as _};

use super::{Admitted, Inner, address_of, count};
use crate::contract::EdgeRpc;
use crate::{own, proxy};

impl Inner {
    pub async fn native(&self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path();
        let Some(rpc) = self.contract.get(path) else {
            if own::is_own(path) {
                return self.own(request).await;
            }
            return Status::unimplemented("there is no such method here").into_http();
        };
        let started = Instant::now();
        match self.pass(rpc, request).await {
            Ok(response) => {
                // A call that went well says so in its trailers only.
                let code = response
                    .headers()
                    .get("grpc-status")
                    .map_or(Code::Ok, |value| Code::from_bytes(value.as_bytes()));
                telemetry::count_call(rpc.label, telemetry::code_label(code), started.elapsed());
                response
            }
            Err(fault) => {
                count(rpc, started, Some(&fault));
                status::from_fault(fault).into_http()
            }
        }
    }

    async fn pass(&self, rpc: &EdgeRpc, request: Request<Body>) -> Result<Response<Body>, Fault> {
        let Admitted { token, known } = self.admit(rpc, request.headers(), address_of(&request)).await?;
        let _place = self.pools.enter(rpc.work)?;
        let (head, body) = request.into_parts();
        let headers = proxy::headers_of_grpc(rpc, &head.headers, token);
        let answered = proxy::forward(rpc, headers, body);
        if !rpc.streams {
            return Ok(answered.await);
        }
        // An import may last ten minutes; one whose account is stopped meanwhile ends.
        tokio::select! {
            response = answered => Ok(response),
            ended = self.standing.ended(&known.principal, known.version) => Err(ended),
        }
    }

    /// Health and reflection need no session; asking what there is counts as a call without one.
    async fn own(&self, request: Request<Body>) -> Response<Body> {
        if let Err(fault) = self.limits.anonymous(address_of(&request)).await {
            return status::from_fault(fault).into_http();
        }
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
