//! How a service is assembled: the foundation that it is given, the component that it returns, and the store that it
//! opens.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lutong_kernel::{Clock, Random, ServiceName, Timestamp};
use lutong_operating::pause::pause;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::audit::{AuditKeys, AuditLog};
use crate::skin::{PageKey, Skin};
use lutong_operating::health::{Check, Readiness};
use lutong_storage::crypto::{FieldCipher, Key, KeyFile, KeyFileError, keyed_hash};
use lutong_storage::idempotency;
use lutong_storage::idempotency::Idempotency;
use lutong_storage::installation;
use lutong_storage::installation::{Installation, InstallationError, ServiceDatabase};
use lutong_storage::outbox::{Doorbell, Outbox};
use lutong_storage::{Database, Engine, Schema, StorageConfig, StorageError};
use lutong_transport::access::{AccessTable, PrincipalKey};
use lutong_transport::record::AuditSink;
use lutong_transport::server::{GuardConfig, MESSAGE_PATIENCE, STREAM_PATIENCE, ServiceRouter};

/// Concurrent calls in one service.
const MAX_IN_FLIGHT: usize = 2_048;
const LONGEST_CALL: Duration = Duration::from_secs(10);
const LONGEST_IMPORT: Duration = Duration::from_secs(600);
/// Concurrent imports in one service, in total and per account; several gateway replicas may forward imports of one
/// account.
const MAX_IMPORTS: usize = 256;
const MAX_IMPORTS_PER_ACCOUNT: usize = 32;
/// Maximum size of a unary message, in bytes; most RPCs allow less.
const LARGEST_MESSAGE: usize = 4 * 1_024 * 1_024;
/// Interval of rereading the key file.
const RENEW_EVERY: Duration = Duration::from_secs(60);
/// Interval of deleting expired rows.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);

/// What every service is given: clock, randomness, keys, access table, doorbell and stop signal.
#[derive(Clone)]
pub struct Foundation {
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub access: AccessTable,
    pub principal_key: PrincipalKey,
    pub bell: Doorbell,
    /// Ends background work.
    pub stop: CancellationToken,
    /// Cancelled when the process begins to close its connections: whatever waits for something to happen answers at once.
    pub closing: CancellationToken,
    /// The folder of the services' key files.
    pub keys: KeyFolder,
    /// With one process per service: the readiness reported to peers' health checks.
    pub health: Option<Readiness>,
}

/// The folder of the key files, and whether a service may create a missing one.
#[derive(Debug, Clone)]
pub struct KeyFolder {
    pub path: PathBuf,
    /// True when all services share one process, which creates key files on its first start. Otherwise `lutong keys
    /// init` does: a service that created its own would hide that the mesh's keys are missing.
    pub makes: bool,
}

impl KeyFolder {
    pub fn making(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            makes: true,
        }
    }

    pub fn given(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            makes: false,
        }
    }

    /// A service's key file.
    pub fn file(&self, service: ServiceName) -> PathBuf {
        self.path.join(format!("{service}.keys"))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("{service}: {source}")]
    Storage {
        service: ServiceName,
        source: StorageError,
    },
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    #[error("{service}: {source}")]
    Installation {
        service: ServiceName,
        source: InstallationError,
    },
    #[error("{service}: {reason}")]
    Config { service: ServiceName, reason: String },
}

/// A built service. The composition root binds its router, spawns its tasks and runs its checks. `R` is the type of its
/// router: the gateway's is not a mesh service's.
pub struct Component<R = ServiceRouter> {
    pub service: ServiceName,
    pub router: R,
    pub checks: Vec<Check>,
    pub tasks: Vec<BoxFuture<'static, ()>>,
}

/// A service's database, its keys, and what is built on them.
#[derive(Clone)]
pub struct Store {
    pub service: ServiceName,
    pub database: Database,
    pub keys: KeyFile,
    pub fields: FieldCipher,
    pub idempotency: Idempotency,
    /// For blind indexes.
    pub index_key: Key,
}

impl Foundation {
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Opens a service's store and verifies that database, keys and service belong together. SQLite is migrated here;
    /// on PostgreSQL the migration job must have run before. `more_keys` names keys besides the usual ones.
    pub async fn open_store<M: Schema>(
        &self,
        service: ServiceName,
        config: &StorageConfig,
        more_keys: &[&str],
    ) -> Result<Store, BuildError> {
        let failed = |source| BuildError::Storage { service, source };
        let refused = |source| BuildError::Installation { service, source };
        let target = ServiceDatabase::new(service, config);
        let database = Database::connect(config).await.map_err(failed)?;
        if database.engine() == Engine::Sqlite {
            installation::migrate::<M>(&database, &target)
                .await
                .map_err(refused)?;
        }
        let installed = Installation::of_current::<M>(&database, &target)
            .await
            .map_err(refused)?;
        let (path, names) = (self.keys.file(service), key_names(more_keys));
        let make = self.keys.makes.then_some(&*self.random);
        let keys = installed.key_file(&path, &names, make).map_err(refused)?;
        let fields = FieldCipher::new(database.clone(), &keys, Arc::clone(&self.random));
        installed
            .admit(&database, &keys, &fields)
            .await
            .map_err(refused)?;
        Ok(Store {
            service,
            fields,
            idempotency: Idempotency::new(keys.key("fingerprint")?),
            index_key: keys.key("index")?,
            keys,
            database,
        })
    }

