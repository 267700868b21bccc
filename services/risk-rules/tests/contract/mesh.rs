//! Risk-rules on a test bed, fakes of its peers, and calls on behalf of any principal.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lutong_kernel::{DivisionCode, Fault, FaultCode, ServiceName, SubjectId};
use lutong_proto::code_rendering::v1 as codes;
use lutong_proto::declaration::v1 as declaration;
use lutong_proto::facts::from_attributes;
use lutong_proto::identity::v1 as identity;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::types::v1 as types;
use lutong_risk_rules::Migrations;
use lutong_storage::StorageConfig;
use lutong_testing::Bed;
use lutong_testing::lookups::RecordedLookups;
use lutong_transport::access::Principal;
use lutong_transport::access::Roles;
use lutong_transport::client::{Call, MeshChannel};
use serde_json::Value;
use tonic::{Request, Response, Status};
use wire::decision_service_client::DecisionServiceClient;
use wire::event_log_service_client::EventLogServiceClient;
use wire::fact_statement::Statement as Stated;
use wire::history_service_client::HistoryServiceClient;
use wire::recomparison_service_client::RecomparisonServiceClient;

/// A fake of code-rendering, which records applied decisions.
#[derive(Clone, Default)]
pub struct Codes {
    applied: Arc<Mutex<HashMap<String, (i64, types::Colour)>>>,
    pub away: Arc<AtomicBool>,
    /// Number of calls.
    pub calls: Arc<AtomicU32>,
    /// Calls block while this is set.
    pub is_stuck: Arc<AtomicBool>,
    /// Number of calls that have blocked.
    pub stuck: Arc<AtomicU32>,
}

#[tonic::async_trait]
impl codes::code_service_server::CodeService for Codes {
    async fn batch_get_colours(
        &self,
        _: Request<codes::BatchGetColoursRequest>,
    ) -> Result<Response<codes::BatchGetColoursResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn apply_decisions(
        &self,
        request: Request<codes::ApplyDecisionsRequest>,
    ) -> Result<Response<codes::ApplyDecisionsResponse>, Status> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) {
            return Err(Status::unavailable("away"));
        }
        if self.is_stuck.load(Ordering::SeqCst) {
            self.stuck.fetch_add(1, Ordering::SeqCst);
        }
        while self.is_stuck.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut applied = self.applied.lock().unwrap();
        for decision in request.into_inner().decisions {
            let colour = decision.colour();
            let code = applied.entry(decision.subject_id).or_insert((0, colour));
            if decision.version > code.0 {
                *code = (decision.version, colour);
            }
        }
        Ok(Response::new(codes::ApplyDecisionsResponse::default()))
    }

    async fn apply_bindings(
        &self,
        _: Request<codes::ApplyBindingsRequest>,
    ) -> Result<Response<codes::ApplyBindingsResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn show_code(
        &self,
        _: Request<codes::ShowCodeRequest>,
    ) -> Result<Response<codes::ShowCodeResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }
}

/// A fake of identity's event log.
#[derive(Clone, Default)]
pub struct People(Arc<Mutex<Vec<identity::Event>>>);

impl People {
    /// Appends events; returns the last sequence.
    pub fn tell(&self, events: impl IntoIterator<Item = (u32, identity::event::Payload)>) -> i64 {
        let mut told = self.0.lock().unwrap();
        for (n, payload) in events {
            let sequence = i64::try_from(told.len()).unwrap() + 1;
            told.push(identity::Event {
                sequence,
                subject_id: subject(n).to_string(),
                create_time: None,
                payload: Some(payload),
            });
        }
        i64::try_from(told.len()).unwrap()
    }
}

#[tonic::async_trait]
impl identity::event_log_service_server::EventLogService for People {
    async fn list_events(
        &self,
        request: Request<identity::ListEventsRequest>,
    ) -> Result<Response<identity::ListEventsResponse>, Status> {
        let after = lutong_testing::plain_cursor(&request.get_ref().cursor);
        let told = self.0.lock().unwrap();
        let events = told.iter().filter(|event| event.sequence > after).cloned();
        Ok(Response::new(identity::ListEventsResponse {
            events: events.collect(),
            next_cursor: told.len().to_string(),
            head_sequence: i64::try_from(told.len()).unwrap(),
        }))
    }
}

/// A fake of identity's feeds with the divisions of their grants; away while empty.
#[derive(Clone)]
pub struct Feeds(Arc<Mutex<HashMap<String, Vec<String>>>>);

