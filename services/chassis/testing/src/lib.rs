//! What the services' contract tests stand on: a foundation with a clock and a randomness of the test's own, a store on
//! either engine, and calls in anybody's name. A failure here panics, as a test does.
//!
//! What is bound here is held to its contract: an error reason that the RPC's comment does not list fails the test, and so
//! does a test that the ledger (`proto/reasons.txt`) names for a reason and that never saw it. Fakes are held to it too.

#![allow(clippy::unwrap_used)]

mod answers;
mod audit;
pub mod disk;
pub mod weather;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use lutong_kernel::random::SeededRandom;
use lutong_kernel::{ManualClock, Secret, ServiceName, SubjectId, Timestamp};
use lutong_proto::policy::{Caller, Role};
use sea_orm::{ConnectionTrait as _, Statement};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Routes;

use lutong_chassis::component::{Component, Foundation, KeyFolder};
use lutong_storage::installation;
use lutong_storage::installation::Place;
use lutong_storage::outbox::Doorbell;
use lutong_storage::{Engine, StorageConfig};
use lutong_transport::access::{AccessTable, FeedGrant, Principal, PrincipalKey, Roles};
use lutong_transport::client::{Call, LocalMesh, MeshChannel};
use lutong_transport::server::ServiceRouter;

pub use answers::Answers;
use answers::Watched;

/// Where the tests' PostgreSQL is; `tests/run` starts one and sets it.
pub const POSTGRES: &str = "LUTONG_TEST_POSTGRES";

/// A mesh in this process whose time the test moves.
pub struct Bed {
    pub foundation: Foundation,
    pub clock: ManualClock,
    pub mesh: LocalMesh,
    engine: Engine,
    folder: Arc<tempfile::TempDir>,
    answers: Answers,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Bed {
    /// At noon of 2022-11-26, Shandong time.
    pub fn new(engine: Engine) -> Self {
        let clock = ManualClock::at(Timestamp::parse("2022-11-26T12:00:00+08:00").unwrap());
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let foundation = Foundation {
            clock: Arc::new(clock.clone()),
            random: Arc::new(SeededRandom::new(20_221_126)),
            access: AccessTable::from_contract().unwrap(),
            principal_key: PrincipalKey::internal([1; 32]),
            bell: Doorbell::local(),
            stop: CancellationToken::new(),
            keys: KeyFolder::making(folder.path().join("keys")),
            health: None,
        };
        Self {
            foundation,
            clock,
            mesh: LocalMesh::new(),
            engine,
            folder,
            answers: Answers::default(),
            tasks: Mutex::default(),
        }
    }

    pub const fn engine(&self) -> Engine {
        self.engine
    }

    /// A fresh store of a service; on PostgreSQL a database of its own, migrated as the job would.
    pub async fn storage<M: lutong_storage::Schema>(&self, service: ServiceName) -> StorageConfig {
        match self.engine {
            Engine::Sqlite => {
                let file = self.folder.path().join(format!("{service}.db"));
                StorageConfig {
                    url: Secret::new(format!("sqlite://{}", file.display())),
                    ..StorageConfig::default()
                }
            }
            Engine::Postgres => {
                let config = fresh_postgres().await;
                let database = lutong_storage::Database::connect(&config).await.unwrap();
                let place = Place::new(service, &config);
                installation::migrate::<M>(&database, &place).await.unwrap();
                config
            }
        }
    }

    /// The same keys, clock and folder with no service bound: what a restart finds.
    pub fn reopened(&self) -> Self {
        let mut foundation = self.foundation.clone();
        foundation.stop = CancellationToken::new();
        foundation.bell = Doorbell::local();
        Self {
            foundation,
            clock: self.clock.clone(),
            mesh: LocalMesh::new(),
            engine: self.engine,
            folder: Arc::clone(&self.folder),
            answers: self.answers.clone(),
            tasks: Mutex::default(),
        }
    }

    /// Makes a built service reachable and starts its background work.
    pub fn bind(&self, component: Component) {
        self.bind_watched(component.service, component.router);
        let tasks = component.tasks.into_iter();
        let tasks = tasks.map(|task| tokio::spawn(task).abort_handle());
        self.tasks.lock().unwrap().extend(tasks);
    }

    /// Ends all background work where it stands, as a power cut would. What is called is still answered.
    pub fn kill_background_work(&self) {
        for task in self.tasks.lock().unwrap().drain(..) {
            task.abort();
        }
    }

    /// Makes a fake reachable where a service would be.
    pub fn bind_fake(&self, service: ServiceName, routes: Routes) {
        self.bind_watched(service, self.foundation.guard(service, routes, None));
    }

    /// The outer guard is there because a mesh takes nothing unguarded; what it refuses by itself is common to all RPCs.
    fn bind_watched(&self, service: ServiceName, inner: ServiceRouter) {
        let watched = Watched {
            service,
            inner,
            answers: self.answers.clone(),
        };
        let routes = Routes::from(axum::Router::new().fallback_service(watched));
        self.mesh
            .bind(service, self.foundation.guard(service, routes, None));
    }

    /// Every error answered here so far.
    pub fn answers(&self) -> Answers {
        self.answers.clone()
    }

    pub fn channel(&self, to: ServiceName, caller: Caller) -> MeshChannel {
        self.mesh.channel(to, caller)
    }

    /// A call in somebody's name.
    pub fn call_as(&self, principal: &Principal) -> Call {
        let expires = self.foundation.now().plus(Duration::from_secs(600));
        let sealed = self.foundation.principal_key.seal(principal, expires);
        let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sealed);
        let token: MetadataValue<Ascii> = text.parse().unwrap();
        Call::with_token(token, Duration::from_secs(10))
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.foundation.stop.cancel();
        if !std::thread::panicking() {
            self.answers.assert_listed();
        }
    }
}

