//! The layer around every service, the same in one process and over a network: deadline, caller, principal, policy,
//! load shedding, panics, metrics, trace, audit record.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine as _;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use lutong_kernel::{Clock, Fault, FaultCode, ServiceName};
use lutong_proto::policy::Caller;
use tokio::sync::{Semaphore, SemaphorePermit};
use tonic::body::Body;
use tonic::metadata::MetadataValue;
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::{Service, ServiceExt as _};

use super::concurrency::{ConcurrencyLimit, ConcurrencySlot};
use super::message::{self, MessageBytes, SilenceWatch};
use super::stream_deadline;
use super::unread;
use crate::access::{
    AccessTable, Grant, MAX_NETWORK, NETWORK_HEADER, Origin, PARTNER_HEADER, PRINCIPAL_HEADER, Principal,
    PrincipalKey, RpcPolicy, TokenError,
};
use crate::deadline::Deadline;
use crate::peer::PeerCaller;
use crate::record::refusals::RefusalBudget;
use crate::record::{AuditSink, outcome_of};
use crate::status;
use lutong_operating::telemetry;
use lutong_operating::telemetry::CallTimer;

/// A call that takes longer is logged even if it succeeds.
const SLOW: Duration = Duration::from_secs(1);

/// The configuration of a guard.
#[derive(Clone)]
pub struct GuardConfig {
    pub service: ServiceName,
    pub table: AccessTable,
    pub key: PrincipalKey,
    pub clock: Arc<dyn Clock>,
    pub audit: Option<Arc<dyn AuditSink>>,
    /// Concurrent unary calls; more are shed with RESOURCE_EXHAUSTED and a retry delay.
    pub max_in_flight: usize,
    /// Maximum duration of a unary call.
    pub longest: Duration,
    /// How long its message may take to arrive, and its maximum size in bytes; an RPC may allow less.
    pub message_patience: Duration,
    pub largest_message: usize,
    /// Concurrent imports (client streams), in a separate pool: in total and per account.
    pub max_streams: usize,
    pub max_streams_per_account: usize,
    /// Maximum duration of an import or a watch.
    pub longest_stream: Duration,
    /// How long an import may be silent.
    pub stream_patience: Duration,
}

/// A service with its guard; cheap to clone.
#[derive(Clone)]
pub struct ServiceRouter {
    inner: Routes,
    guard: Arc<Guard>,
}

pub(super) struct Guard {
    pub(super) config: GuardConfig,
    in_flight: Semaphore,
    pub(super) refusals: RefusalBudget,
    streams: Semaphore,
    streams_of: ConcurrencyLimit<String>,
}

/// What a call occupies while its handler runs.
struct CallResources<'a> {
    stream: Option<SilenceWatch>,
    _permit: SemaphorePermit<'a>,
    _of_account: Option<ConcurrencySlot<String>>,
}

impl ServiceRouter {
    pub fn new(routes: Routes, config: GuardConfig) -> Self {
        let guard = Guard {
            in_flight: Semaphore::new(config.max_in_flight),
            streams: Semaphore::new(config.max_streams),
            streams_of: ConcurrencyLimit::new(config.max_streams_per_account),
            refusals: RefusalBudget::default(),
            config,
        };
        Self {
            inner: routes.prepare(),
            guard: Arc::new(guard),
        }
    }
}

impl Service<Request<Body>> for ServiceRouter {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let inner = self.inner.clone();
        let guard = Arc::clone(&self.guard);
        if !guard.records(request.uri().path()) {
            return Box::pin(async move { Ok(guard.handle(inner, request).await) });
        }
        // In its own task: if the caller cancels, the effect must still get its record.
        let handled = tokio::spawn(async move { guard.handle(inner, request).await });
        Box::pin(async move {
            Ok(handled.await.unwrap_or_else(|_| {
                status::from_fault(Fault::internal("a recorded call panicked")).into_http()
            }))
        })
    }
}

