//! gRPC-Web, binary or base64: translated to gRPC, and the answer back.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{Request, Response};
use tonic::body::Body;
use tonic_web::GrpcWebLayer;
use tower::{Layer as _, Service};

use super::Calls;

/// Answers a call in gRPC-Web.
pub fn translate(
    calls: Arc<Calls>,
    request: Request<Body>,
) -> BoxFuture<'static, Result<Response<Body>, Infallible>> {
    GrpcWebLayer::new()
        .layer(NativeCalls(calls))
        .call(request)
        .boxed()
}

/// gRPC as the service that the translator calls.
#[derive(Clone)]
struct NativeCalls(Arc<Calls>);

impl Service<Request<Body>> for NativeCalls {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let calls = Arc::clone(&self.0);
        Box::pin(async move { Ok(calls.native(request).await) })
    }
}
