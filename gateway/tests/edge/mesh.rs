//! Fakes of every service behind the gateway, which record and echo what they were given.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use lutong_chassis::{BuildError, Foundation};
use lutong_gateway::{Dependencies, Edge, GatewayConfig, Peers, SessionKeys};
use lutong_kernel::random::SeededRandom;
use lutong_kernel::{Fault, FaultCode, ManualClock, ServiceName, Timestamp, Violation};
use lutong_operating::health::Readiness;
use lutong_proto::code_rendering::v1 as code;
use lutong_proto::complaint::v1 as complaint;
use lutong_proto::declaration::v1 as declaration;
use lutong_proto::identity::v1 as identity;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::risk_rules::v1 as risk;
use lutong_proto::types::v1 as types;
use lutong_storage::outbox::Doorbell;
use lutong_transport::access::Grant;
use lutong_transport::access::{AccessTable, PrincipalKey};
use lutong_transport::client::LocalMesh;
use lutong_transport::status;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_stream::StreamExt as _;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Request as Call, Response as Answer, Status, Streaming};
use tower::ServiceExt as _;

/// How many calls can file feedback concurrently.
pub const TURNS: u32 = 100;
pub const SUBJECT: &str = "00000000-0000-0000-0000-000000000007";

/// State shared between the fake services and the test.
#[derive(Clone)]
pub struct World {
    pub accounts: Arc<Mutex<HashMap<String, identity::Account>>>,
    /// Whom channels have recognised.
    pub opened: Arc<Mutex<Vec<identity::OpenAccountRequest>>>,
    /// How often identity was asked for an account.
    pub asked: Arc<AtomicUsize>,
    /// Account changes made by operators.
    pub changes: Arc<Mutex<Vec<identity::AccountChange>>>,
    /// Whether identity is away.
    pub identity_away: Arc<AtomicBool>,
    /// Imports under way.
    pub importing: Arc<AtomicUsize>,
    /// Filing feedback waits while all [`TURNS`] are taken.
    pub filing: Arc<Semaphore>,
    /// Feedback waiting or filed.
    pub filed: Arc<AtomicUsize>,
    /// Metadata of the last call that reached a service.
    pub metadata: Arc<Mutex<HeaderMap>>,
}

pub struct Mesh {
    pub edge: Edge,
    follow: Mutex<Vec<BoxFuture<'static, ()>>>,
    pub clock: ManualClock,
    pub world: World,
}

pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Mesh {
    pub fn new() -> Self {
        Self::with(dev()).unwrap()
    }

    pub fn with(config: GatewayConfig) -> Result<Self, BuildError> {
        let clock = ManualClock::at(Timestamp::parse("2022-11-26T10:00:00+08:00").unwrap());
        let foundation = foundation(&clock);
        let world = World {
            accounts: Arc::default(),
            opened: Arc::default(),
            asked: Arc::default(),
            changes: Arc::default(),
            identity_away: Arc::default(),
            importing: Arc::default(),
            filing: Arc::new(Semaphore::new(TURNS as usize)),
            filed: Arc::default(),
            metadata: Arc::default(),
        };
        Self::of(world, config, clock, foundation)
    }

    /// Another gateway replica in front of the same services.
    pub fn replica(&self) -> Self {
        let foundation = foundation(&self.clock);
        Self::of(self.world.clone(), dev(), self.clock.clone(), foundation).unwrap()
    }

    fn of(
        world: World,
        config: GatewayConfig,
        clock: ManualClock,
        foundation: Foundation,
    ) -> Result<Self, BuildError> {
        let mesh = LocalMesh::new();
        for (service, routes) in routes(&world) {
            mesh.bind(service, foundation.guard(service, routes, None));
        }
        let peers: Peers = ServiceName::WITH_STORAGE
            .into_iter()
            .map(|service| mesh.channel(service, Caller::Gateway))
            .collect();
        let dependencies = Dependencies {
            peers,
            session_keys: SessionKeys::new([2; 32]),
            redis: None,
            readiness: Readiness::default(),
            mesh_ca: PathBuf::new(),
        };
        let gateway = lutong_gateway::build(&foundation, &config, dependencies)?;
        Ok(Self {
            edge: gateway.router,
            follow: Mutex::new(gateway.tasks),
            clock,
            world,
        })
    }

    /// Starts following account changes.
    pub fn follow(&self) {
        let tasks = std::mem::take(&mut *self.follow.lock().unwrap());
        assert!(!tasks.is_empty(), "is followed once");
        for task in tasks {
            tokio::spawn(task);
        }
    }

    /// Changes an account, as an operator would: its version increases.
    pub fn change(&self, id: &str) {
        let mut accounts = self.world.accounts.lock().unwrap();
        let account = accounts.get_mut(id).unwrap();
        account.version += 1;
        let mut changes = self.world.changes.lock().unwrap();
        let sequence = i64::try_from(changes.len()).unwrap() + 1;
        changes.push(identity::AccountChange {
            sequence,
            account_id: id.to_owned(),
            version: account.version,
            create_time: None,
        });
    }

    pub fn account(&self, id: &str, subject: &str, roles: &[Role]) {
        let account = identity::Account {
            account_id: id.to_owned(),
            subject_id: subject.to_owned(),
            roles: roles.iter().map(|role| (*role).into()).collect(),
            ..identity::Account::default()
        };
        self.world.accounts.lock().unwrap().insert(id.to_owned(), account);
    }

    /// Creates an account and returns a session of it.
    pub async fn session(&self, id: &str, subject: &str, roles: &[Role]) -> String {
        self.account(id, subject, roles);
        let body = serde_json::json!({"account_id": id});
        let answered = self
            .call(Method::POST, "/v1/dev/sessions", None, Some(body))
            .await;
        assert_eq!(answered.status, StatusCode::OK, "{}", answered.body);
        answered.body["token"].as_str().unwrap().to_owned()
    }

    pub async fn citizen(&self) -> String {
        self.session("citizen", SUBJECT, &[Role::Citizen]).await
    }

    pub async fn get(&self, path: &str, session: Option<&str>) -> Answered {
        self.call(Method::GET, path, session, None).await
    }

    pub async fn call(
        &self,
        method: Method,
        path: &str,
        session: Option<&str>,
        body: Option<Value>,
    ) -> Answered {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(session) = session {
            request = request.header("authorization", format!("Bearer {session}"));
        }
        let body = match body {
            None => Body::empty(),
            Some(json) => {
                request = request.header("content-type", "application/json");
                Body::new(Full::from(serde_json::to_vec(&json).unwrap()))
            }
        };
        self.send(request.body(body).unwrap()).await
    }

    pub async fn send(&self, request: Request<Body>) -> Answered {
        let response = self.edge.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answered {
            status: head.status,
            headers: head.headers,
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        }
    }
}

fn foundation(clock: &ManualClock) -> Foundation {
    Foundation {
        clock: Arc::new(clock.clone()),
        random: Arc::new(SeededRandom::new(7)),
        access: AccessTable::from_contract().unwrap(),
        principal_key: PrincipalKey::internal([1; 32]),
        bell: Doorbell::local(),
        stop: tokio_util::sync::CancellationToken::new(),
        closing: tokio_util::sync::CancellationToken::new(),
        keys: lutong_chassis::KeyFolder::given(""),
        health: None,
    }
}

pub fn dev() -> GatewayConfig {
    GatewayConfig {
        dev: true,
        ..GatewayConfig::default()
    }
}

fn routes(world: &World) -> [(ServiceName, Routes); 6] {
    use code::checkpoint_device_service_server::CheckpointDeviceServiceServer;
    use code::code_service_server::CodeServiceServer;
    use code::verification_service_server::VerificationServiceServer;
    use complaint::complaint_service_server::ComplaintServiceServer;
    use declaration::application_service_server::ApplicationServiceServer;
    use declaration::arrival_service_server::ArrivalServiceServer;
    use declaration::feed_service_server::FeedServiceServer;
    use identity::account_service_server::AccountServiceServer;
    use risk::area_service_server::AreaServiceServer;
    use risk::decision_service_server::DecisionServiceServer;

    let w = || world.clone();
    [
        (ServiceName::Identity, Routes::new(AccountServiceServer::new(w()))),
        (
            ServiceName::CodeRendering,
            Routes::new(CodeServiceServer::new(w()))
                .add_service(VerificationServiceServer::new(w()))
                .add_service(CheckpointDeviceServiceServer::new(w()))
                .add_service(code::key_service_server::KeyServiceServer::new(w())),
        ),
        (
            ServiceName::Complaint,
            Routes::new(ComplaintServiceServer::new(w())),
        ),
        (
            ServiceName::Declaration,
            // The message size that the real service accepts.
            Routes::new(ApplicationServiceServer::new(w()).max_decoding_message_size(256 * 1_024))
                .add_service(ArrivalServiceServer::new(w()))
                .add_service(FeedServiceServer::new(w())),
        ),
        (
            ServiceName::RiskRules,
            Routes::new(DecisionServiceServer::new(w())).add_service(AreaServiceServer::new(w())),
        ),
        (ServiceName::Federation, federation(w())),
    ]
}

