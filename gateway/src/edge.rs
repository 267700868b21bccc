//! One port: gRPC by path, gRPC-Web translated to it, JSON for the rest.

mod json;
mod native;
mod pages;

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use lutong_chassis::access::{PrincipalKey, Refusal};
use lutong_chassis::health::Readiness;
use lutong_chassis::peer::PeerAddress;
use lutong_chassis::{BuildError, Foundation};
use lutong_kernel::{Fault, FaultCode, Random, ServiceName};
use lutong_proto::policy::Scope;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::service::Routes;
use tower::Service;

use crate::config::GatewayConfig;
use crate::contract::{Contract, EdgeRpc};
use crate::limit::Limits;
use crate::peers::Peers;
use crate::pools::{Caller, Callers, Pools};
use crate::problem::Problem;
use crate::sessions::{Known, Sessions};
use crate::sign_in::Accounts;
use crate::standing::{Standing, session_ended};
use crate::transcode::Bindings;
use crate::{openapi, own, trace};

/// The built edge.
pub struct Gateway {
    edge: Edge,
}

/// What a listener serves; cheap to clone.
#[derive(Clone)]
pub struct Edge(Arc<Inner>);

struct Inner {
    contract: Contract,
    bindings: Bindings,
    sessions: Sessions,
    accounts: Accounts,
    standing: Standing,
    limits: Limits,
    callers: Callers,
    pools: Pools,
    message_patience: Duration,
    stream_patience: Duration,
    /// For the ids of calls that nobody traces.
    random: Arc<dyn Random>,
    own: Routes,
    openapi: Bytes,
    /// How long a session of the development identity provider holds; none where there is no such provider.
    dev_session: Option<Duration>,
}

impl Gateway {
    /// Puts the edge together. Refuses a configuration that would be unsafe, and a contract that it cannot serve.
    #[allow(clippy::needless_pass_by_value)] // the edge takes over what it is given
    pub fn build(
        foundation: &Foundation,
        config: &GatewayConfig,
        peers: Peers,
        session_key: PrincipalKey,
        redis: Option<String>,
        readiness: &Readiness,
    ) -> Result<Self, BuildError> {
        config.check()?;
        let pool = lutong_proto::descriptor_pool();
        let contract = Contract::read(pool, &peers)?;
        let bindings = Bindings::read(pool, &contract)?;
        let sessions = Sessions::new(
            session_key,
            foundation.principal_key.clone(),
            Arc::clone(&foundation.clock),
            config.session_cache,
            config.dev,
        );
        if config.dev {
            tracing::warn!(listen = %config.listen, "the development identity provider is on: anybody signs in as anybody");
        }
        let inner = Inner {
            openapi: openapi::document(&bindings, config.dev),
            own: own::routes(readiness, &contract)?,
            limits: Limits::new(config, redis.as_deref())?,
            callers: Callers::new(config),
            pools: Pools::new(config),
            message_patience: Duration::from_millis(config.message_patience_ms),
            stream_patience: Duration::from_millis(config.stream_patience_ms),
            standing: Standing::new(
                peers.get(ServiceName::Identity),
                Duration::from_secs(config.staff_stale_s),
            ),
            accounts: Accounts::new(peers.get(ServiceName::Identity)),
            dev_session: config.dev.then(|| Duration::from_secs(config.session_ttl_s)),
            random: Arc::clone(&foundation.random),
            contract,
            bindings,
            sessions,
        };
        Ok(Self {
            edge: Edge(Arc::new(inner)),
        })
    }

    /// For `lutong_chassis::server::Listener::serve`, or to be called directly.
    pub fn service(&self) -> Edge {
        self.edge.clone()
    }

    /// Follows what operators change of accounts, until `stop`: to be spawned beside the listener.
    pub fn follow_accounts(&self, stop: CancellationToken) -> BoxFuture<'static, ()> {
        let inner = Arc::clone(&self.edge.0);
        Box::pin(async move { inner.standing.follow(stop).await })
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
        let inner = Arc::clone(&self.0);
        match spoken(&request) {
            Ok(Spoken::Grpc) => Box::pin(async move { Ok(inner.native(request).await) }),
            Ok(Spoken::GrpcWeb) => native::web(inner, request),
            Ok(Spoken::Json) => Box::pin(async move { Ok(inner.json(request).await) }),
            Err(problem) => {
                let trace = trace::of_client(request.headers());
                let trace_id = trace::id(trace, &tracing::Span::none(), &*inner.random);
                Box::pin(async move { Ok(problem.into_response(&trace_id)) })
            }
        }
    }
}