    /// Guards a service's routes. `audit` is required if one of its RPCs is recorded.
    pub fn guard(&self, service: ServiceName, routes: Routes, audit: Option<AuditLog>) -> ServiceRouter {
        let config = GuardConfig {
            service,
            table: self.access.clone(),
            key: self.principal_key.clone(),
            clock: Arc::clone(&self.clock),
            audit: audit.map(|log| Arc::new(log) as Arc<dyn AuditSink>),
            max_in_flight: MAX_IN_FLIGHT,
            longest: LONGEST_CALL,
            message_patience: MESSAGE_PATIENCE,
            largest_message: LARGEST_MESSAGE,
            max_streams: MAX_IMPORTS,
            max_streams_per_account: MAX_IMPORTS_PER_ACCOUNT,
            longest_stream: LONGEST_IMPORT,
            stream_patience: STREAM_PATIENCE,
        };
        let routes = match &self.health {
            Some(readiness) => readiness.add_health(routes),
            None => routes,
        };
        ServiceRouter::new(routes, config)
    }
}

/// The names of the keys of every service, and of `more`.
pub fn key_names<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["kek.1", "index", "fingerprint"], more].concat()
}

impl Store {
    /// Ready if the database answers, its schema is this build's, and it accepts writes.
    pub fn check<M: Schema>(&self) -> Check {
        let (database, service) = (self.database.clone(), self.service);
        Check::new(format!("{service} storage"), move || {
            let database = database.clone();
            async move {
                match lutong_storage::is_current::<M>(&database).await {
                    Ok(true) => {}
                    Ok(false) => {
                        return Err(format!(
                            "the schema is not there yet: run `lutong migrate {service}`"
                        ));
                    }
                    Err(error) => return Err(error.to_string()),
                }
                let writes = database.check_writes().await;
                writes.map_err(|error| format!("数据库拒绝写入 / storage refuses writes: {error}"))
            }
        })
    }

    /// The request checks for this service's generated RPC services.
    pub fn skin(&self, foundation: &Foundation) -> Skin {
        let pages = PageKey::new(&self.index_key, Arc::clone(&foundation.random));
        Skin::new(self.idempotency.clone(), pages)
    }

    /// This service's audit log.
    pub async fn audit_log(&self, foundation: &Foundation) -> Result<AuditLog, BuildError> {
        // Derived from a key that is never rotated: with another key the log could no longer be verified.
        let material = keyed_hash(&self.index_key, b"lutong-audit/1");
        let keys = AuditKeys::new(&material);
        let log = AuditLog::new(self.database.clone(), keys, Arc::clone(&foundation.clock));
        let service = self.service;
        log.begin()
            .await
            .map_err(|source| BuildError::Storage { service, source })?;
        Ok(log)
    }

    pub fn outbox(&self) -> Outbox {
        Outbox::new(self.service, self.database.clone(), self.fields.clone())
    }

    /// Background maintenance: deletes expired idempotency answers and outbox rows, and rereads the key file.
    pub fn upkeep(&self, foundation: &Foundation, outbox: Option<Outbox>) -> BoxFuture<'static, ()> {
        let sweeping = self.sweep(foundation, outbox);
        let renewing = renew_keys(self.clone(), foundation.stop.clone());
        async move {
            tokio::join!(sweeping, renewing);
        }
        .boxed()
    }

    /// Deletes expired idempotency answers and outbox rows every hour.
    fn sweep(&self, foundation: &Foundation, outbox: Option<Outbox>) -> BoxFuture<'static, ()> {
        let (database, clock, stop) = (
            self.database.clone(),
            Arc::clone(&foundation.clock),
            foundation.stop.clone(),
        );
        let service = self.service;
        async move {
            while !pause(SWEEP_EVERY, &stop).await {
                let now = clock.now();
                let answered: Result<u64, StorageError> =
                    database.write(move |transaction| idempotency::sweep(transaction, now).boxed()).await;
                let followed = match &outbox {
                    Some(outbox) => outbox.sweep(now).await,
                    None => Ok(0),
                };
                if let Err(error) = answered.and(followed) {
                    tracing::warn!(service = service.as_str(), %error, "a sweep failed; the next one catches up");
                }
            }
        }
        .boxed()
    }
}

/// Rereads the key file periodically, so that the key-encryption key can be rotated while the service runs: an operator
/// adds `kek.2`, and removes `kek.1` once the data keys are rewrapped on every replica.
async fn renew_keys(store: Store, stop: CancellationToken) {
    while !pause(RENEW_EVERY, &stop).await {
        let (service, path) = (store.service.as_str(), store.keys.path());
        let keys = match KeyFile::open_existing(path, &[]) {
            Ok(keys) => keys,
            Err(error) => {
                tracing::warn!(service, %error, "the key file cannot be read; the keys read before stay in use");
                continue;
            }
        };
        match store.fields.renew(&keys).await {
            Ok(0) => {}
            Ok(rewrapped) => tracing::info!(
                service,
                rewrapped,
                "data keys were rewrapped under the newest key of the key file"
            ),
            Err(error) => {
                tracing::warn!(service, %error, "data keys could not be rewrapped; the next round retries");
            }
        }
    }
}