/// It notes what it is told, and serves nothing.
fn federation(world: World) -> Routes {
    let note = move |request: Request<axum::body::Body>| async move {
        *world.metadata.lock().unwrap() = request.headers().clone();
        Status::unimplemented("nothing is served here").into_http::<axum::body::Body>()
    };
    Routes::from(axum::Router::new().fallback(note))
}

impl World {
    fn note<T>(&self, call: &Call<T>) -> Result<Grant, Status> {
        *self.metadata.lock().unwrap() = call.metadata().clone().into_headers();
        Grant::of(call)
    }
}

type Answers<T> = Result<Answer<T>, Status>;

#[tonic::async_trait]
impl identity::account_service_server::AccountService for World {
    async fn get_account(
        &self,
        call: Call<identity::GetAccountRequest>,
    ) -> Answers<identity::GetAccountResponse> {
        let grant = Grant::of(&call)?;
        assert!(grant.principal().roles.has(Role::Service), "asked for somebody");
        self.asked.fetch_add(1, Ordering::SeqCst);
        let id = call.into_inner().account_id;
        let account = self.accounts.lock().unwrap().get(&id).cloned();
        match account {
            Some(account) if account.division == "away" => {
                Err(status::from_fault(Fault::unavailable("identity")))
            }
            Some(account) => Ok(Answer::new(identity::GetAccountResponse {
                account: Some(account),
            })),
            None => Err(status::from_fault(Fault::new(
                FaultCode::PermissionDenied,
                "ACCOUNT_DISABLED",
                "账号已停用",
                "the account is disabled",
            ))),
        }
    }

    async fn open_account(
        &self,
        call: Call<identity::OpenAccountRequest>,
    ) -> Answers<identity::OpenAccountResponse> {
        if self.identity_away.load(Ordering::SeqCst) {
            return Err(status::from_fault(Fault::unavailable("identity")));
        }
        let asked = call.into_inner();
        let account = identity::Account {
            account_id: format!("{}:{}", asked.channel().as_str_name(), asked.outside_id),
            roles: vec![Role::Citizen.into()],
            ..identity::Account::default()
        };
        self.opened.lock().unwrap().push(asked);
        Ok(Answer::new(identity::OpenAccountResponse {
            account: Some(account),
        }))
    }

    async fn list_account_changes(
        &self,
        call: Call<identity::ListAccountChangesRequest>,
    ) -> Answers<identity::ListAccountChangesResponse> {
        if self.identity_away.load(Ordering::SeqCst) {
            return Err(status::from_fault(Fault::unavailable("identity")));
        }
        let after = call.into_inner().cursor.parse().unwrap_or(0);
        let all = self.changes.lock().unwrap();
        let changes = all.iter().filter(|change| change.sequence > after);
        let head = all.last().map_or(0, |change| change.sequence);
        Ok(Answer::new(identity::ListAccountChangesResponse {
            changes: changes.cloned().collect(),
            next_cursor: head.to_string(),
            head_sequence: head,
        }))
    }

    async fn get_feed(&self, _: Call<identity::GetFeedRequest>) -> Answers<identity::GetFeedResponse> {
        panic!("the gateway asks for no feed")
    }
}

/// Counts an import in progress until dropped.
struct Importing(Arc<AtomicUsize>);

impl Importing {
    fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Importing {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tonic::async_trait]
impl code::code_service_server::CodeService for World {
    async fn batch_get_colours(
        &self,
        _: Call<code::BatchGetColoursRequest>,
    ) -> Answers<code::BatchGetColoursResponse> {
        panic!("nobody outside asks for colours")
    }