impl Feeds {
    pub fn grant(&self, source: &str, divisions: &[&str]) {
        let divisions = divisions.iter().map(|code| (*code).to_owned()).collect();
        self.0.lock().unwrap().insert(source.to_owned(), divisions);
    }

    pub fn go_away(&self) {
        self.0.lock().unwrap().clear();
    }
}

impl Default for Feeds {
    fn default() -> Self {
        let feeds = Self(Arc::default());
        feeds.grant("cdc-370200", &["370200"]);
        feeds
    }
}

#[tonic::async_trait]
impl identity::account_service_server::AccountService for Feeds {
    async fn get_account(
        &self,
        _: Request<identity::GetAccountRequest>,
    ) -> Result<Response<identity::GetAccountResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
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
        request: Request<identity::GetFeedRequest>,
    ) -> Result<Response<identity::GetFeedResponse>, Status> {
        let feeds = self.0.lock().unwrap();
        if feeds.is_empty() {
            return Err(lutong_transport::status::from_fault(Fault::unavailable(
                "identity",
            )));
        }
        let source = request.into_inner().source;
        let Some(divisions) = feeds.get(&source).cloned() else {
            let fault = Fault::new(FaultCode::NotFound, "FEED_NOT_FOUND", "没有", "there is none");
            return Err(lutong_transport::status::from_fault(fault));
        };
        let feed = identity::FeedGrant {
            source,
            kinds: Vec::new(),
            divisions,
        };
        Ok(Response::new(identity::GetFeedResponse { feed: Some(feed) }))
    }
}

/// A fake of declaration that pulls one database, for 370300.
#[derive(Clone)]
struct Pulls;

#[tonic::async_trait]
impl declaration::pull_service_server::PullService for Pulls {
    async fn get_pull(
        &self,
        _: Request<declaration::GetPullRequest>,
    ) -> Result<Response<declaration::GetPullResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn list_pulls(
        &self,
        _: Request<declaration::ListPullsRequest>,
    ) -> Result<Response<declaration::ListPullsResponse>, Status> {
        let pull = declaration::Pull {
            pull_id: "epidemic-database".to_owned(),
            divisions: vec!["370300".to_owned()],
            ..declaration::Pull::default()
        };
        Ok(Response::new(declaration::ListPullsResponse {
            pulls: vec![pull],
            next_page_token: String::new(),
        }))
    }

    async fn start_pull(
        &self,
        _: Request<declaration::StartPullRequest>,
    ) -> Result<Response<declaration::StartPullResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }
}

/// An empty log of declaration.
#[tonic::async_trait]
impl declaration::event_log_service_server::EventLogService for Pulls {
    async fn list_events(
        &self,
        _: Request<declaration::ListEventsRequest>,
    ) -> Result<Response<declaration::ListEventsResponse>, Status> {
        Ok(Response::new(declaration::ListEventsResponse::default()))
    }
}

pub struct Mesh {
    pub bed: Bed,
    pub codes: Codes,
    pub people: People,
    pub feeds: Feeds,
    pub lookups: RecordedLookups,
    pub storage: StorageConfig,
}

pub fn subject(n: u32) -> SubjectId {
    format!("00000000-0000-7000-8000-{n:012}").parse().unwrap()
}

/// Staff with the province-wide grant.
pub fn staff(account: &str, role: Role) -> Principal {
    Principal {
        account: account.to_owned(),
        roles: Roles::of(&[role]),
        subject: None,
        division: Some(DivisionCode::SHANDONG),
        feed: None,
        desks: Vec::new(),
    }
}

/// Staff of a division.
pub fn staff_of(account: &str, role: Role, division: &str) -> Principal {
    Principal {
        division: Some(DivisionCode::parse(division).unwrap()),
        ..staff(account, role)
    }
}

/// Staff without a division.
pub fn staff_of_nowhere(account: &str, role: Role) -> Principal {
    Principal {
        division: None,
        ..staff(account, role)
    }
}

/// A statement of the feed `cdc-370200`.
pub fn stated(n: u32, key: &str, statement: Stated) -> wire::FactStatement {
    wire::FactStatement {
        source: "cdc-370200".to_owned(),
        key: key.to_owned(),
        subject_id: subject(n).to_string(),
        statement: Some(statement),
    }
}

/// A fact with attributes named as in rule sets.
pub fn fact(n: u32, key: &str, kind: &str, attributes: &Value) -> wire::FactStatement {
    let kind = kind.parse().unwrap();
    let fact = from_attributes(kind, attributes.as_object().unwrap()).unwrap();
    stated(n, key, Stated::Fact(fact))
}

