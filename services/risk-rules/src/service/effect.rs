//! What a change did to colours: whoever was decided about is brought into force at once, and those who could not be are left to
//! an operation that succeeds when all of them are.

use std::time::Duration;

use futures::FutureExt as _;
use lutong_kernel::{Fault, SubjectId};
use lutong_storage::StorageError;
use lutong_transport::client::Call;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::deciding::Decider;
use crate::store::decisions::{self, StoredDecision};
use crate::store::operation_subjects;
use lutong_chassis::operations::{Ended, Kind, Operation, store as operations};

/// Between two looks for decisions to bring into force.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Subjects brought into force by one call.
const AT_ONCE: u64 = 500;
const WITHIN: Duration = Duration::from_secs(10);

/// What a change did to colours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effect {
    /// Subjects about whom was decided anew.
    pub redecided: usize,
    /// Succeeds when everything is in force; `None` where everything is.
    pub operation: Option<Uuid>,
}

impl Effect {
    pub const fn is_in_force(&self) -> bool {
        self.operation.is_none()
    }
}

/// To which operation a change leaves what is not in force yet.
#[derive(Debug, Clone)]
pub struct LeftTo<'a> {
    /// Whose operation it is; empty: the service's own.
    pub account: &'a str,
    /// The resource that was changed; empty where facts were stated.
    pub target: String,
    /// The operation of an earlier part of the same change: it takes this one's too, if it goes on.
    pub operation: Option<Uuid>,
}

impl<'a> LeftTo<'a> {
    /// To one of its own.
    pub const fn its_own(account: &'a str, target: String) -> Self {
        Self {
            account,
            target,
            operation: None,
        }
    }
}

/// Brings a change's decisions into force, page by page.
pub(super) struct Bringing<'a> {
    decider: &'a Decider,
    call: &'a Call,
    redecided: usize,
    waiting: Vec<SubjectId>,
}

impl<'a> Bringing<'a> {
    pub const fn new(decider: &'a Decider, call: &'a Call) -> Self {
        Self {
            decider,
            call,
            redecided: 0,
            waiting: Vec::new(),
        }
    }

    /// Decisions that the change made.
    pub async fn made(&mut self, made: &[StoredDecision]) {
        self.redecided += made.len();
        self.standing(made).await;
    }

    /// Both by one call.
    pub async fn made_and_standing(&mut self, made: &[StoredDecision], standing: &[StoredDecision]) {
        self.redecided += made.len();
        self.standing(&[made, standing].concat()).await;
    }

    /// Decisions that stood already, and may not be in force yet.
    pub async fn standing(&mut self, standing: &[StoredDecision]) {
        if !self.decider.bring_into_force(self.call, standing).await {
            self.waiting.extend(standing.iter().map(|one| one.subject));
        }
    }

    /// Leaves what is not in force to an operation.
    pub async fn finish(self, to: LeftTo<'_>) -> Result<Effect, Fault> {
        let Self {
            decider,
            redecided,
            waiting,
            ..
        } = self;
        let operation = if waiting.is_empty() {
            None
        } else {
            Some(decider.leave_to_operation(to, waiting).await?)
        };
        Ok(Effect { redecided, operation })
    }
}

impl Decider {
    /// An operation as it begins.
    pub(super) fn operation(&self, kind: Kind, account: &str, target: String) -> Operation {
        Operation::begin(kind, account, target, (self.clock.now(), &*self.random))
    }

    async fn leave_to_operation(&self, to: LeftTo<'_>, mut waiting: Vec<SubjectId>) -> Result<Uuid, Fault> {
        waiting.sort_unstable();
        waiting.dedup();
        let more = i64::try_from(waiting.len()).unwrap_or(i64::MAX);
        let own = Operation {
            total: Some(more),
            ..self.operation(Kind::BringIntoForce, to.account, to.target)
        };
        let earlier = to.operation;
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

    /// Works at one operation; `false` when code-rendering is away.
    async fn bring_operation(&self, operation: &Operation) -> Result<bool, Fault> {
        let (id, now) = (operation.id, self.clock.now());
        if !self.bring_waiting(id).await? {
            return Ok(false);
        }
        let ended: Result<bool, StorageError> = self
            .database
            .write(move |transaction| {
                async move {
                    // Holds the row, so that whoever leaves more to this operation does so before, and is seen, or after.
                    operations::add_done(transaction, id, 0).await?;
                    if !operation_subjects::waiting(transaction, id, 1).await?.is_empty() {
                        return Ok(false);
                    }
                    operations::finish(transaction, id, Ended::Succeeded, now).await
                }
                .boxed()
            })
            .await;
        if ended? {
            tracing::info!(operation = %id, "decisions that were pending are in force");
        }
        Ok(true)
    }

    /// Brings into force whoever an operation has waiting; `false` when code-rendering is away.
    pub(super) async fn bring_waiting(&self, id: Uuid) -> Result<bool, Fault> {
        loop {
            let waiting = operation_subjects::waiting(self.database.reader(), id, AT_ONCE).await?;
            if waiting.is_empty() {
                return Ok(true);
            }
            // The latest decision: a later one may have come since, and is what is to be shown.
            let latest = decisions::latest(self.database.reader(), &waiting).await?;
            if !self.bring_into_force(&Call::background(WITHIN), &latest).await {
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
}

/// Brings pending decisions into force, until `stop`. Any number of replicas may: applying again changes nothing.
pub async fn bring_pending(decider: Decider, stop: CancellationToken) {
    loop {
        let rung = decider.pending.notified();
        if let Err(fault) = look(&decider).await {
            tracing::warn!(%fault, "decisions are pending; it is tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = rung => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn look(decider: &Decider) -> Result<(), Fault> {
    let mut after = None;
    loop {
        let reader = decider.database.reader();
        let open = operations::open(reader, Kind::BringIntoForce, after, AT_ONCE).await?;
        let Some(last) = open.last() else { return Ok(()) };
        after = Some(last.id);
        for operation in open {
            if !decider.bring_operation(&operation).await? {
                return Ok(());
            }
        }
    }
}
