//! Calls between processes over mTLS, and in one process where the same must hold.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use lutong_kernel::ServiceName;
use lutong_operating::mesh_name::mesh_name;
use lutong_operating::tls;
use lutong_operating::tls::TlsFiles;
use lutong_proto::declaration::v1 as declaration;
use lutong_proto::declaration::v1::event_log_service_client::EventLogServiceClient;
use lutong_proto::declaration::v1::event_log_service_server::{EventLogService, EventLogServiceServer};
use lutong_proto::identity::v1 as identity;
use lutong_proto::identity::v1::account_service_client::AccountServiceClient;
use lutong_proto::identity::v1::account_service_server::{AccountService, AccountServiceServer};
use lutong_proto::policy::Caller;
use lutong_storage::Engine;
use lutong_testing::Bed;
use lutong_transport::access::Grant;
use lutong_transport::client::Call;
use lutong_transport::client::{Addresses, MeshChannel, Replicas, SystemResolver, Timing};
use lutong_transport::peer::{PeerAddress, PeerCaller};
use lutong_transport::server::{ListenConfig, Listener, ServiceRouter, TransportSecurity};
use lutong_transport::status;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::{Certificate, ClientTlsConfig};
use tonic::{Code, Request, Response, Status};

pub const SERVER: ServiceName = ServiceName::Declaration;
const LARGEST: usize = 1_024;
/// The cursor at which the handler waits until released.
pub const WAITS: &str = "waits";

/// Echoes the caller as determined by the server stack.
#[derive(Clone, Default)]
pub struct Handler {
    pub calls: Arc<AtomicUsize>,
    pub go_on: Arc<Notify>,
}

#[tonic::async_trait]
impl EventLogService for Handler {
    async fn list_events(
        &self,
        request: Request<declaration::ListEventsRequest>,
    ) -> Result<Response<declaration::ListEventsResponse>, Status> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let caller = Grant::of(&request)?.caller();
        assert!(request.extensions().get::<OfTheClient>().is_none());
        if request.get_ref().cursor == WAITS {
            self.go_on.notified().await;
        }
        let event = declaration::Event {
            subject_id: caller.as_str_name().to_owned(),
            ..Default::default()
        };
        Ok(Response::new(declaration::ListEventsResponse {
            events: vec![event],
            ..Default::default()
        }))
    }
}

#[tonic::async_trait]
impl AccountService for Handler {
    async fn get_account(
        &self,
        _: Request<identity::GetAccountRequest>,
    ) -> Result<Response<identity::GetAccountResponse>, Status> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Ok(Response::new(identity::GetAccountResponse::default()))
    }

    async fn open_account(
        &self,
        _: Request<identity::OpenAccountRequest>,
    ) -> Result<Response<identity::OpenAccountResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn list_account_changes(
        &self,
        _: Request<identity::ListAccountChangesRequest>,
    ) -> Result<Response<identity::ListAccountChangesResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn get_feed(
        &self,
        _: Request<identity::GetFeedRequest>,
    ) -> Result<Response<identity::GetFeedResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }
}

/// An extension that a client may try to attach to a request.
#[derive(Clone)]
struct OfTheClient;

/// A mesh server on a local port, and the certificates of its peers.
pub struct Served {
    pub address: SocketAddr,
    pub handler: Handler,
    pub stop: CancellationToken,
    pub serving: tokio::task::JoinHandle<()>,
    folder: tempfile::TempDir,
    _bed: Bed,
}

pub fn router(bed: &Bed, handler: &Handler) -> ServiceRouter {
    let routes = Routes::new(EventLogServiceServer::new(handler.clone()))
        .add_service(AccountServiceServer::new(handler.clone()).max_decoding_message_size(LARGEST));
    bed.foundation.guard(SERVER, routes, None)
}

pub async fn serve(config: ListenConfig) -> Served {
    let folder = tempfile::tempdir().unwrap();
    tls::write_development_certificates(folder.path()).unwrap();
    let server = tls::server_config(&files(folder.path(), folder.path(), SERVER.as_str())).unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = Listener::bind(address, config, TransportSecurity::Mutual(server))
        .await
        .unwrap();
    let bed = Bed::new(Engine::Sqlite);
    let (handler, stop) = (Handler::default(), CancellationToken::new());
    Served {
        address: listener.address().unwrap(),
        serving: tokio::spawn(listener.serve(router(&bed, &handler), stop.clone())),
        handler,
        stop,
        folder,
        _bed: bed,
    }
}

/// The identity `name` from one folder, trusting the CA of another.
pub fn files(trusted: &Path, own: &Path, name: &str) -> TlsFiles {
    let own = |suffix: &str| -> PathBuf { own.join(format!("{name}.{suffix}")) };
    TlsFiles {
        ca: trusted.join("ca.pem"),
        certificate: own("pem"),
        key: own("key"),
    }
}

impl Served {
    fn uri(&self) -> String {
        format!("https://{}", self.address)
    }

    /// A peer with the certificate of `name`.
    pub fn peer(&self, name: &str) -> MeshChannel {
        self.peer_with(SERVER, &files(self.folder.path(), self.folder.path(), name))
    }

    fn peer_with(&self, expected: ServiceName, files: &TlsFiles) -> MeshChannel {
        // The client's own claim counts only in one process; here it must not matter.
        let said = Caller::Gateway;
        MeshChannel::remote(
            expected,
            said,
            lutong_transport::client::channel(expected, &self.uri(), files).unwrap(),
        )
    }