/// Runs a contract test and holds it to the contract; what [`on_both_engines!`] makes of each name.
pub async fn hold_to_contract<F: Future<Output = ()>>(
    engine: Engine,
    (package, test): (&str, &str),
    body: impl FnOnce(Bed) -> F,
) {
    let bed = Bed::new(engine);
    let answers = bed.answers();
    body(bed).await;
    answers.assert_listed();
    answers.assert_produced(package, test);
}

/// How many rows a table of a service's store has: what a refusal must not change.
pub async fn rows(storage: &StorageConfig, table: &str) -> i64 {
    let database = lutong_storage::Database::connect(storage).await.unwrap();
    let reader = database.reader();
    let count = Statement::from_string(
        reader.get_database_backend(),
        format!("SELECT count(*) AS n FROM {table}"),
    );
    let row = reader.query_one_raw(count).await.unwrap().unwrap();
    row.try_get("", "n").unwrap()
}

/// What a column of texts holds, in the order of another column; an absent one is empty.
pub async fn texts(storage: &StorageConfig, table: &str, column: &str, by: &str) -> Vec<String> {
    let query = format!("SELECT {column} AS v FROM {table} ORDER BY {by}");
    let read = |row: sea_orm::QueryResult| {
        row.try_get::<Option<String>>("", "v")
            .unwrap()
            .unwrap_or_default()
    };
    all(storage, query).await.into_iter().map(read).collect()
}

/// What a column of bytes holds in all rows, one after the other.
pub async fn bytes(storage: &StorageConfig, table: &str, column: &str) -> Vec<u8> {
    let read = |row: sea_orm::QueryResult| row.try_get::<Vec<u8>>("", "v").unwrap();
    let rows = all(storage, format!("SELECT {column} AS v FROM {table}")).await;
    rows.into_iter().flat_map(read).collect()
}

async fn all(storage: &StorageConfig, query: String) -> Vec<sea_orm::QueryResult> {
    let database = lutong_storage::Database::connect(storage).await.unwrap();
    let reader = database.reader();
    let query = Statement::from_string(reader.get_database_backend(), query);
    reader.query_all_raw(query).await.unwrap()
}

/// Changes a store behind its service's back, as nothing but a test does.
pub async fn meddle(storage: &StorageConfig, statement: &str) {
    let database = lutong_storage::Database::connect(storage).await.unwrap();
    database.reader().execute_unprepared(statement).await.unwrap();
}

/// A new, empty database on the tests' PostgreSQL.
pub async fn fresh_postgres() -> StorageConfig {
    let server = std::env::var(POSTGRES).unwrap_or_else(|_| {
        panic!("{POSTGRES} is not set: run the tests with tests/run, which starts PostgreSQL 15 (Debian package postgresql-15)")
    });
    let mut random = [0_u8; 8];
    lutong_kernel::Random::fill(&lutong_operating::entropy::Entropy, &mut random);
    let name = format!("t{:016x}", u64::from_le_bytes(random));
    let admin = StorageConfig {
        url: Secret::new(format!("{server}/postgres")),
        max_connections: 1,
        acquire_timeout_ms: 20_000,
    };
    let admin = lutong_storage::Database::connect(&admin).await.unwrap();
    admin
        .reader()
        .execute_unprepared(&format!("CREATE DATABASE {name}"))
        .await
        .unwrap();
    StorageConfig {
        url: Secret::new(format!("{server}/{name}")),
        max_connections: 8,
        acquire_timeout_ms: 20_000,
    }
}

/// Somebody with an account of the role citizen.
pub fn citizen(account: &str, subject: Option<SubjectId>) -> Principal {
    Principal {
        account: account.to_owned(),
        roles: Roles::of(&[Role::Citizen]),
        subject,
        division: None,
        feed: None,
    }
}

/// An authority's feed for the whole province.
pub fn feed(source: &str, kinds: &[&str]) -> Principal {
    Principal {
        account: source.to_owned(),
        roles: Roles::of(&[Role::AuthorityFeed]),
        subject: None,
        division: None,
        feed: Some(FeedGrant {
            source: source.to_owned(),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            divisions: Vec::new(),
        }),
    }
}

/// Runs one test on both engines, held to the contract. The test is named for what must hold.
#[macro_export]
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let test = (env!("CARGO_PKG_NAME"), stringify!($name));
                $crate::hold_to_contract(lutong_storage::Engine::Sqlite, test, super::$name).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let test = (env!("CARGO_PKG_NAME"), stringify!($name));
                $crate::hold_to_contract(lutong_storage::Engine::Postgres, test, super::$name).await;
            })+
        }
    };
}

/// The place that a fake log's cursor names: plain sequences, nothing at the beginning.
pub fn plain_cursor(cursor: &str) -> i64 {
    if cursor.is_empty() {
        0
    } else {
        cursor.parse().unwrap()
    }
}
