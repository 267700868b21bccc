//! One service for every listener: gRPC and gRPC-Web by content type, everything else by the routes of HTTP. Over the listener for partners
//! only what the contract serves there is reached, and no page.

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
use lutong_operating::tls::PeerPartner;
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
    everybody: Surface,
    partners: Surface,
    /// For the ids of requests that nobody traces.
    random: Arc<dyn Random>,
}

/// What is reached over a connection.
#[derive(Clone)]
struct Surface {
    calls: Arc<Calls>,
    http: Router,
}

impl Edge {
    pub(crate) fn new(
        (calls, of_partners): (Calls, Calls),
        pages: Pages,
        sign_in: SignIn,
        random: Arc<dyn Random>,
    ) -> Self {
        let (calls, of_partners) = (Arc::new(calls), Arc::new(of_partners));
        Self {
            everybody: Surface {
                http: routes::router(Arc::clone(&calls), pages, sign_in, Arc::clone(&random)),
                calls,
            },
            partners: Surface {
                http: routes::router_of_partners(Arc::clone(&of_partners), Arc::clone(&random)),
                calls: of_partners,
            },
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
        let is_partner = request.extensions().get::<PeerPartner>().is_some();
        let surface = if is_partner {
            &mut self.partners
        } else {
            &mut self.everybody
        };
        match Protocol::of(&request) {
            Ok(Protocol::Grpc) => {
                let calls = Arc::clone(&surface.calls);
                Box::pin(async move { Ok(calls.native(request).await) })
            }
            Ok(Protocol::GrpcWeb) => rpc::translate(Arc::clone(&surface.calls), request),
            Ok(Protocol::Http) => {
                let answered = surface.http.call(request);
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
