//! Imports with their decisions, a notice, and runs over everyone with planted wrong decisions.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use lutong_kernel::{ServiceName, SubjectId};
use lutong_proto::code_rendering::v1 as codes;
use lutong_proto::facts::from_attributes;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::risk_rules::v1 as wire;
use lutong_risk_engine::fact::FactKind;
use lutong_risk_engine::notice::BUNDLED_2022_11_26_GZ;
use lutong_risk_rules::Migrations;
use lutong_storage::{Database, Engine};
use lutong_testing::Bed;
use lutong_transport::client::{Call, MeshChannel};
use sea_orm::{ConnectionTrait as _, Statement};
use serde_json::Value;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::crowd;
use crate::varied::{Dice, Population};

pub const CHUNK: usize = 1_000;
/// Number of people who enrol concurrently.
const ENROLLING: usize = 256;

/// A code-rendering that accepts and counts all decisions.
#[derive(Clone, Default)]
struct Codes(Arc<AtomicI64>);

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
        let applied = i64::try_from(request.get_ref().decisions.len()).unwrap();
        self.0.fetch_add(applied, Ordering::Relaxed);
        Ok(Response::new(codes::ApplyDecisionsResponse { applied }))
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

pub struct Mesh {
    bed: Bed,
    codes: Codes,
    database: Database,
}