impl Guard {
    async fn handle(&self, inner: Routes, mut request: Request<Body>) -> Response<Body> {
        let Some(rpc) = self.config.table.get(request.uri().path()).cloned() else {
            return self.ungoverned(inner, request).await;
        };
        let timer = CallTimer::start(rpc.name);
        let admitted = match self.admit(&rpc, &mut request) {
            Ok(admitted) => admitted,
            Err(fault) => {
                let status = status::from_fault(fault.clone());
                timer.finish(status.code());
                self.record_refusal(&rpc, request, &fault).await;
                return status.into_http();
            }
        };
        let span = telemetry::call_span(rpc.name, request.headers());
        let captured = self.capture_request(&rpc, &mut request);
        let answered = async {
            let response = tracing::Instrument::instrument(self.run(inner, request, &admitted), span).await;
            self.record(&rpc, &admitted, captured, response).await
        };
        let response = status::in_rpc(rpc.name, answered).await;
        self.observe(&rpc, timer, &response);
        response
    }

    /// Health and reflection: open to any peer of the mesh, without a policy of their own.
    async fn ungoverned(&self, inner: Routes, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path();
        if path.starts_with("/grpc.health.v1.") || path.starts_with("/grpc.reflection.") {
            // A peer that sends a token is checking that both have the same keys.
            if let Some(token) = request.headers().get(PRINCIPAL_HEADER)
                && let Err(fault) = self.open(token.as_bytes())
            {
                return status::from_fault(fault).into_http();
            }
            return inner
                .oneshot(request)
                .await
                .unwrap_or_else(|never| match never {});
        }
        Status::unimplemented("there is no such method").into_http()
    }

    fn admit(&self, rpc: &Arc<RpcPolicy>, request: &mut Request<Body>) -> Result<Grant, Fault> {
        let Some(PeerCaller(caller)) = request.extensions().get::<PeerCaller>().copied() else {
            return Err(crate::access::Refusal::Caller.fault());
        };
        let headers = request.headers();
        let token = headers.get(PRINCIPAL_HEADER).cloned();
        let principal = match &token {
            None => Principal::service(caller.as_str_name()),
            Some(value) => self.open(value.as_bytes())?,
        };
        rpc.check(caller, &principal)
            .map_err(crate::access::Refusal::fault)?;
        let longest = if rpc.streams || rpc.watches {
            self.config.longest_stream
        } else {
            self.config.longest + rpc.waits
        };
        let deadline = Deadline::of_headers(headers, longest);
        let token = token.and_then(|value| MetadataValue::try_from(value.as_bytes()).ok());
        let origin = origin_of(caller, headers);
        let grant = Grant::new(Arc::clone(rpc), caller, principal, token, deadline, origin);
        request.extensions_mut().insert(grant.clone());
        request.extensions_mut().insert(deadline);
        Ok(grant)
    }

    pub(super) fn open(&self, value: &[u8]) -> Result<Principal, Fault> {
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(value);
        let opened = bytes
            .map_err(|_| TokenError::Unreadable)
            .and_then(|bytes| self.config.key.open(&bytes, self.config.clock.now()));
        opened.map(|(principal, _)| principal).map_err(|error| {
            tracing::warn!(service = self.config.service.as_str(), %error, "an internal token was refused");
            crate::access::Refusal::NotSignedIn.fault()
        })
    }