    async fn apply_decisions(
        &self,
        _: Call<code::ApplyDecisionsRequest>,
    ) -> Answers<code::ApplyDecisionsResponse> {
        panic!("nobody outside applies decisions")
    }

    async fn apply_bindings(
        &self,
        _: Call<code::ApplyBindingsRequest>,
    ) -> Answers<code::ApplyBindingsResponse> {
        panic!("nobody outside applies bindings")
    }

    /// Echoes the subject of the call.
    async fn show_code(&self, call: Call<code::ShowCodeRequest>) -> Answers<code::ShowCodeResponse> {
        let grant = self.note(&call)?;
        let request = call.into_inner();
        let own = own(&grant, &request.subject_id)?;
        Ok(Answer::new(code::ShowCodeResponse {
            token: format!("LT1:{own}"),
            name_mask: grant.principal().account.clone(),
            colour: types::Colour::Green.into(),
            version: request.image_format.into(),
            ..code::ShowCodeResponse::default()
        }))
    }
}

/// Knows one credential, `good`, whose next one is `next`; `ended` is that of a device that has ended.
#[tonic::async_trait]
impl code::checkpoint_device_service_server::CheckpointDeviceService for World {
    async fn exchange_device_credential(
        &self,
        call: Call<code::ExchangeDeviceCredentialRequest>,
    ) -> Answers<code::ExchangeDeviceCredentialResponse> {
        self.note(&call)?;
        match call.into_inner().credential.as_str() {
            "good" => Ok(Answer::new(code::ExchangeDeviceCredentialResponse {
                checkpoint_device_id: SUBJECT.to_owned(),
                division: "370202".to_owned(),
                credential: "next".to_owned(),
            })),
            "ended" => Err(status::from_fault(Fault::new(
                FaultCode::PermissionDenied,
                "DEVICE_ENDED",
                "已停用",
                "ended",
            ))),
            _ => Err(status::from_fault(Fault::new(
                FaultCode::Unauthenticated,
                "CREDENTIAL_INVALID",
                "无效",
                "invalid",
            ))),
        }
    }

    /// Echoes the account of the call.
    async fn send_heartbeat(
        &self,
        call: Call<code::SendHeartbeatRequest>,
    ) -> Answers<code::SendHeartbeatResponse> {
        let grant = self.note(&call)?;
        Ok(Answer::new(code::SendHeartbeatResponse {
            checkpoint: grant.principal().account.clone(),
            ..code::SendHeartbeatResponse::default()
        }))
    }

    async fn create_checkpoint_device(
        &self,
        _: Call<code::CreateCheckpointDeviceRequest>,
    ) -> Answers<code::CreateCheckpointDeviceResponse> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn list_checkpoint_devices(
        &self,
        _: Call<code::ListCheckpointDevicesRequest>,
    ) -> Answers<code::ListCheckpointDevicesResponse> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn end_checkpoint_device(
        &self,
        _: Call<code::EndCheckpointDeviceRequest>,
    ) -> Answers<code::EndCheckpointDeviceResponse> {
        Err(Status::unimplemented("not asked here"))
    }
}

#[tonic::async_trait]
impl code::verification_service_server::VerificationService for World {
    async fn verify_token_for_partner(
        &self,
        _: Call<code::VerifyTokenForPartnerRequest>,
    ) -> Answers<code::VerifyTokenForPartnerResponse> {
        panic!("nobody outside verifies for a partner")
    }

    async fn verify_token(&self, call: Call<code::VerifyTokenRequest>) -> Answers<code::VerifyTokenResponse> {
        self.note(&call)?;
        Ok(Answer::new(code::VerifyTokenResponse {
            outcome: code::VerificationOutcome::Valid.into(),
            name_mask: call.into_inner().token,
            ..code::VerifyTokenResponse::default()
        }))
    }

    async fn resolve_token(&self, _: Call<code::ResolveTokenRequest>) -> Answers<code::ResolveTokenResponse> {
        Err(Status::unimplemented("not for the edge"))
    }
}

#[tonic::async_trait]
impl code::key_service_server::KeyService for World {
    async fn get_key(&self, _: Call<code::GetKeyRequest>) -> Answers<code::GetKeyResponse> {
        Err(Status::unimplemented("nobody asks for one key here"))
    }