    fn calls(&self) -> usize {
        self.handler.calls.load(Ordering::SeqCst)
    }
}

/// The caller that the handler saw.
pub async fn ask(channel: MeshChannel, cursor: &str, timeout: Duration) -> Result<String, Status> {
    let message = declaration::ListEventsRequest {
        cursor: cursor.to_owned(),
        page_size: 1,
    };
    let request = Call::background(timeout).request(message);
    let answer = EventLogServiceClient::new(channel).list_events(request).await?;
    Ok(answer.into_inner().events.remove(0).subject_id)
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_certificate_decides_who_the_caller_is_whatever_the_client_says() {
    let served = serve(ListenConfig::default()).await;
    for (name, caller) in [("risk-rules", Caller::RiskRules), ("identity", Caller::Identity)] {
        let said = ask(served.peer(name), "", LONG).await.unwrap();
        assert_eq!(said, caller.as_str_name());
    }
    // A mesh caller that this RPC does not admit.
    for name in ["gateway", "operator", "declaration"] {
        let refused = ask(served.peer(name), "", LONG).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{name}");
    }
    assert_eq!(served.calls(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_without_a_certificate_or_with_one_of_another_authority_is_refused() {
    let served = serve(ListenConfig::default()).await;
    let (own, other) = (served.folder.path(), tempfile::tempdir().unwrap());
    tls::write_development_certificates(other.path()).unwrap();

    let trusted = Certificate::from_pem(std::fs::read(own.join("ca.pem")).unwrap());
    let without = ClientTlsConfig::new()
        .ca_certificate(trusted)
        .domain_name(mesh_name(SERVER));
    let addresses = Addresses::parse(&served.uri(), Arc::new(SystemResolver)).unwrap();
    let without = Replicas::new(SERVER, addresses, Timing::default(), move |uri| {
        tls::endpoint(uri, &without)
    });
    let without = MeshChannel::remote(SERVER, Caller::RiskRules, without.unwrap());
    let forged = served.peer_with(SERVER, &files(own, other.path(), "risk-rules"));
    // And the reverse: a server with another CA's certificate, or that is another service.
    let distrusting = served.peer_with(SERVER, &files(other.path(), own, "risk-rules"));
    let expecting_another = served.peer_with(ServiceName::Identity, &files(own, own, "risk-rules"));
    for channel in [without, forged, distrusting, expecting_another] {
        let refused = ask(channel, "", LONG).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    }
    assert_eq!(served.calls(), 0);
    ask(served.peer("risk-rules"), "", LONG).await.unwrap();
    assert_eq!(served.calls(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_sets_beside_a_request_reaches_no_handler_in_process() {
    let (bed, handler) = (Bed::new(Engine::Sqlite), Handler::default());
    bed.mesh.bind(SERVER, router(&bed, &handler));
    for (caller, allowed) in [(Caller::RiskRules, true), (Caller::Operator, false)] {
        let mut request = Request::new(declaration::ListEventsRequest::default());
        request.extensions_mut().insert(OfTheClient);
        request.extensions_mut().insert(PeerCaller(Caller::Identity));
        request
            .extensions_mut()
            .insert(PeerAddress(SocketAddr::from((Ipv4Addr::LOCALHOST, 1))));
        let answer = EventLogServiceClient::new(bed.mesh.channel(SERVER, caller))
            .list_events(request)
            .await;
        match answer {
            Ok(answer) => assert_eq!(answer.into_inner().events[0].subject_id, caller.as_str_name()),
            Err(refused) => assert_eq!(refused.code(), Code::PermissionDenied),
        }
        assert_eq!(
            handler.calls.swap(0, Ordering::SeqCst) == 1,
            allowed,
            "{caller:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_that_passes_is_deadline_exceeded_in_process_and_over_the_network() {
    let served = serve(ListenConfig::default()).await;
    let (bed, handler) = (Bed::new(Engine::Sqlite), Handler::default());
    bed.mesh.bind(SERVER, router(&bed, &handler));
    let remote = served.peer("risk-rules");
    ask(remote.clone(), "", LONG).await.unwrap();
    let local = bed.mesh.channel(SERVER, Caller::RiskRules);
    for channel in [local, remote] {
        let begun = Instant::now();
        // Many calls, because client, transport and server each have a timer: whichever fires first, the answer must be
        // the same.
        let calls = (50..150).map(|ms| ask(channel.clone(), WAITS, Duration::from_millis(ms)));
        for answer in futures::future::join_all(calls).await {
            let refused = answer.unwrap_err();
            assert_eq!(refused.code(), Code::DeadlineExceeded, "{channel:?}: {refused:?}");
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{channel:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_large_a_message_or_header_list_is_refused_and_the_connection_goes_on() {
    let served = serve(ListenConfig::default()).await;
    let mut client = AccountServiceClient::new(served.peer("gateway"));
    let asking = |length: usize| {
        Request::new(identity::GetAccountRequest {
            account_id: "x".repeat(length),
        })
    };
    let refused = client.get_account(asking(LARGEST)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    assert_eq!(status::to_fault(&refused, "x").reason, "MESSAGE_TOO_LARGE");
    let mut wordy = asking(1);
    wordy
        .metadata_mut()
        .insert("x-wordy", "x".repeat(32 * 1_024).parse().unwrap());
    client.get_account(wordy).await.unwrap_err();
    assert_eq!(served.calls(), 0);
    client.get_account(asking(LARGEST - 100)).await.unwrap();
    assert_eq!(served.calls(), 1);
}