fn engine(name: &str) -> Engine {
    match name {
        "postgres" => Engine::Postgres,
        _ => Engine::Sqlite,
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

pub fn measure(name: &str, subjects: usize) {
    runtime().block_on(async {
        println!("{name}, {subjects} subjects");
        let mesh = Mesh::start(engine(name), 0).await;
        mesh.import(subjects).await;
        mesh.list().await;
        crowd::recompare(&mesh, subjects).await;
    });
}

pub fn measure_crowd(name: &str, subjects: usize) {
    runtime().block_on(async {
        println!("{name}, {subjects} subjects, rows only");
        let mesh = Mesh::start(engine(name), subjects).await;
        crowd::list(&mesh, subjects).await;
        crowd::recompare(&mesh, subjects).await;
    });
}

pub fn subject(n: usize) -> SubjectId {
    // Like the ids of identity: ascending with time, a few thousand per second.
    let millis = 1_669_000_000_000 + n as u64;
    let random = (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
    let random = [random, random].concat();
    let builder = uuid::Builder::from_unix_timestamp_millis(millis, random[..10].try_into().unwrap());
    SubjectId::from_uuid(builder.into_uuid())
}

impl Mesh {
    /// Starts the service with the rows of a number of people.
    async fn start(engine: Engine, filled: usize) -> Self {
        let bed = Bed::new(engine);
        let storage = bed.storage::<Migrations>(ServiceName::RiskRules).await;
        if filled > 0 {
            let chain = [lutong_risk_rules::CHAIN_KEY];
            let store = bed
                .foundation
                .open_store::<Migrations>(ServiceName::RiskRules, &storage, &chain);
            let store = store.await.unwrap();
            crowd::fill(&store.database, store.fields.ready().await.unwrap(), filled).await;
        }
        let codes = Codes::default();
        let routes =
            tonic::service::Routes::new(codes::code_service_server::CodeServiceServer::new(codes.clone()));
        let router = bed.foundation.guard(ServiceName::CodeRendering, routes, None);
        bed.mesh.bind(ServiceName::CodeRendering, router);
        let peer = |service| bed.channel(service, Caller::RiskRules);
        let peers = lutong_risk_rules::Peers {
            identity: peer(ServiceName::Identity),
            declaration: peer(ServiceName::Declaration),
            code_rendering: peer(ServiceName::CodeRendering),
        };
        let built = lutong_risk_rules::build(&bed.foundation, &storage, peers).await;
        bed.bind(built.unwrap());
        let database = Database::connect(&storage).await.unwrap();
        Self { bed, codes, database }
    }

    fn channel(&self, caller: Caller) -> MeshChannel {
        self.bed.channel(ServiceName::RiskRules, caller)
    }

    fn call(&self, role: Role) -> Call {
        let mut principal = lutong_testing::citizen("bench", None);
        principal.roles = lutong_transport::access::Roles::of(&[role]);
        principal.division = Some(lutong_kernel::DivisionCode::SHANDONG);
        self.bed.call_as(&principal)
    }

    /// Enrols everybody and imports their facts: durable facts per second, and decisions that lag behind.
    async fn import(&self, subjects: usize) {
        let started = Instant::now();
        futures::StreamExt::for_each_concurrent(futures::stream::iter(0..subjects), ENROLLING, |n| {
            self.enrol(n)
        })
        .await;
        let took = started.elapsed().as_secs_f64();
        println!("enrolled and decided          {:.0}/s", subjects as f64 / took);
        let (population, mut dice) = (Population::new(), Dice(7));
        let mut rows = Vec::new();
        for n in 0..subjects {
            let stated = population.person(&mut dice).into_iter().enumerate();
            // A feed cannot report a designation, which needs two officers.
            for (m, (kind, given)) in stated.filter(|(_, (kind, _))| *kind != FactKind::Designation) {
                rows.push(statement(n, m, kind, &given));
            }
        }
        let facts = rows.len();
        let mut chunks = Vec::new();
        while !rows.is_empty() {
            chunks.push(rows.split_off(rows.len().saturating_sub(CHUNK)));
        }
        chunks.reverse();
        let before = self.codes.0.load(Ordering::Relaxed);
        let started = Instant::now();
        // Four chunks are in flight, as with a feed that uses several connections.
        futures::StreamExt::for_each_concurrent(futures::stream::iter(chunks), 4, |chunk| self.append(chunk))
            .await;
        let imported = started.elapsed().as_secs_f64();
        println!(
            "facts imported, durable       {:.0}/s ({facts} facts, {imported:.1} s) (aim: ≥ 60,000)",
            facts as f64 / imported
        );
        let decided = self.codes.0.load(Ordering::Relaxed) - before;
        println!(
            "decided with the import       {:.0}/s stored and chained ({decided} decisions, told with the answer: no lag) (aim: ≥ 15,000)",
            decided as f64 / imported,
        );
    }

    async fn enrol(&self, n: usize) {
        let request =
            self.bed
                .call_as(&lutong_testing::citizen("bench", None))
                .request(wire::EnrolSubjectRequest {
                    subject_id: subject(n).to_string(),
                    statements: Vec::new(),
                });
        let mut client =
            wire::decision_service_client::DecisionServiceClient::new(self.channel(Caller::Declaration));
        client.enrol_subject(request).await.unwrap();
    }

    pub async fn append(&self, statements: Vec<wire::FactStatement>) {
        let kinds: Vec<_> = FactKind::ALL.iter().map(|kind| kind.as_str()).collect();
        let request =
            self.bed
                .call_as(&lutong_testing::feed("bench", &kinds))
                .request(wire::AppendFactsRequest {
                    effect_operation: String::new(),
                    statements,
                    all_or_nothing: false,
                });
        let mut client =
            wire::decision_service_client::DecisionServiceClient::new(self.channel(Caller::Declaration));
        let answer = client.append_facts(request).await.unwrap().into_inner();
        for result in answer.results {
            let outcome = result.outcome.unwrap();
            assert!(
                matches!(outcome, wire::statement_result::Outcome::FactId(_)),
                "{outcome:?}"
            );
        }
    }

    /// Imports the notice of 2022-11-26.
    async fn list(&self) {
        let mut notice = Vec::new();
        std::io::Read::read_to_end(
            &mut flate2::read::GzDecoder::new(BUNDLED_2022_11_26_GZ),
            &mut notice,
        )
        .unwrap();
        let chunks: Vec<_> = notice
            .chunks(48 * 1024)
            .map(|chunk| wire::ImportNoticeRequest {
                chunk: chunk.to_vec().into(),
            })
            .collect();
        let started = Instant::now();
        let request = self
            .call(Role::Epidemiologist)
            .request(tokio_stream::iter(chunks));
        let mut client = wire::area_service_client::AreaServiceClient::new(self.channel(Caller::Gateway));
        let answer = client.import_notice(request).await.unwrap().into_inner();
        println!(
            "a notice of {} places        {} decided anew in {:.2} s (aim: 10,000 of a million in ≤ 2 s)",
            answer.opened,
            answer.effect.unwrap_or_default().redecided,
            started.elapsed().as_secs_f64()
        );
    }

    pub async fn import_intervals(
        &self,
        request: wire::ImportIntervalsRequest,
    ) -> wire::ImportIntervalsResponse {
        let request = self
            .call(Role::Epidemiologist)
            .request(tokio_stream::iter(vec![request]));
        let mut client = wire::area_service_client::AreaServiceClient::new(self.channel(Caller::Gateway));
        client.import_intervals(request).await.unwrap().into_inner()
    }

    pub async fn run(&self, what: &str) -> wire::Recomparison {
        let mut client =
            wire::recomparison_service_client::RecomparisonServiceClient::new(self.channel(Caller::Gateway));
        let started = Instant::now();
        let request = self.call(Role::Operator).request(wire::StartRecomparisonRequest {
            request_id: uuid::Uuid::from_u128(started.elapsed().as_nanos()).to_string(),
        });
        let begun = client
            .start_recomparison(request)
            .await
            .unwrap()
            .into_inner()
            .recomparison
            .unwrap();
        loop {
            let get = wire::GetRecomparisonRequest {
                name: begun.name.clone(),
            };
            let request = self.call(Role::Operator).request(get);
            let run = client
                .get_recomparison(request)
                .await
                .unwrap()
                .into_inner()
                .recomparison
                .unwrap();
            if run.finish_time.is_some() {
                let took = started.elapsed().as_secs_f64();
                println!(
                    "{what:<30}{:.0} subjects/s ({:.2} s, {} MB resident)",
                    run.seen as f64 / took,
                    took,
                    resident_mb("VmRSS:")
                );
                return run;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn count(&self, sql: &str) -> i64 {
        let reader = self.database.reader();
        let statement = Statement::from_string(reader.get_database_backend(), sql);
        let row = reader.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }

    pub async fn subjects(&self, sql: &str) -> Vec<Vec<u8>> {
        let reader = self.database.reader();
        let statement = Statement::from_string(reader.get_database_backend(), sql);
        let rows = reader.query_all_raw(statement).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    pub async fn execute(&self, sql: &str) {
        self.database.reader().execute_unprepared(sql).await.unwrap();
    }

    /// An SQL condition on the last two bytes of the id, combined with another condition.
    pub fn ends_below(&self, end: u16, also: &str) -> String {
        match self.database.engine() {
            Engine::Sqlite => format!("hex(substr(subject_id, 15, 2)) < '{end:04X}' AND {also}"),
            Engine::Postgres => format!("substr(subject_id, 15, 2) < '\\x{end:04x}'::bytea AND {also}"),
        }
    }
}

pub fn statement(n: usize, m: usize, kind: FactKind, given: &Value) -> wire::FactStatement {
    wire::FactStatement {
        source: "bench".to_owned(),
        key: format!("{n}-{m}-{}", Uuid::from_u128(n as u128 * 31 + m as u128).simple()),
        subject_id: subject(n).to_string(),
        statement: Some(wire::fact_statement::Statement::Fact(
            from_attributes(kind, given.as_object().unwrap()).unwrap(),
        )),
    }
}

/// A line of the status of the process, in MB.
pub fn resident_mb(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or_default()
        / 1_024
}
