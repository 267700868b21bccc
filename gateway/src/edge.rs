//! One service for every listener: gRPC and gRPC-Web by content type, everything else by the routes of HTTP.

mod problems;
mod protocol;
mod routes;

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use futures::future::BoxFuture;
use http::{Request, Response};
use lutong_kernel::Random;
use tonic::body::Body;
use tower::Service;

use crate::pages::Pages;
use crate::rpc::{self, Calls};
use crate::sign_in::SignIn;
use crate::trace;
use protocol::Protocol;

/// What a listener serves; cheap to clone.
#[derive(Clone)]
pub struct Edge {
    calls: Arc<Calls>,
    http: Router,
    /// For the ids of requests that nobody traces.
    random: Arc<dyn Random>,
}

impl Edge {
    pub(crate) fn new(calls: Calls, pages: Pages, sign_in: SignIn, random: Arc<dyn Random>) -> Self {
        let calls = Arc::new(calls);
        Self {
            http: routes::router(Arc::clone(&calls), pages, sign_in, Arc::clone(&random)),
            calls,
            random,
        }
    }
}

impl Service<Request<Body>> for Edge {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match Protocol::of(&request) {
            Ok(Protocol::Grpc) => {
                let calls = Arc::clone(&self.calls);
                Box::pin(async move { Ok(calls.native(request).await) })
            }
            Ok(Protocol::GrpcWeb) => rpc::translate(Arc::clone(&self.calls), request),
            Ok(Protocol::Http) => {
                let answered = self.http.call(request);
                Box::pin(async move { answered.await.map(|response| response.map(Body::new)) })
            }
            Err(problem) => {
                let trace_id = trace::of_client(request.headers());
                let trace_id = trace::id(trace_id, None, &*self.random);
                let response = problem.into_document(&trace_id).map(Body::new);
                Box::pin(async move { Ok(response) })
            }
        }
    }
}