    /// Reads the message before it takes a concurrency slot, so that a slow client occupies none.
    async fn enter<'a>(
        &'a self,
        request: Request<Body>,
        grant: &Grant,
        until: tokio::time::Instant,
    ) -> Result<(CallResources<'a>, Request<Body>), Fault> {
        let (mut head, body) = request.into_parts();
        if grant.rpc().streams {
            let of_account = self.streams_of.enter(grant.principal().account.clone());
            let of_account = of_account.ok_or_else(too_many_at_once)?;
            let permit = self.streams.try_acquire().map_err(|_| overloaded())?;
            let (body, watch) = message::watch_for_silence(body, self.config.stream_patience);
            let resources = CallResources {
                stream: Some(watch),
                _of_account: Some(of_account),
                _permit: permit,
            };
            return Ok((resources, Request::from_parts(head, body)));
        }
        let patience = tokio::time::Instant::now() + self.config.message_patience;
        let read = message::read_frame(body, self.config.largest_message, patience.min(until)).await;
        let frame = read.map_err(|fault| {
            let late = fault.code == FaultCode::DeadlineExceeded && until < patience;
            if late { status::deadline_exceeded() } else { fault }
        })?;
        let resources = CallResources {
            stream: None,
            _of_account: None,
            _permit: self.in_flight.try_acquire().map_err(|_| overloaded())?,
        };
        head.extensions.insert(MessageBytes::of_frame(&frame));
        let body = Body::new(Full::new(frame));
        Ok((resources, Request::from_parts(head, body)))
    }

    async fn run(&self, inner: Routes, request: Request<Body>, grant: &Grant) -> Response<Body> {
        let deadline = request.extensions().get::<Deadline>().copied();
        let until = deadline.map_or_else(tokio::time::Instant::now, Deadline::instant);
        let (resources, request) = match self.enter(request, grant, until).await {
            Ok(entered) => entered,
            Err(fault) => return status::from_fault(fault).into_http(),
        };
        let work = AssertUnwindSafe(inner.oneshot(request)).catch_unwind();
        let worked = tokio::time::timeout_at(until, work).await;
        if let Some(gone) = resources.stream.as_ref().and_then(SilenceWatch::hung_up) {
            return status::from_fault(gone).into_http();
        }
        match worked {
            Ok(Ok(Ok(response))) if grant.rpc().watches => {
                unread::explain(response).map(|body| stream_deadline::with_deadline(body, until))
            }
            Ok(Ok(Ok(response))) => unread::explain(response),
            Ok(Ok(Err(never))) => match never {},
            Ok(Err(_panic)) => {
                // The panic hook has logged where.
                status::from_fault(Fault::internal("a handler panicked")).into_http()
            }
            Err(_elapsed) => status::from_fault(status::deadline_exceeded()).into_http(),
        }
    }

    fn observe(&self, rpc: &RpcPolicy, timer: CallTimer, response: &Response<Body>) {
        let code = outcome_of(response);
        let took = timer.finish(code);
        let broken = matches!(code, Code::Internal | Code::Unknown | Code::DataLoss);
        if broken || took > SLOW + rpc.waits {
            tracing::warn!(
                rpc = rpc.name,
                service = self.config.service.as_str(),
                code = telemetry::code_name(code),
                took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                "{}",
                if broken { "a call broke" } else { "a call was slow" }
            );
        }
    }
}

/// Where a call came in, as the gateway states it; nobody else is at the edge.
fn origin_of(caller: Caller, headers: &HeaderMap) -> Origin {
    if caller != Caller::Gateway {
        return Origin::default();
    }
    let network = headers
        .get(NETWORK_HEADER)
        .and_then(|stated| stated.to_str().ok());
    let network = network.filter(|stated| !stated.is_empty() && stated.len() <= MAX_NETWORK);
    let partner = headers.get(PARTNER_HEADER).map(|stated| {
        // What cannot be read names no host, and is not taken for a call without a certificate.
        let names = stated.to_str().unwrap_or_default().split(',');
        names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    });
    Origin {
        network: network.map(str::to_owned),
        partner,
    }
}

fn overloaded() -> Fault {
    Fault::new(
        FaultCode::ResourceExhausted,
        "OVERLOADED",
        "当前访问人数较多，请稍后重试",
        "too many calls are under way; try again in a moment",
    )
    .retry_after(Duration::from_millis(500))
}

fn too_many_at_once() -> Fault {
    Fault::new(
        FaultCode::ResourceExhausted,
        "TOO_MANY_AT_ONCE",
        "同时进行的操作过多，请等待完成后重试",
        "too many calls of this account or address are under way at once; wait for one to end",
    )
    .retry_after(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stated(caller: Caller, partner: &'static [u8]) -> Origin {
        let mut headers = HeaderMap::new();
        headers.insert(NETWORK_HEADER, "hash".parse().unwrap());
        headers.insert(PARTNER_HEADER, http::HeaderValue::from_bytes(partner).unwrap());
        origin_of(caller, &headers)
    }

    #[test]
    fn where_a_call_came_in_only_the_gateway_states() {
        let origin = stated(Caller::Gateway, b"a.cn,b.cn");
        assert_eq!(origin.network.as_deref(), Some("hash"));
        assert_eq!(origin.partner, Some(vec!["a.cn".to_owned(), "b.cn".to_owned()]));
        for caller in [Caller::Declaration, Caller::Federation, Caller::Operator] {
            assert_eq!(stated(caller, b"a.cn"), Origin::default());
        }
    }

    #[test]
    fn names_that_cannot_be_read_are_none_and_not_a_call_without_a_certificate() {
        for unreadable in [&b""[..], b",", b"\xff"] {
            assert_eq!(stated(Caller::Gateway, unreadable).partner, Some(Vec::new()));
        }
        let nothing = origin_of(Caller::Gateway, &HeaderMap::new());
        assert_eq!(nothing.partner, None);
    }
}
