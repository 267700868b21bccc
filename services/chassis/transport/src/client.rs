//! Calls to another service: in one process directly to its router, between processes over mTLS to its replicas. The
//! calling service cannot tell the difference.

mod addresses;
mod budget;
mod repeatable;
mod replay;
mod replica;
mod replicas;
mod secured;
#[cfg(feature = "wire")]
pub mod wire;

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::{Request, Response};
use lutong_kernel::{Fault, ServiceName};
use lutong_operating::breaker::Breaker;
use lutong_proto::policy::Caller;
use tonic::Status;
use tonic::body::Body;
use tonic::metadata::{Ascii, MetadataValue};
use tower::{Service, ServiceExt as _};

pub use addresses::{Addresses, Resolve, SystemResolver};
pub use replicas::{Replicas, SendError, Timing};
pub use secured::channel;

use crate::access::PRINCIPAL_HEADER;
use crate::deadline;
use crate::deadline::Deadline;
use crate::peer::PeerCaller;
use crate::server::ServiceRouter;
use crate::status;

/// Deadline of a call that sets none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// An unanswered call with a shorter timeout does not count towards the circuit breaker.
const MIN_CONCLUSIVE: Duration = Duration::from_millis(500);

/// A tower service over which every generated client of the contract runs.
#[derive(Clone)]
pub struct MeshChannel {
    part: ServiceName,
    caller: Caller,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Local(Arc<OnceLock<ServiceRouter>>),
    Remote { replicas: Replicas, breaker: Breaker },
}

impl std::fmt::Debug for MeshChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            Kind::Local(_) => "local",
            Kind::Remote { .. } => "remote",
        };
        write!(f, "MeshChannel({} {kind})", self.part)
    }
}

impl MeshChannel {
    /// To a service of another process.
    pub fn remote(part: ServiceName, caller: Caller, replicas: Replicas) -> Self {
        Self {
            part,
            caller,
            kind: Kind::Remote {
                replicas,
                breaker: Breaker::new(part.as_str()),
            },
        }
    }

    pub fn part(&self) -> ServiceName {
        self.part
    }

    pub fn caller(&self) -> Caller {
        self.caller
    }

    fn carry(&self, mut request: Request<Body>) -> BoxFuture<'static, Result<Response<Body>, Infallible>> {
        let part = self.part;
        let timeout = request
            .headers()
            .get("grpc-timeout")
            .and_then(|value| value.to_str().ok());
        let timeout = timeout.and_then(deadline::parse).unwrap_or(DEFAULT_TIMEOUT);
        match &self.kind {
            Kind::Local(slot) => {
                let Some(router) = slot.get() else {
                    return Box::pin(async move { Ok(refusal(Fault::unavailable(part.as_str()))) });
                };
                // The same extensions as over a connection: the caller's identity, and none of the client's own.
                request.extensions_mut().clear();
                request.extensions_mut().insert(PeerCaller(self.caller));
                // The server side enforces the deadline; a second timer would be redundant.
                Box::pin(router.clone().oneshot(request))
            }
            Kind::Remote { replicas, breaker } => {
                let Some(attempt) = breaker.admit() else {
                    return Box::pin(async move { Ok(refusal(Fault::unavailable(part.as_str()))) });
                };
                let replicas = replicas.clone();
                Box::pin(async move {
                    let sent = tokio::time::timeout(timeout, replicas.send(request)).await;
                    match &sent {
                        Ok(Ok(_)) => attempt.answered(),
                        // The timeout was too short for the peer to answer.
                        Err(_) if timeout < MIN_CONCLUSIVE => drop(attempt),
                        Ok(Err(_)) | Err(_) => attempt.unanswered(),
                    }
                    match sent {
                        Ok(Ok(response)) => Ok(response),
                        // The transport has its own timer, which sometimes fires first.
                        Ok(Err(SendError::Transport(error))) if timed_out(&error) => {
                            Ok(refusal(status::deadline_exceeded()))
                        }
                        Ok(Err(error)) => {
                            tracing::debug!(part = part.as_str(), error = %error, "a call did not reach its service");
                            Ok(refusal(Fault::unavailable(part.as_str())))
                        }
                        Err(_) => Ok(refusal(status::deadline_exceeded())),
                    }
                })
            }
        }
    }
}

/// The services of one process. Each is bound after it is built, so that services may call each other cyclically.
#[derive(Clone, Default)]
pub struct LocalMesh(Arc<[Arc<OnceLock<ServiceRouter>>; ServiceName::ALL.len()]>);

impl LocalMesh {
    pub fn new() -> Self {
        Self::default()
    }

    /// A channel to `part` for `caller`, usable before `part` is bound (it answers UNAVAILABLE until then).
    pub fn channel(&self, part: ServiceName, caller: Caller) -> MeshChannel {
        MeshChannel {
            part,
            caller,
            kind: Kind::Local(Arc::clone(self.slot(part))),
        }
    }

    /// Makes `part` reachable.
    pub fn bind(&self, part: ServiceName, router: ServiceRouter) {
        if self.slot(part).set(router).is_err() {
            tracing::error!(
                service = part.as_str(),
                "a service of this process was bound twice"
            );
        }
    }

    fn slot(&self, part: ServiceName) -> &Arc<OnceLock<ServiceRouter>> {
        // `part as usize` is below ALL.len(): the enum has no explicit discriminants.
        &self.0[part as usize]
    }
}

impl Service<Request<Body>> for MeshChannel {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        #[cfg(feature = "wire")]
        if let Some(wire) = wire::installed() {
            let answer = wire(self.clone(), request);
            return Box::pin(async move { Ok(answer.await) });
        }
        self.carry(request)
    }
}

fn timed_out(error: &tonic::transport::Error) -> bool {
    causes(error).any(<dyn std::error::Error>::is::<tonic::TimeoutExpired>)
}

/// The chain of causes of a transport error.
fn causes(error: &tonic::transport::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |cause| cause.source())
}

fn refusal(fault: Fault) -> Response<Body> {
    status::from_fault(fault).into_http()
}

/// The context of an outgoing call: its deadline and the principal on whose behalf it is made.
#[derive(Debug, Clone)]
pub struct Call {
    deadline: Deadline,
    token: Option<MetadataValue<Ascii>>,
}

impl Call {
    /// Background work: in the service's own name.
    pub fn background(timeout: Duration) -> Self {
        Self {
            deadline: Deadline::after(timeout),
            token: None,
        }
    }

    pub(crate) fn on_behalf(token: Option<MetadataValue<Ascii>>, deadline: Deadline) -> Self {
        Self { deadline, token }
    }

    /// For the gateway, which makes the token that the services forward.
    pub fn with_token(token: MetadataValue<Ascii>, timeout: Duration) -> Self {
        Self {
            deadline: Deadline::after(timeout),
            token: Some(token),
        }
    }

    /// A request with the remaining deadline (reduced for one hop), principal and trace context.
    pub fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        request.set_timeout(self.deadline.left_for_hop());
        if let Some(token) = &self.token {
            request.metadata_mut().insert(PRINCIPAL_HEADER, token.clone());
        }
        lutong_operating::telemetry::inject(request.metadata_mut());
        request
    }
}

/// Converts a status of another service to a fault of this one. If the request was derived from part of ours, `within`
/// is the path of that part, prefixed to the fields of its violations.
pub fn relay(status: &Status, part: ServiceName, within: &str) -> Fault {
    let mut fault = status::to_fault(status, part.as_str());
    if !within.is_empty() {
        fault.violations = fault
            .violations
            .into_iter()
            .map(|violation| violation.within(within))
            .collect();
    }
    fault
}
