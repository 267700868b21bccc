//! The effect of a change on colours: decisions are brought into force at once, and subjects for whom that fails are left to an
//! operation that succeeds when all of them are in force.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::operations::{Kind, Operation, Outcome, store as operations};
use lutong_kernel::{Clock, Fault, Random, SubjectId};
use lutong_storage::{Database, StorageError};
use lutong_transport::client::Call;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::decisions::domain::Decision;
use crate::decisions::service::delivery::Delivery;
use crate::decisions::store as decisions;
use crate::operations::store as operation_subjects;

/// Interval between two queries for pending decisions.
const INTERVAL: Duration = Duration::from_secs(1);
/// Number of subjects that are brought into force by one call.
const PAGE: u64 = 500;
/// Deadline of a call to code-rendering.
const DEADLINE: Duration = Duration::from_secs(10);

/// The effect of a change on colours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effect {
    /// Number of subjects with a new decision.
    pub redecided: usize,
    /// The operation that succeeds when everything is in force; `None` if everything is in force already.
    pub operation: Option<Uuid>,
}

impl Effect {
    pub const fn is_in_force(&self) -> bool {
        self.operation.is_none()
    }
}

/// The operation to which a change leaves decisions that are not in force.
#[derive(Debug, Clone)]
pub struct PendingOperation<'a> {
    /// The account that owns the operation; empty: the service itself.
    pub account: &'a str,
    /// The resource that was changed; empty if facts were stated.
    pub target: String,
    /// The operation of an earlier part of the same change. It is reused if it is still open.
    pub earlier: Option<Uuid>,
}

impl<'a> PendingOperation<'a> {
    /// A new operation.
    pub const fn new(account: &'a str, target: String) -> Self {
        Self {
            account,
            target,
            earlier: None,
        }
    }
}

/// Brings decisions into force, at once or by operations. Cheap to clone.
#[derive(Clone)]
pub struct Effects {
    database: Database,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    delivery: Delivery,
    /// Wakes the worker when an operation has pending decisions.
    pending: Arc<Notify>,
}

/// Collects the effect of one change, page by page.
pub struct EffectCollector<'a> {
    effects: &'a Effects,
    call: &'a Call,
    redecided: usize,
    waiting: Vec<SubjectId>,
}

impl EffectCollector<'_> {
    /// Brings decisions into force that the change made.
    pub async fn made(&mut self, made: &[Decision]) {
        self.redecided += made.len();
        self.standing(made).await;
    }

    /// Brings decisions into force that the change made, and others that stood before, by one call.
    pub async fn made_and_standing(&mut self, made: &[Decision], standing: &[Decision]) {
        self.redecided += made.len();
        self.standing(&[made, standing].concat()).await;
    }

    /// Brings decisions into force that stood before and may not be in force yet.
    pub async fn standing(&mut self, standing: &[Decision]) {
        let delivery = &self.effects.delivery;
        if !delivery.bring_into_force(self.call, standing).await {
            self.waiting.extend(standing.iter().map(|one| one.subject));
        }
    }

    /// Leaves subjects whose decisions are not in force to an operation.
    pub async fn finish(self, operation: PendingOperation<'_>) -> Result<Effect, Fault> {
        let Self {
            effects,
            redecided,
            waiting,
            ..
        } = self;
        let operation = if waiting.is_empty() {
            None
        } else {
            Some(effects.leave_to_operation(operation, waiting).await?)
        };
        Ok(Effect { redecided, operation })
    }
}

impl Effects {
    pub fn new(
        database: Database,
        (clock, random): (Arc<dyn Clock>, Arc<dyn Random>),
        delivery: Delivery,
    ) -> Self {
        Self {
            database,
            clock,
            random,
            delivery,
            pending: Arc::default(),
        }
    }

    /// Begins to collect the effect of a change.
    pub const fn collect<'a>(&'a self, call: &'a Call) -> EffectCollector<'a> {
        EffectCollector {
            effects: self,
            call,
            redecided: 0,
            waiting: Vec::new(),
        }
    }