/// A correction that replaces the fact under another key.
pub fn correcting(fact: wire::FactStatement, replaces_key: &str) -> wire::FactStatement {
    let Some(Stated::Fact(stated)) = fact.statement else {
        panic!("a fact")
    };
    let correction = types::Correction {
        replaces_key: replaces_key.to_owned(),
        fact: Some(stated),
    };
    wire::FactStatement {
        statement: Some(Stated::Correction(correction)),
        ..fact
    }
}

pub fn retraction(n: u32, key: &str, retracts_key: &str) -> wire::FactStatement {
    let retraction = types::Retraction {
        retracts_key: retracts_key.to_owned(),
        reason: "another person".to_owned(),
    };
    stated(n, key, Stated::Retraction(retraction))
}

pub fn confirmed(n: u32, key: &str) -> wire::FactStatement {
    let diagnosed = serde_json::json!({"stage": "confirmed", "diagnosed_at": "2022-11-25T08:00:00+08:00"});
    fact(n, key, "case", &diagnosed)
}

pub fn fever(n: u32, key: &str) -> wire::FactStatement {
    fact(
        n,
        key,
        "fever_clinic_visit",
        &serde_json::json!({"visited_at": "2022-11-20T08:00:00+08:00"}),
    )
}

impl Mesh {
    pub async fn start(bed: Bed) -> Self {
        let storage = bed.storage::<Migrations>(ServiceName::RiskRules).await;
        Self::start_on(bed, storage, Codes::default()).await
    }

    /// Restarts the service on the same store.
    pub async fn restarted(self) -> Self {
        let (bed, storage, codes) = (self.bed.reopened(), self.storage.clone(), self.codes.clone());
        drop(self);
        Self::start_on(bed, storage, codes).await
    }

    async fn start_on(bed: Bed, storage: StorageConfig, codes: Codes) -> Self {
        let routes =
            tonic::service::Routes::new(codes::code_service_server::CodeServiceServer::new(codes.clone()));
        let router = bed.foundation.guard(ServiceName::CodeRendering, routes, None);
        bed.mesh.bind(ServiceName::CodeRendering, router);
        let people = People::default();
        let log = identity::event_log_service_server::EventLogServiceServer::new(people.clone());
        let feeds = Feeds::default();
        let accounts = identity::account_service_server::AccountServiceServer::new(feeds.clone());
        let lookups = RecordedLookups::default();
        let ledger = identity::lookup_service_server::LookupServiceServer::new(lookups.clone());
        let routes = tonic::service::Routes::new(log)
            .add_service(accounts)
            .add_service(ledger);
        bed.bind_fake(ServiceName::Identity, routes);
        let pulls = declaration::pull_service_server::PullServiceServer::new(Pulls);
        let declared = declaration::event_log_service_server::EventLogServiceServer::new(Pulls);
        let routes = tonic::service::Routes::new(pulls).add_service(declared);
        bed.bind_fake(ServiceName::Declaration, routes);
        let peer = |service| bed.channel(service, Caller::RiskRules);
        let peers = lutong_risk_rules::Peers {
            identity: peer(ServiceName::Identity),
            declaration: peer(ServiceName::Declaration),
            code_rendering: peer(ServiceName::CodeRendering),
        };
        let built = lutong_risk_rules::build(&bed.foundation, &storage, peers).await;
        bed.bind(built.unwrap());
        let mesh = Self {
            bed,
            codes,
            people,
            feeds,
            lookups,
            storage,
        };
        // Waits for the daily re-comparison, which starts by itself, so that it does not affect a test's counts.
        mesh.until("the day's run", async || mesh.is_day_compared().await)
            .await;
        mesh
    }

    async fn is_day_compared(&self) -> bool {
        let get = wire::GetRecomparisonRequest {
            name: "recomparisons/latest".to_owned(),
        };
        let request = self.asking(&staff("op-1", Role::Operator), get);
        let answer = self.recomparisons().get_recomparison(request).await;
        answer.is_ok_and(|answer| {
            answer
                .into_inner()
                .recomparison
                .is_some_and(|run| run.finish_time.is_some())
        })
    }

    fn channel(&self, caller: Caller) -> MeshChannel {
        self.bed.channel(ServiceName::RiskRules, caller)
    }

    fn call(&self, principal: &Principal) -> Call {
        self.bed.call_as(principal)
    }

    /// A request on behalf of `principal`.
    pub fn asking<T>(&self, principal: &Principal, message: T) -> Request<T> {
        self.call(principal).request(message)
    }

