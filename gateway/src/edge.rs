//! One service for every listener: gRPC by path, gRPC-Web translated to it, JSON for the rest.

mod json;
mod native;
mod pages;

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use lutong_chassis::{BuildError, Foundation};
use lutong_kernel::{Fault, Random, ServiceName};
use lutong_operating::health::Readiness;
use lutong_operating::tls::PeerAccount;
use lutong_proto::policy::Scope;
use lutong_transport::access::{PrincipalKey, Refusal};
use lutong_transport::peer::PeerAddress;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::service::Routes;
use tower::Service;

use crate::certificates::{Certificates, Sources};
use crate::config::GatewayConfig;
use crate::contract::{Contract, EdgeRpc};
use crate::limit::Limits;
use crate::peers::Peers;
use crate::pools::{Caller, Callers, Pools};
use crate::problem::Problem;
use crate::sessions::{Known, SessionId, Sessions};
use crate::sign_in::{Accounts, is_away};
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
    certificates: Certificates,
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
            certificates: Certificates::new(Arc::clone(&foundation.clock)),
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

    /// For `lutong_transport::server::Listener::serve`, or to be called directly.
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

/// Who calls.
struct Identified {
    session: Option<SessionId>,
    /// Whether it is an account, rather than anybody.
    is_account: bool,
    known: Arc<Known>,
}

impl Inner {
    /// Lets a call in by its headers and its connection alone: who calls, their limits, and the token with which it goes
    /// on. Who calls is known before anything is said about what they sent.
    async fn admit(&self, rpc: &EdgeRpc, headers: &HeaderMap, origin: Origin) -> Result<Admitted, Fault> {
        let Identified {
            session,
            is_account,
            mut known,
        } = self.identify(headers, &origin).await?;
        let account = is_account.then_some(known.principal.account.as_str());
        if account.is_none() && !rpc.public {
            return Err(Refusal::NotSignedIn.fault());
        }
        let caller = self.callers.enter(rpc.work, account, origin.address)?;
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

    /// Who calls: the session in `authorization`; without that header, the account that the connection's certificate
    /// names; else anybody. A call by a session over such a connection is the session's, so that whatever stands before
    /// several people may have a certificate of its own.
    async fn identify(&self, headers: &HeaderMap, origin: &Origin) -> Result<Identified, Fault> {
        if let Some(peer) = &origin.account {
            self.certificates.check(peer)?;
            if !headers.contains_key(AUTHORIZATION) {
                return self.identify_by_certificate(peer).await;
            }
        }
        let (session, known) = self.sessions.of(headers)?;
        if session.is_some() {
            self.limits.account(&known.principal.account).await?;
            self.standing.check(&known.principal, known.version).await?;
        } else {
            self.limits.anonymous(origin.address).await?;
        }
        Ok(Identified {
            session,
            is_account: session.is_some(),
            known,
        })
    }

    async fn identify_by_certificate(&self, peer: &PeerAccount) -> Result<Identified, Fault> {
        // Before identity is asked: nobody may ask it more often than that.
        self.limits.account(&peer.account).await?;
        let sources = Sources {
            accounts: &self.accounts,
            sessions: &self.sessions,
            standing: &self.standing,
        };
        let known = self.certificates.known(peer, sources).await?;
        self.standing.check(&known.principal, known.version).await?;
        Ok(Identified {
            session: None,
            is_account: true,
            known,
        })
    }
}

/// Where a request comes from, as far as the listener knows.
struct Origin {
    address: Option<PeerAddress>,
    account: Option<PeerAccount>,
}

impl Origin {
    fn of(request: &Request<Body>) -> Self {
        Self {
            address: address_of(request),
            account: request.extensions().get::<PeerAccount>().cloned(),
        }
    }
}

/// Where a request comes from, if the listener knows.
fn address_of(request: &Request<Body>) -> Option<PeerAddress> {
    request.extensions().get::<PeerAddress>().copied()
}

#[cfg(test)]
mod tests;
