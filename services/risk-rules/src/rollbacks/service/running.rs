//! Carrying out approved rollbacks, resumed after a crash.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::operations::{Kind, Operation, Outcome, store as operations};
use lutong_kernel::{Clock, Fault};
use lutong_storage::{Database, StorageError};
use lutong_transport::client::Call;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::undoing::{UndoPage, UndoPages};
use crate::approval::domain::Signature;
use crate::facts::service::appending::{Batch, FactAppender};
use crate::operations::service::effect::Effects;
use crate::operations::store as operation_subjects;
use crate::rollbacks::domain::{Rollback, State};
use crate::rollbacks::store as rollbacks;

/// Interval between two checks for interrupted rollbacks.
const INTERVAL: Duration = Duration::from_secs(5);
/// Time during which other replicas leave a rollback to the one that processed its approval.
const APPROVER_WORKS: Duration = Duration::from_secs(15);
/// Deadline of a call to another service.
const DEADLINE: Duration = Duration::from_secs(5);

/// Carries out approved rollbacks.
pub struct RollbackRunner {
    database: Database,
    clock: Arc<dyn Clock>,
    pages: UndoPages,
    appender: FactAppender,
    effects: Effects,
    /// Wakes the worker when a rollback is approved.
    approved: Arc<Notify>,
}

impl RollbackRunner {
    pub fn new(
        database: Database,
        clock: Arc<dyn Clock>,
        pages: UndoPages,
        (appender, effects): (FactAppender, Effects),
        approved: Arc<Notify>,
    ) -> Self {
        Self {
            database,
            clock,
            pages,
            appender,
            effects,
            approved,
        }
    }

    /// Carries out approved rollbacks until `stop`. Several replicas may run it: undoing twice has no effect.
    pub async fn run(self, stop: CancellationToken) {
        // The replica that processed the approval begins at once; the others leave the rollback to it for a while.
        let mut patience = APPROVER_WORKS;
        loop {
            let approved = self.approved.notified();
            if let Err(fault) = self.finish_all(patience).await {
                tracing::warn!(%fault, "a rollback waits; it is tried again");
            }
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => patience = APPROVER_WORKS,
                () = approved => patience = Duration::ZERO,
                () = stop.cancelled() => return,
            }
        }
    }

    async fn finish_all(&self, patience: Duration) -> Result<(), Fault> {
        let before = self.clock.now().minus(patience);
        for rollback in rollbacks::unfinished(self.database.reader(), before).await? {
            tracing::info!(rollback = %rollback.id, source = rollback.span.source, "a rollback goes on");
            self.undo(&Call::background(DEADLINE), &rollback).await?;
        }
        Ok(())
    }

    /// Undoes the rest of an approved rollback, brings it into force, and ends it with its operation.
    async fn undo(&self, call: &Call, rollback: &Rollback) -> Result<(), Fault> {
        let target = rollback.name();
        let reader = self.database.reader();
        let operation = operations::of_target(reader, Kind::RollBack, &target).await?;
        let mut after = rollback.after;
        while let Some(page) = self.pages.next(&rollback.span, after).await? {
            after = Some(page.last);
            self.undo_page(call, rollback, operation.as_ref(), page).await?;
        }
        if let Some(operation) = &operation
            && !self.effects.bring_waiting(operation.id).await?
        {
            return Err(Fault::unavailable("code-rendering"));
        }
        let approver = rollback
            .approved
            .as_ref()
            .map_or("", |approved| &approved.officer);
        let closed = Signature {
            officer: approver.to_owned(),
            at: self.clock.now(),
        };
        let id = rollback.id;
        let done: Result<(), StorageError> = self
            .database
            .write(move |transaction| {
                async move {
                    rollbacks::close(transaction, id, State::Done, &closed).await?;
                    let ended = (Kind::RollBack, target.as_str());
                    operations::finish_of(transaction, ended, Outcome::Succeeded, closed.at).await
                }
                .boxed()
            })
            .await;
        Ok(done?)
    }

    async fn undo_page(
        &self,
        call: &Call,
        rollback: &Rollback,
        operation: Option<&Operation>,
        page: UndoPage,
    ) -> Result<(), Fault> {
        let (id, operation) = (rollback.id, operation.map(|one| one.id));
        let (mut outcome, mut waiting) = (page.counted, Vec::new());
        if !page.statements.is_empty() {
            let appended = self.appender.append(Batch::of(page.statements)).await?;
            let refused = appended
                .outcomes
                .iter()
                .filter(|outcome| outcome.is_err())
                .count();
            if refused > 0 {
                // Facts that were corrected meanwhile keep their correction.
                tracing::info!(rollback = %id, refused, "statements were corrected while they were being undone");
            }
            outcome.redecided = appended.made.len();
            if !self.effects.bring_into_force(call, &appended.made).await {
                waiting = appended.made.iter().map(|one| one.subject).collect();
            }
        }
        let last = page.last;
        let advanced: Result<(), StorageError> = self
            .database
            .write(move |transaction| {
                async move {
                    if let Some(operation) = operation {
                        operation_subjects::add(transaction, operation, &waiting).await?;
                        let done = u64::try_from(outcome.subjects).unwrap_or(u64::MAX);
                        operations::add_done(transaction, operation, done).await?;
                    }
                    rollbacks::advance(transaction, id, last, &outcome).await
                }
                .boxed()
            })
            .await;
        Ok(advanced?)
    }
}