    /// Appends statements, then enrols subjects.
    pub async fn append(
        &self,
        statements: Vec<wire::FactStatement>,
        enrol: &[u32],
    ) -> Result<wire::AppendFactsResponse, Fault> {
        let mut answer = self
            .append_batch(wire::AppendFactsRequest {
                statements,
                ..wire::AppendFactsRequest::default()
            })
            .await?;
        for n in enrol {
            let enrolled = self.enrol(*n, vec![]).await?;
            if enrolled.effect.unwrap().state() != types::EffectState::InForce {
                answer
                    .effect
                    .as_mut()
                    .unwrap()
                    .set_state(types::EffectState::Pending);
            }
        }
        Ok(answer)
    }

    /// Enrols a subject with its own statements.
    pub async fn enrol(
        &self,
        n: u32,
        statements: Vec<wire::FactStatement>,
    ) -> Result<wire::EnrolSubjectResponse, Fault> {
        let request = self
            .call(&lutong_testing::citizen("wx-1", None))
            .request(wire::EnrolSubjectRequest {
                subject_id: subject(n).to_string(),
                statements,
            });
        let answer = DecisionServiceClient::new(self.channel(Caller::Declaration))
            .enrol_subject(request)
            .await;
        answer.map(Response::into_inner).map_err(|status| fault(&status))
    }

    pub async fn append_batch(
        &self,
        batch: wire::AppendFactsRequest,
    ) -> Result<wire::AppendFactsResponse, Fault> {
        let kinds = [
            "case",
            "close_contact",
            "fever_clinic_visit",
            "symptoms",
            "stay",
            "entry",
            "test",
            "database_anomaly",
            "designation",
        ];
        let request = self
            .call(&lutong_testing::feed("cdc-370200", &kinds))
            .request(batch);
        let answer = DecisionServiceClient::new(self.channel(Caller::Declaration))
            .append_facts(request)
            .await;
        answer.map(Response::into_inner).map_err(|status| fault(&status))
    }

    /// Appends on behalf of a person, as declaration does.
    pub async fn append_as_citizen(
        &self,
        statements: Vec<wire::FactStatement>,
    ) -> Result<wire::AppendFactsResponse, Fault> {
        let request = self
            .call(&lutong_testing::citizen("wx-1", None))
            .request(wire::AppendFactsRequest {
                statements,
                ..wire::AppendFactsRequest::default()
            });
        let answer = DecisionServiceClient::new(self.channel(Caller::Declaration))
            .append_facts(request)
            .await;
        answer.map(Response::into_inner).map_err(|status| fault(&status))
    }

    /// Appends in declaration's own name.
    pub async fn append_as_service(
        &self,
        statements: Vec<wire::FactStatement>,
    ) -> Result<wire::AppendFactsResponse, Fault> {
        let call = Call::background(std::time::Duration::from_secs(5));
        let request = call.request(wire::AppendFactsRequest {
            statements,
            ..wire::AppendFactsRequest::default()
        });
        let answer = DecisionServiceClient::new(self.channel(Caller::Declaration))
            .append_facts(request)
            .await;
        answer.map(Response::into_inner).map_err(|status| fault(&status))
    }

    /// Appends and enrols; whether all resulting decisions are in force.
    pub async fn stored(&self, statements: Vec<wire::FactStatement>, enrol: &[u32]) -> bool {
        let answer = self.append(statements, enrol).await.unwrap();
        for result in &answer.results {
            let outcome = result.outcome.as_ref().unwrap();
            assert!(
                !matches!(outcome, wire::statement_result::Outcome::Error(_)),
                "{outcome:?}"
            );
        }
        in_force(&answer)
    }

    pub async fn decision(&self, n: u32) -> Result<wire::Decision, Fault> {
        self.decision_of(Some(n), "").await
    }

    /// Gets a decision by name, on behalf of a person.
    pub async fn decision_of(&self, who: Option<u32>, name: &str) -> Result<wire::Decision, Fault> {
        let answer = self.answer_about(who, name).await?;
        Ok(answer.decision.unwrap())
    }

    pub async fn answer_about(
        &self,
        who: Option<u32>,
        name: &str,
    ) -> Result<wire::GetDecisionResponse, Fault> {
        let citizen = lutong_testing::citizen("wx-1", who.map(subject));
        let request = self.call(&citizen).request(wire::GetDecisionRequest {
            name: name.to_owned(),
        });
        let answer = DecisionServiceClient::new(self.channel(Caller::Gateway))
            .get_decision(request)
            .await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    }

