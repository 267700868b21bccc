//! Declarations that wait for a step after their acknowledgement: which of them are due, and what became of the step.

use std::time::Duration;

use futures::FutureExt as _;
use lutong_kernel::{Fault, Timestamp};
use lutong_storage::crypto::ReadyCipher;
use sea_orm::DatabaseTransaction;

use super::Declarations;
use super::acknowledgement::event_of;
use super::corrections::correct_proved;
use crate::arrivals::domain::pending_step::{MissingStep, PendingStep, next_check};
use crate::declarations::domain::Declaration;
use crate::declarations::store::{self, postponed};
use crate::peers::PartnerCode;

/// What became of a pending step.
#[derive(Debug, Clone)]
pub enum StepOutcome {
    Converted(Box<PartnerCode>),
    EntryComplete,
    EntryLacks(Vec<MissingStep>),
    /// It will never be done, for this reason.
    Refused(String),
    /// It could not be tried.
    Unknown,
}

impl Declarations {
    /// Leases declarations whose step is due, at most `limit`.
    pub async fn lease_postponed(&self, lease: Duration, limit: u64) -> Result<Vec<Declaration>, Fault> {
        let (cipher, now) = (self.fields.ready().await?, self.clock.now());
        let until = now.plus(lease);
        self.database
            .write(move |transaction| {
                let cipher = cipher.clone();
                async move { postponed::lease(transaction, &cipher, now, until, limit).await }.boxed()
            })
            .await
    }

    /// Stores what became of the step of a declaration. One whose step was settled meanwhile stays as it is.
    pub async fn settle_step(&self, leased: &Declaration, outcome: StepOutcome) -> Result<(), Fault> {
        let (cipher, this, now) = (self.fields.ready().await?, self.clone(), self.clock.now());
        let (account, id) = (leased.account, leased.id);
        let settled: Result<(), Fault> = self
            .database
            .write(move |transaction| {
                async move {
                    let Some(found) = postponed::find(transaction, &cipher, &account, id).await? else {
                        return Ok(());
                    };
                    this.settle_found(transaction, &cipher, found, outcome, now).await
                }
                .boxed()
            })
            .await;
        settled?;
        self.outbox.wake();
        Ok(())
    }

    async fn settle_found(
        &self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        mut declaration: Declaration,
        outcome: StepOutcome,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let subject = declaration.subject;
        let mut next = None;
        match outcome {
            StepOutcome::Converted(code) => {
                declaration.pending_step = None;
                code.add_to(&mut declaration);
            }
            StepOutcome::EntryComplete => declaration.pending_step = None,
            StepOutcome::EntryLacks(missing) => {
                declaration.pending_step = Some(PendingStep::Entry { missing });
                next = Some(next_check(declaration.created_at, now));
            }
            StepOutcome::Refused(reason) => declaration.refuse(now, Some(reason)),
            StepOutcome::Unknown => next = Some(next_check(declaration.created_at, now)),
        }
        let is_accepted = declaration.is_delivered();
        if is_accepted {
            correct_proved(transaction, cipher, &mut declaration).await?;
        }
        store::settle(transaction, cipher, subject, &declaration, next).await?;
        if is_accepted {
            let events = event_of(&declaration).into_iter().collect();
            self.outbox.seal(now, events).await?.append(transaction).await?;
        }
        Ok(())
    }
}