    /// Brings decisions into force; `false` if code-rendering is unavailable.
    pub async fn bring_into_force(&self, call: &Call, decisions: &[Decision]) -> bool {
        self.delivery.bring_into_force(call, decisions).await
    }

    async fn leave_to_operation(
        &self,
        to: PendingOperation<'_>,
        mut waiting: Vec<SubjectId>,
    ) -> Result<Uuid, Fault> {
        waiting.sort_unstable();
        waiting.dedup();
        let more = i64::try_from(waiting.len()).unwrap_or(i64::MAX);
        let begun = (self.clock.now(), &*self.random);
        let own = Operation {
            total: Some(more),
            ..Operation::begin(Kind::BringIntoForce, to.account, to.target, begun)
        };
        let earlier = to.earlier;
        let stored: Result<Uuid, StorageError> = self
            .database
            .write(move |transaction| {
                async move {
                    let id = match earlier {
                        Some(id) if operations::add_total(transaction, (id, &own.account), more).await? => id,
                        _ => {
                            operations::insert(transaction, &own).await?;
                            own.id
                        }
                    };
                    operation_subjects::add(transaction, id, &waiting).await?;
                    Ok(id)
                }
                .boxed()
            })
            .await;
        let id = stored?;
        self.pending.notify_waiters();
        Ok(id)
    }

    /// Processes one operation; `false` if code-rendering is unavailable.
    async fn process(&self, operation: &Operation) -> Result<bool, Fault> {
        let (id, now) = (operation.id, self.clock.now());
        if !self.bring_waiting(id).await? {
            return Ok(false);
        }
        let ended: Result<bool, StorageError> = self
            .database
            .write(move |transaction| {
                async move {
                    // Locks the row, so that subjects that are added concurrently are added before, and seen, or after.
                    operations::add_done(transaction, id, 0).await?;
                    if !operation_subjects::waiting(transaction, id, 1).await?.is_empty() {
                        return Ok(false);
                    }
                    operations::finish(transaction, id, Outcome::Succeeded, now).await
                }
                .boxed()
            })
            .await;
        if ended? {
            tracing::info!(operation = %id, "decisions that were pending are in force");
        }
        Ok(true)
    }

    /// Brings into force the decisions of all waiting subjects of an operation; `false` if code-rendering is unavailable.
    pub async fn bring_waiting(&self, id: Uuid) -> Result<bool, Fault> {
        loop {
            let waiting = operation_subjects::waiting(self.database.reader(), id, PAGE).await?;
            if waiting.is_empty() {
                return Ok(true);
            }
            // The latest decision, because a later one may have been made meanwhile.
            let latest = decisions::latest(self.database.reader(), &waiting).await?;
            let call = Call::background(DEADLINE);
            if !self.delivery.bring_into_force(&call, &latest).await {
                return Ok(false);
            }
            let noted: Result<(), StorageError> = self
                .database
                .write(move |transaction| {
                    async move {
                        let gone = operation_subjects::remove(transaction, id, &waiting).await?;
                        operations::add_done_of_kind(transaction, (id, Kind::BringIntoForce), gone).await
                    }
                    .boxed()
                })
                .await;
            noted?;
        }
    }

    /// Processes open operations until `stop`. Several replicas may run it: applying a decision again has no effect.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let pending = self.pending.notified();
            if let Err(fault) = self.process_all().await {
                tracing::warn!(%fault, "decisions are pending; it is tried again");
            }
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = pending => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn process_all(&self) -> Result<(), Fault> {
        let mut after = None;
        loop {
            let reader = self.database.reader();
            let open = operations::open(reader, Kind::BringIntoForce, after, PAGE).await?;
            let Some(last) = open.last() else { return Ok(()) };
            after = Some(last.id);
            for operation in open {
                if !self.process(&operation).await? {
                    return Ok(());
                }
            }
        }
    }
}