    pub fn history(&self) -> HistoryServiceClient<MeshChannel> {
        HistoryServiceClient::new(self.channel(Caller::Gateway))
    }

    pub fn recomparisons(&self) -> RecomparisonServiceClient<MeshChannel> {
        RecomparisonServiceClient::new(self.channel(Caller::Gateway))
    }

    pub fn rollbacks(&self) -> wire::rollback_service_client::RollbackServiceClient<MeshChannel> {
        wire::rollback_service_client::RollbackServiceClient::new(self.channel(Caller::Gateway))
    }

    pub fn designations(&self) -> wire::designation_service_client::DesignationServiceClient<MeshChannel> {
        wire::designation_service_client::DesignationServiceClient::new(self.channel(Caller::Gateway))
    }

    pub fn operations(&self) -> wire::operation_service_client::OperationServiceClient<MeshChannel> {
        wire::operation_service_client::OperationServiceClient::new(self.channel(Caller::Gateway))
    }

    pub fn rule_sets(&self) -> wire::rule_set_service_client::RuleSetServiceClient<MeshChannel> {
        wire::rule_set_service_client::RuleSetServiceClient::new(self.channel(Caller::Gateway))
    }

    pub fn areas(&self) -> wire::area_service_client::AreaServiceClient<MeshChannel> {
        wire::area_service_client::AreaServiceClient::new(self.channel(Caller::Gateway))
    }

    pub fn key_areas(&self) -> wire::key_area_service_client::KeyAreaServiceClient<MeshChannel> {
        wire::key_area_service_client::KeyAreaServiceClient::new(self.channel(Caller::Gateway))
    }

    /// The colour last applied at code-rendering.
    pub fn shown(&self, n: u32) -> Option<types::Colour> {
        let applied = self.codes.applied.lock().unwrap();
        applied.get(&subject(n).to_string()).map(|(_, colour)| *colour)
    }

    /// Waits for a condition that background work brings about.
    pub async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        for _ in 0..400 {
            if holds().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{what} did not come about within 10 s");
    }

    /// Runs SQL directly on the database, bypassing the service.
    pub async fn tamper(&self, sql: &str) {
        lutong_testing::tamper(&self.storage, sql).await;
    }

    pub async fn missing_of_entry(&self, subject_id: &str) -> Result<Vec<i32>, Fault> {
        let request = self
            .call(&lutong_testing::citizen("wx-1", None))
            .request(wire::CheckEntryRequest {
                subject_id: subject_id.to_owned(),
            });
        let answer = DecisionServiceClient::new(self.channel(Caller::Declaration))
            .check_entry(request)
            .await;
        answer
            .map(|answer| answer.into_inner().missing)
            .map_err(|status| fault(&status))
    }

    pub async fn events(&self, cursor: &str, page_size: i32) -> Result<(Vec<wire::Event>, String), Fault> {
        let request = Call::background(Duration::from_secs(5)).request(wire::ListEventsRequest {
            cursor: cursor.to_owned(),
            page_size,
        });
        let mut log = EventLogServiceClient::new(self.channel(Caller::CodeRendering));
        let answer = log.list_events(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map(|answer| (answer.events, answer.next_cursor))
            .map_err(|status| fault(&status))
    }

    /// A subject as an SQL literal of the engine: `x'…'` or `'\x…'`.
    pub fn literal(&self, n: u32) -> String {
        let hex = subject(n).uuid().simple().to_string();
        if self.storage.url.expose().starts_with("sqlite") {
            format!("x'{hex}'")
        } else {
            format!("'\\x{hex}'::bytea")
        }
    }
}

pub fn in_force(answer: &wire::AppendFactsResponse) -> bool {
    answer.effect.as_ref().unwrap().state() == types::EffectState::InForce
}

pub fn request_id(n: u32) -> String {
    format!("00000000-0000-7000-8000-{n:012}")
}

/// A request id that was not used before.
pub fn fresh_id() -> String {
    static LAST: AtomicU32 = AtomicU32::new(1_000);
    request_id(LAST.fetch_add(1, Ordering::SeqCst))
}

pub fn fault(status: &Status) -> Fault {
    lutong_transport::status::to_fault(status, "risk-rules")
}

/// The message of an answer, or its fault.
pub fn answered<T>(answer: Result<Response<T>, Status>) -> Result<T, Fault> {
    answer.map(Response::into_inner).map_err(|status| fault(&status))
}

/// The reason of a refusal.
pub fn reason<T: std::fmt::Debug>(answer: Result<T, Fault>) -> String {
    answer.unwrap_err().reason.into_owned()
}