/// How a client speaks, by its content type.
#[derive(Debug, PartialEq, Eq)]
enum Spoken {
    Grpc,
    GrpcWeb,
    Json,
}

/// One way of speaking that is exactly one of ours; what is nearly one is refused, so that nobody in front of the edge
/// can have understood it differently.
fn spoken(request: &Request<Body>) -> Result<Spoken, Problem> {
    if request.headers().get_all(HOST).iter().nth(1).is_some() {
        return Err(Problem::more_than_one_host());
    }
    let mut content_types = request.headers().get_all(CONTENT_TYPE).iter();
    let content_type = content_types.next().map_or(&b""[..], HeaderValue::as_bytes);
    if content_types.next().is_some() {
        return Err(Problem::not_grpc());
    }
    let spoken = match content_type {
        b"application/grpc" | b"application/grpc+proto" => Spoken::Grpc,
        b"application/grpc-web"
        | b"application/grpc-web+proto"
        | b"application/grpc-web-text"
        | b"application/grpc-web-text+proto" => Spoken::GrpcWeb,
        other if begins_as_grpc(other) => return Err(Problem::not_grpc()),
        _ => return Ok(Spoken::Json),
    };
    if request.method() != Method::POST {
        return Err(Problem::method_not_allowed("POST".to_owned()));
    }
    Ok(spoken)
}

fn begins_as_grpc(content_type: &[u8]) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    content_type
        .get(..GRPC.len())
        .is_some_and(|begin| begin.eq_ignore_ascii_case(GRPC))
}

/// A call that was let in.
struct Admitted {
    /// With which it goes on: the metadata `lutong-principal`.
    token: HeaderValue,
    known: Arc<Known>,
    /// Its share of what its account, address and connection may have under way.
    _caller: Caller,
}

impl Inner {
    /// Lets a call in by its headers alone: its session, its limits, and the token with which it goes on. Who calls is
    /// known before anything is said about what they sent.
    async fn admit(
        &self,
        rpc: &EdgeRpc,
        headers: &HeaderMap,
        from: Option<PeerAddress>,
    ) -> Result<Admitted, Fault> {
        let (session, mut known) = self.sessions.of(headers)?;
        let account = session.is_some().then_some(known.principal.account.as_str());
        match account {
            Some(account) => {
                self.limits.account(account).await?;
                self.standing.check(&known.principal, known.version).await?;
            }
            None => self.limits.anonymous(from).await?,
        }
        if account.is_none() && !rpc.public {
            return Err(Refusal::NotSignedIn.fault());
        }
        let caller = self.callers.enter(rpc.work, account, from)?;
        if let Some(id) = session
            && known.awaits_subject()
            && !rpc.public
            && rpc.scope != Scope::None
        {
            match self.accounts.principal(&known.principal.account).await {
                Ok((_, version)) if version != known.version => return Err(session_ended()),
                Ok((now, _)) if now.subject.is_some() => known = self.sessions.replace(id, &known, now),
                Ok(_) => {}
                // What belongs to the account can go on without the person; what belongs to the person cannot: it
                // would be told that there is none.
                Err(fault) if rpc.scope == Scope::Case && is_away(&fault) => {}
                Err(fault) => return Err(fault),
            }
        }
        let token = if rpc.streams {
            self.sessions.token_for_stream(&known)
        } else {
            known.token()
        };
        Ok(Admitted {
            token,
            known,
            _caller: caller,
        })
    }
}

const fn is_away(fault: &Fault) -> bool {
    matches!(
        fault.code,
        FaultCode::Unavailable | FaultCode::DeadlineExceeded | FaultCode::ResourceExhausted
    )
}

/// Where a request comes from, if the listener knows.
fn address_of(request: &Request<Body>) -> Option<PeerAddress> {
    request.extensions().get::<PeerAddress>().copied()
}

#[cfg(test)]
mod tests;