    async fn list_keys(&self, call: Call<code::ListKeysRequest>) -> Answers<code::ListKeysResponse> {
        self.note(&call)?;
        Ok(Answer::new(code::ListKeysResponse {
            keys: vec![code::Key {
                algorithm: -8,
                public_key: vec![0xfb, 0xff],
                ..code::Key::default()
            }],
            next_page_token: String::new(),
        }))
    }

    async fn get_key_list(&self, _: Call<code::GetKeyListRequest>) -> Answers<code::GetKeyListResponse> {
        Err(Status::unimplemented("nobody asks for the key list here"))
    }
}

#[tonic::async_trait]
impl complaint::complaint_service_server::ComplaintService for World {
    async fn create_complaint(
        &self,
        call: Call<complaint::CreateComplaintRequest>,
    ) -> Answers<complaint::CreateComplaintResponse> {
        self.note(&call)?;
        self.filed.fetch_add(1, Ordering::SeqCst);
        let _turn = self.filing.acquire().await;
        let request = call.into_inner();
        let Some(complaint::create_complaint_request::Kind::Feedback(feedback)) = request.kind else {
            let missing = Violation::new("kind", "MISSING", "必填", "is required");
            return Err(status::from_fault(Fault::invalid(vec![missing])));
        };
        Ok(Answer::new(complaint::CreateComplaintResponse {
            complaint: Some(complaint::Complaint {
                kind: Some(complaint::complaint::Kind::Feedback(feedback)),
                ..complaint::Complaint::default()
            }),
        }))
    }

    async fn create_anonymous_complaint(
        &self,
        call: Call<complaint::CreateAnonymousComplaintRequest>,
    ) -> Answers<complaint::CreateAnonymousComplaintResponse> {
        self.note(&call)?;
        Ok(Answer::new(complaint::CreateAnonymousComplaintResponse::default()))
    }

    async fn reply_complaint(
        &self,
        call: Call<complaint::ReplyComplaintRequest>,
    ) -> Answers<complaint::ReplyComplaintResponse> {
        self.note(&call)?;
        Ok(Answer::new(complaint::ReplyComplaintResponse::default()))
    }

    async fn reopen_complaint(
        &self,
        call: Call<complaint::ReopenComplaintRequest>,
    ) -> Answers<complaint::ReopenComplaintResponse> {
        self.note(&call)?;
        Ok(Answer::new(complaint::ReopenComplaintResponse::default()))
    }

    async fn rate_complaint(
        &self,
        call: Call<complaint::RateComplaintRequest>,
    ) -> Answers<complaint::RateComplaintResponse> {
        self.note(&call)?;
        Ok(Answer::new(complaint::RateComplaintResponse::default()))
    }

    async fn list_complaints(
        &self,
        call: Call<complaint::ListComplaintsRequest>,
    ) -> Answers<complaint::ListComplaintsResponse> {
        self.note(&call)?;
        Ok(Answer::new(complaint::ListComplaintsResponse::default()))
    }

    async fn get_complaint(
        &self,
        call: Call<complaint::GetComplaintRequest>,
    ) -> Answers<complaint::GetComplaintResponse> {
        self.note(&call)?;
        Ok(Answer::new(complaint::GetComplaintResponse {
            complaint: Some(complaint::Complaint {
                name: call.into_inner().name,
                ..complaint::Complaint::default()
            }),
        }))
    }
}

#[tonic::async_trait]
impl declaration::application_service_server::ApplicationService for World {
    async fn create_application(
        &self,
        call: Call<declaration::CreateApplicationRequest>,
    ) -> Answers<declaration::CreateApplicationResponse> {
        self.note(&call)?;
        Ok(Answer::new(declaration::CreateApplicationResponse::default()))
    }

    async fn get_application(
        &self,
        call: Call<declaration::GetApplicationRequest>,
    ) -> Answers<declaration::GetApplicationResponse> {
        self.note(&call)?;
        Ok(Answer::new(declaration::GetApplicationResponse {
            application: Some(declaration::Application {
                name: call.into_inner().name,
                ..declaration::Application::default()
            }),
        }))
    }

