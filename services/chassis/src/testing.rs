//! What the services' contract tests stand on: a foundation with a clock and a randomness of the test's own, a store on
//! either engine, and calls in anybody's name. Only with the feature `testing`; a failure here panics, as a test does.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use lutong_kernel::random::SeededRandom;
use lutong_kernel::{ManualClock, Secret, ServiceName, SubjectId, Timestamp};
use lutong_proto::policy::{Caller, Role};
use sea_orm::ConnectionTrait as _;
use tokio_util::sync::CancellationToken;
use tonic::metadata::{Ascii, MetadataValue};

use crate::access::{AccessTable, FeedGrant, Principal, PrincipalKey, Roles};
use crate::client::{Call, LocalMesh, MeshChannel};
use crate::component::{Component, Foundation};
use crate::outbox::Doorbell;
use crate::storage::{self, Engine, StorageConfig};

/// Where the tests' PostgreSQL is; `tests/run` starts one and sets it.
pub const POSTGRES: &str = "LUTONG_TEST_POSTGRES";

/// A mesh in this process whose time the test moves.
pub struct Bed {
    pub foundation: Foundation,
    pub clock: ManualClock,
    pub mesh: LocalMesh,
    engine: Engine,
    folder: Arc<tempfile::TempDir>,
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
            keys: folder.path().join("keys"),
        };
        Self {
            foundation,
            clock,
            mesh: LocalMesh::new(),
            engine,
            folder,
        }
    }

    /// A fresh store of a service; on PostgreSQL a database of its own, migrated as the job would.
    pub async fn storage<M: sea_orm_migration::MigratorTrait>(&self, service: ServiceName) -> StorageConfig {
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
                let database = storage::Database::connect(&config).await.unwrap();
                storage::migrate::<M>(&database).await.unwrap();
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
        }
    }

    /// Makes a built service reachable and starts its background work.
    pub fn bind(&self, component: Component) {
        self.mesh.bind(component.service, component.router);
        for task in component.tasks {
            tokio::spawn(task);
        }
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
    }
}

/// A new, empty database on the tests' PostgreSQL.
pub async fn fresh_postgres() -> StorageConfig {
    let server = std::env::var(POSTGRES).unwrap_or_else(|_| {
        panic!("{POSTGRES} is not set: run the tests with tests/run, which starts PostgreSQL 15 (Debian package postgresql-15)")
    });
    let mut random = [0_u8; 8];
    lutong_kernel::Random::fill(&crate::entropy::Entropy, &mut random);
    let name = format!("t{:016x}", u64::from_le_bytes(random));
    let admin = StorageConfig {
        url: Secret::new(format!("{server}/postgres")),
        max_connections: 1,
        acquire_timeout_ms: 20_000,
    };
    let admin = storage::Database::connect(&admin).await.unwrap();
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

/// Runs one test on both engines. The test is named for what must hold.
#[macro_export]
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::testing::Bed::new($crate::storage::Engine::Sqlite)).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::testing::Bed::new($crate::storage::Engine::Postgres)).await;
            })+
        }
    };
}
