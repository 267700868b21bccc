//! Registers the rows of finished imports. A worker leases an import and takes a chunk of its rows at a time: identity registers the
//! people, then one transaction stores their declarations and erases the rows. A chunk that was interrupted between the two is taken
//! again: identity finds the same people.

use std::time::Duration;

use futures::FutureExt as _;
use lutong_kernel::{DecisionId, Fault, SubjectId, Violation};
use lutong_transport::client::Call;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ApplicationImports;
use crate::application_imports::domain::ApplicationImport;
use crate::application_imports::store::rows::{self, WaitingRow};
use crate::application_imports::store::worker::{self, Lease, Progress};

/// Rows of a chunk.
const CHUNK: u64 = 500;
/// How long no other worker takes an import; extended with every chunk. Longer than [`DEADLINE`].
const LEASE: Duration = Duration::from_secs(20);
/// The pause after a chunk that could not be registered.
const RETRY_DELAY: Duration = Duration::from_secs(5);
/// The interval at which a worker looks for an import that nobody has woken it for.
const POLL: Duration = Duration::from_secs(1);
/// Deadline of a call to identity.
const DEADLINE: Duration = Duration::from_secs(10);

impl ApplicationImports {
    /// Registers the rows of finished imports, until `stop`.
    pub async fn register_rows(self, stop: CancellationToken) {
        loop {
            let woken = self.woken.notified();
            match self.next(&stop).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(fault) => {
                    tracing::warn!(%fault, "imports of applications could not be read; the next round tries again");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                () = woken => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Takes one import to its end. Returns `false` when there was none, or it has to wait.
    async fn next(&self, stop: &CancellationToken) -> Result<bool, Fault> {
        let (owner, now) = (Uuid::from_bytes(self.random.bytes::<16>()), self.clock.now());
        let until = now.plus(LEASE);
        let leased = self
            .database
            .write(move |transaction| worker::lease(transaction, owner, now, until).boxed())
            .await?;
        let Some(import) = leased else { return Ok(false) };
        let lease = Lease {
            import: import.id,
            owner,
        };
        let ended = tokio::select! {
            ended = self.register(&import, lease) => ended,
            // Released, so that another worker need not wait until the lease expires.
            () = stop.cancelled() => {
                self.release(lease, Duration::ZERO).await?;
                return Ok(false);
            }
        };
        match ended {
            Ok(()) => Ok(true),
            Err(fault) => {
                tracing::warn!(import = %import.id, %fault, "rows of an import wait; they are registered later");
                self.release(lease, RETRY_DELAY).await?;
                Ok(false)
            }
        }
    }

    async fn release(&self, lease: Lease, delay: Duration) -> Result<(), Fault> {
        let until = self.clock.now().plus(delay);
        let released = self
            .database
            .write(move |transaction| worker::release(transaction, lease, until).boxed());
        Ok(released.await?)
    }

    /// Registers the rows of an import, chunk by chunk, until none waits or the import is another worker's or nobody's.
    async fn register(&self, import: &ApplicationImport, lease: Lease) -> Result<(), Fault> {
        let cipher = self.fields.ready().await?;
        loop {
            let waiting = rows::waiting(self.database.reader(), &cipher, import.id, CHUNK).await?;
            if waiting.is_empty() {
                let now = self.clock.now();
                let ended = self
                    .database
                    .write(move |transaction| worker::succeed(transaction, lease, now).boxed());
                return Ok(ended.await?);
            }
            if !self.register_chunk(import, lease, waiting).await? {
                return Ok(());
            }
        }
    }

    /// Registers a chunk. Returns `false` when the import is not this worker's any more.
    async fn register_chunk(
        &self,
        import: &ApplicationImport,
        lease: Lease,
        waiting: Vec<WaitingRow>,
    ) -> Result<bool, Fault> {
        let now = self.clock.now();
        let (numbers, people): (Vec<_>, Vec<_>) =
            waiting.into_iter().map(|one| (one.row, one.person)).unzip();
        let request_id = DecisionId::new(now, &*self.random).uuid().to_string();
        let outcomes = self
            .declarations
            .peers
            .register_batch(&Call::background(DEADLINE), request_id, &import.account, people)
            .await?;
        lutong_failpoint::hit("declaration.import_reported");
        let (mut subjects, mut registered, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for (row, outcome) in numbers.into_iter().zip(outcomes) {
            match outcome {
                Ok(subject) => {
                    subjects.push(subject);
                    registered.push(row);
                }
                Err(wrong) => refused.push((row, wrong)),
            }
        }
        self.store_chunk(lease, subjects, registered, refused).await
    }

    async fn store_chunk(
        &self,
        lease: Lease,
        subjects: Vec<SubjectId>,
        registered: Vec<i64>,
        refused: Vec<(i64, Vec<Violation>)>,
    ) -> Result<bool, Fault> {
        let count = |rows: usize| i64::try_from(rows).unwrap_or(i64::MAX);
        let progress = Progress {
            registered: count(registered.len()),
            refused: count(refused.len()),
        };
        let imported = self.declarations.imported(lease.import, subjects).await?;
        let until = self.clock.now().plus(LEASE);
        let stored: Result<bool, Fault> = self
            .database
            .write(move |transaction| {
                async move {
                    if !worker::advance(transaction, lease, progress, until).await? {
                        return Ok(false);
                    }
                    imported.store(transaction).await?;
                    rows::registered(transaction, lease.import, &registered).await?;
                    rows::refuse(transaction, lease.import, &refused).await?;
                    Ok(true)
                }
                .boxed()
            })
            .await;
        let stored = stored?;
        self.declarations.wake_log();
        Ok(stored)
    }
}
