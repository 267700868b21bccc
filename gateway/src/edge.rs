//! One port: gRPC by path, gRPC-Web translated to it, JSON for the rest.

mod json;
mod native;
mod pages;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use lutong_chassis::access::PrincipalKey;
use lutong_chassis::health::Readiness;
use lutong_chassis::peer::PeerAddress;
use lutong_chassis::{BuildError, Foundation, status, telemetry};
use lutong_kernel::{Fault, FaultCode, ServiceName};
use lutong_proto::policy::Scope;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::service::Routes;
use tower::Service;

use crate::config::GatewayConfig;
use crate::contract::{Contract, EdgeRpc};
use crate::limit::Limits;
use crate::peers::Peers;
use crate::pools::Pools;
use crate::sessions::{Known, Sessions};
use crate::sign_in::Accounts;
use crate::standing::{Standing, session_ended};
use crate::transcode::Bindings;
use crate::{openapi, own};

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
    pools: Pools,
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
            openapi: openapi::document(&bindings),
            own: own::routes(readiness, pool, &contract)?,
            limits: Limits::new(config, redis.as_deref())?,
            pools: Pools::new(config),
            standing: Standing::new(
                peers.get(ServiceName::Identity),
                Duration::from_secs(config.staff_stale_s),
            ),
            accounts: Accounts::new(peers.get(ServiceName::Identity)),
            dev_session: config.dev.then(|| Duration::from_secs(config.session_ttl_s)),
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
        match request.headers().get(CONTENT_TYPE).map_or(Spoken::Json, spoken) {
            Spoken::Grpc => Box::pin(async move { Ok(inner.native(request).await) }),
            Spoken::GrpcWeb => native::web(inner, request),
            Spoken::Json => Box::pin(async move { Ok(inner.json(request).await) }),
        }
    }
}

/// A call that was let in.
struct Admitted {
    /// Metadata `lutong-principal`.
    token: HeaderValue,
    known: Arc<Known>,
}

/// How a client speaks, by its content type.
enum Spoken {
    Grpc,
    GrpcWeb,
    Json,
}

fn spoken(content_type: &HeaderValue) -> Spoken {
    let text = content_type.as_bytes();
    if text.starts_with(b"application/grpc-web") {
        Spoken::GrpcWeb
    } else if text.starts_with(b"application/grpc") {
        Spoken::Grpc
    } else {
        Spoken::Json
    }
}

impl Inner {
    /// Lets a call in: its session, its limit, and the token with which it goes on.
    async fn admit(
        &self,
        rpc: &EdgeRpc,
        headers: &HeaderMap,
        from: Option<SocketAddr>,
    ) -> Result<Admitted, Fault> {
        let (session, mut known) = self.sessions.of(headers)?;
        match session {
            Some(_) => {
                self.limits.account(&known.principal.account).await?;
                self.standing.check(&known.principal, known.version).await?;
            }
            None => self.limits.anonymous(from).await?,
        }
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
        Ok(Admitted { token, known })
    }
}

const fn is_away(fault: &Fault) -> bool {
    matches!(
        fault.code,
        FaultCode::Unavailable | FaultCode::DeadlineExceeded | FaultCode::ResourceExhausted
    )
}

/// Where a request comes from, if the listener knows.
fn address_of(request: &Request<Body>) -> Option<SocketAddr> {
    request.extensions().get::<PeerAddress>().map(|peer| peer.0)
}

/// One finished call, in the gateway's own series.
fn count(rpc: &EdgeRpc, started: Instant, fault: Option<&Fault>) {
    let code = fault.map_or(tonic::Code::Ok, |fault| status::from_fault(fault.clone()).code());
    telemetry::count_call(rpc.label, telemetry::code_label(code), started.elapsed());
}