    async fn list_applications(
        &self,
        call: Call<declaration::ListApplicationsRequest>,
    ) -> Answers<declaration::ListApplicationsResponse> {
        self.note(&call)?;
        Ok(Answer::new(declaration::ListApplicationsResponse::default()))
    }
}

#[tonic::async_trait]
impl declaration::arrival_service_server::ArrivalService for World {
    type WatchArrivalsStream = futures::stream::Empty<Result<declaration::WatchArrivalsResponse, Status>>;

    async fn inspect_arrivals(
        &self,
        call: Call<declaration::InspectArrivalsRequest>,
    ) -> Answers<declaration::InspectArrivalsResponse> {
        self.note(&call)?;
        Ok(Answer::new(declaration::InspectArrivalsResponse::default()))
    }

    async fn watch_arrivals(
        &self,
        call: Call<declaration::WatchArrivalsRequest>,
    ) -> Answers<Self::WatchArrivalsStream> {
        self.note(&call)?;
        Ok(Answer::new(futures::stream::empty()))
    }

    async fn list_arrivals(
        &self,
        call: Call<declaration::ListArrivalsRequest>,
    ) -> Answers<declaration::ListArrivalsResponse> {
        self.note(&call)?;
        Ok(Answer::new(declaration::ListArrivalsResponse::default()))
    }

    async fn create_arrival(
        &self,
        call: Call<declaration::CreateArrivalRequest>,
    ) -> Answers<declaration::CreateArrivalResponse> {
        self.note(&call)?;
        Ok(Answer::new(declaration::CreateArrivalResponse::default()))
    }

    async fn get_arrival(
        &self,
        call: Call<declaration::GetArrivalRequest>,
    ) -> Answers<declaration::GetArrivalResponse> {
        self.note(&call)?;
        Ok(Answer::new(declaration::GetArrivalResponse {
            arrival: Some(declaration::Arrival {
                name: call.into_inner().name,
                ..declaration::Arrival::default()
            }),
        }))
    }
}

#[tonic::async_trait]
impl declaration::feed_service_server::FeedService for World {
    async fn import_facts(
        &self,
        call: Call<Streaming<declaration::ImportFactsRequest>>,
    ) -> Answers<declaration::ImportFactsResponse> {
        self.note(&call)?;
        let _importing = Importing::begin(&self.importing);
        let mut accepted = 0;
        let mut messages = call.into_inner();
        while let Some(message) = messages.next().await {
            if let Some(declaration::import_facts_request::Content::Rows(rows)) = message?.content {
                accepted += i64::try_from(rows.rows.len()).unwrap();
            }
        }
        Ok(Answer::new(declaration::ImportFactsResponse {
            accepted,
            ..declaration::ImportFactsResponse::default()
        }))
    }

    async fn create_fact_import(
        &self,
        call: Call<declaration::CreateFactImportRequest>,
    ) -> Answers<declaration::CreateFactImportResponse> {
        self.note(&call)?;
        Ok(Answer::new(declaration::CreateFactImportResponse::default()))
    }

    async fn append_fact_import_rows(
        &self,
        call: Call<declaration::AppendFactImportRowsRequest>,
    ) -> Answers<declaration::AppendFactImportRowsResponse> {
        self.note(&call)?;
        Ok(Answer::new(declaration::AppendFactImportRowsResponse::default()))
    }

    async fn finish_fact_import(
        &self,
        call: Call<declaration::FinishFactImportRequest>,
    ) -> Answers<declaration::FinishFactImportResponse> {
        self.note(&call)?;
        Ok(Answer::new(declaration::FinishFactImportResponse::default()))
    }

    async fn get_fact_import(
        &self,
        call: Call<declaration::GetFactImportRequest>,
    ) -> Answers<declaration::GetFactImportResponse> {
        self.note(&call)?;
        Ok(Answer::new(declaration::GetFactImportResponse::default()))
    }

    async fn list_fact_imports(
        &self,
        call: Call<declaration::ListFactImportsRequest>,
    ) -> Answers<declaration::ListFactImportsResponse> {
        self.note(&call)?;
        Ok(Answer::new(declaration::ListFactImportsResponse::default()))
    }

