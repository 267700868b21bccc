//! Support for the services' contract tests: a foundation with a clock and randomness of the test's own, a store on
//! either engine, and calls on behalf of any principal. A failure here panics, as in a test.
//!
//! Services and fakes bound here are checked against the contract: an error reason that the RPC's comment does not list
//! fails the test, and so does a reason that the ledger (`proto/reasons.txt`) attributes to the test but that was never
//! answered.

#![allow(clippy::unwrap_used)]

mod answers;
mod audit;
pub mod disk;
pub mod lookups;
pub mod network_faults;
mod postgres;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use lutong_kernel::random::SeededRandom;
use lutong_kernel::{Fault, ManualClock, Secret, ServiceName, SubjectId, Timestamp};
use lutong_proto::policy::{Caller, Role};
use sea_orm::{ConnectionTrait as _, Statement};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Routes;

use lutong_chassis::component::{Component, Foundation, KeyFolder};
use lutong_storage::installation;
use lutong_storage::installation::ServiceDatabase;
use lutong_storage::outbox::Doorbell;
use lutong_storage::{Engine, StorageConfig};
use lutong_transport::access::{AccessTable, FeedGrant, Principal, PrincipalKey, Roles};
use lutong_transport::client::{Call, LocalMesh, MeshChannel};
use lutong_transport::server::ServiceRouter;

pub use answers::Answers;
use answers::RecordingService;
pub use postgres::{POSTGRES, fresh_postgres};

/// A test bed: a mesh in this process whose clock the test controls.
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
    /// A new test bed; its clock stands at noon of 2022-11-26, Shandong time.
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
            closing: CancellationToken::new(),
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

    /// Where the stores on SQLite and the keys lie.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub const fn engine(&self) -> Engine {
        self.engine
    }

    /// A new store of a service; on PostgreSQL its own database, migrated as the migration job would.
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
                let place = ServiceDatabase::new(service, &config);
                installation::migrate::<M>(&database, &place).await.unwrap();
                config
            }
        }
    }

    /// A bed with the same keys, clock and folder and no service bound, as after a restart.
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

    /// Aborts all background work, as a power cut would. Calls are still answered.
    pub fn kill_background_work(&self) {
        for task in self.tasks.lock().unwrap().drain(..) {
            task.abort();
        }
    }

    /// Binds a fake in place of a service.
    pub fn bind_fake(&self, service: ServiceName, routes: Routes) {
        self.bind_watched(service, self.foundation.guard(service, routes, None));
    }

    /// The outer guard exists because a mesh accepts only guarded services; the errors that it answers by itself are
    /// common to all RPCs.
    fn bind_watched(&self, service: ServiceName, inner: ServiceRouter) {
        let watched = RecordingService {
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

    /// A call on behalf of `principal`.
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

/// Runs a contract test and checks its answers against the contract; [`on_both_engines!`] expands to it.
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

/// The number of rows in a table of a service's store, which a refused call must not change.
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

/// The values of a text column, ordered by another column; NULL is read as empty.
pub async fn texts(storage: &StorageConfig, table: &str, column: &str, by: &str) -> Vec<String> {
    let query = format!("SELECT {column} AS v FROM {table} ORDER BY {by}");
    let read = |row: sea_orm::QueryResult| {
        row.try_get::<Option<String>>("", "v")
            .unwrap()
            .unwrap_or_default()
    };
    all(storage, query).await.into_iter().map(read).collect()
}

/// The values of a bytes column, concatenated.
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

/// Every row of every table of a store, by table: what a read must leave as it is.
pub async fn content(storage: &StorageConfig) -> BTreeMap<String, Vec<String>> {
    let database = lutong_storage::Database::connect(storage).await.unwrap();
    let is_sqlite = database.engine() == Engine::Sqlite;
    let text = |row: sea_orm::QueryResult| row.try_get::<String>("", "v").unwrap();
    let tables = if is_sqlite {
        "SELECT name AS v FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    } else {
        "SELECT tablename::text AS v FROM pg_tables WHERE schemaname = 'public'"
    };
    let mut found = BTreeMap::new();
    for table in all(storage, tables.to_owned()).await.into_iter().map(text) {
        let row = if is_sqlite {
            let columns =
                format!("SELECT 'quote(\"' || name || '\")' AS v FROM pragma_table_info('{table}')");
            let columns: Vec<_> = all(storage, columns).await.into_iter().map(text).collect();
            columns.join(" || ',' || ")
        } else {
            "t::text".to_owned()
        };
        let rows = all(storage, format!("SELECT {row} AS v FROM {table} AS t ORDER BY 1")).await;
        found.insert(table, rows.into_iter().map(text).collect());
    }
    found
}

/// Changes a store directly, bypassing its service.
pub async fn tamper(storage: &StorageConfig, statement: &str) {
    let database = lutong_storage::Database::connect(storage).await.unwrap();
    database.reader().execute_unprepared(statement).await.unwrap();
}

/// `field REASON` of each violation of a fault.
pub fn violations(fault: &Fault) -> Vec<String> {
    let all = fault.violations.iter();
    all.map(|one| format!("{} {}", one.field, one.reason)).collect()
}

/// A principal with the role citizen.
pub fn citizen(account: &str, subject: Option<SubjectId>) -> Principal {
    Principal {
        account: account.to_owned(),
        roles: Roles::of(&[Role::Citizen]),
        subject,
        division: None,
        feed: None,
        desks: Vec::new(),
    }
}

/// A principal that is an authority's feed for the whole province.
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
        desks: Vec::new(),
    }
}

/// Runs each test on both engines and checks its answers against the contract.
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

/// The sequence in the cursor of a fake log: a plain number, empty at the beginning.
pub fn plain_cursor(cursor: &str) -> i64 {
    if cursor.is_empty() {
        0
    } else {
        cursor.parse().unwrap()
    }
}