    async fn list_fact_import_errors(
        &self,
        call: Call<declaration::ListFactImportErrorsRequest>,
    ) -> Answers<declaration::ListFactImportErrorsResponse> {
        self.note(&call)?;
        Ok(Answer::new(declaration::ListFactImportErrorsResponse::default()))
    }

    async fn list_fact_kinds(
        &self,
        call: Call<declaration::ListFactKindsRequest>,
    ) -> Answers<declaration::ListFactKindsResponse> {
        self.note(&call)?;
        Ok(Answer::new(declaration::ListFactKindsResponse::default()))
    }
}

#[tonic::async_trait]
impl risk::area_service_server::AreaService for World {
    async fn import_notice(
        &self,
        _: Call<Streaming<risk::ImportNoticeRequest>>,
    ) -> Answers<risk::ImportNoticeResponse> {
        Ok(Answer::new(risk::ImportNoticeResponse::default()))
    }

    async fn import_intervals(
        &self,
        _: Call<Streaming<risk::ImportIntervalsRequest>>,
    ) -> Answers<risk::ImportIntervalsResponse> {
        Ok(Answer::new(risk::ImportIntervalsResponse::default()))
    }

    async fn list_areas(&self, call: Call<risk::ListAreasRequest>) -> Answers<risk::ListAreasResponse> {
        self.note(&call)?;
        Ok(Answer::new(risk::ListAreasResponse::default()))
    }

    async fn get_area(&self, _: Call<risk::GetAreaRequest>) -> Answers<risk::GetAreaResponse> {
        Ok(Answer::new(risk::GetAreaResponse::default()))
    }

    async fn get_unplaced_area(
        &self,
        _: Call<risk::GetUnplacedAreaRequest>,
    ) -> Answers<risk::GetUnplacedAreaResponse> {
        Ok(Answer::new(risk::GetUnplacedAreaResponse::default()))
    }

    async fn list_unplaced_areas(
        &self,
        _: Call<risk::ListUnplacedAreasRequest>,
    ) -> Answers<risk::ListUnplacedAreasResponse> {
        Ok(Answer::new(risk::ListUnplacedAreasResponse::default()))
    }

    async fn place_unplaced_area(
        &self,
        _: Call<risk::PlaceUnplacedAreaRequest>,
    ) -> Answers<risk::PlaceUnplacedAreaResponse> {
        Ok(Answer::new(risk::PlaceUnplacedAreaResponse::default()))
    }
}

#[tonic::async_trait]
impl risk::decision_service_server::DecisionService for World {
    async fn append_facts(&self, _: Call<risk::AppendFactsRequest>) -> Answers<risk::AppendFactsResponse> {
        panic!("nobody outside appends facts")
    }

    async fn enrol_subject(&self, _: Call<risk::EnrolSubjectRequest>) -> Answers<risk::EnrolSubjectResponse> {
        panic!("nobody outside enrols")
    }

    async fn get_decision(&self, call: Call<risk::GetDecisionRequest>) -> Answers<risk::GetDecisionResponse> {
        let grant = self.note(&call)?;
        let name = call.into_inner().name;
        // `subjects/{subject_id}/decisions/latest`, or empty for the caller's own.
        let asked = name.split('/').nth(1).filter(|asked| *asked != "me");
        let own = own(&grant, asked.unwrap_or_default())?;
        Ok(Answer::new(risk::GetDecisionResponse {
            decision: Some(risk::Decision {
                subject_id: own,
                ..risk::Decision::default()
            }),
            effect_state: Some(types::EffectState::InForce.into()),
        }))
    }

    async fn check_entry(&self, _: Call<risk::CheckEntryRequest>) -> Answers<risk::CheckEntryResponse> {
        panic!("nobody outside checks entries")
    }
}

/// The caller's own subject; another subject is not found.
fn own(grant: &Grant, asked: &str) -> Result<String, Status> {
    let own = grant.principal().subject.map(|subject| subject.to_string());
    own.filter(|own| asked.is_empty() || own == asked).ok_or_else(|| {
        status::from_fault(Fault::new(
            FaultCode::NotFound,
            "CODE_NOT_FOUND",
            "没有",
            "there is none",
        ))
    })
}

/// Waits, at most a second, for a condition that another task brings about.
pub async fn until(done: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("it did not happen within a second");
}
