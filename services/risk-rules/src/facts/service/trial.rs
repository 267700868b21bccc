//! A trial: appending a batch and deciding in a transaction that is always rolled back.

use std::convert::Infallible;

use futures::FutureExt as _;
use lutong_kernel::{Colour, Fault, SubjectId};
use lutong_storage::{Database, StorageError};

use super::appending::{Batch, FactAppender};
use crate::decisions::service::deciding::Decider;

/// How the transaction of a trial ends: always as an error, so that it is rolled back.
enum TrialEnd {
    /// The colours before and after, for each subject with a new decision.
    Tried(Vec<(Colour, Colour)>),
    Failed(Fault),
}

impl From<StorageError> for TrialEnd {
    fn from(error: StorageError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Fault> for TrialEnd {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault)
    }
}

/// Tries batches. Cheap to clone.
#[derive(Clone)]
pub struct FactTrial {
    database: Database,
    decider: Decider,
    appender: FactAppender,
}

impl FactTrial {
    pub const fn new(database: Database, decider: Decider, appender: FactAppender) -> Self {
        Self {
            database,
            decider,
            appender,
        }
    }

    /// The colours before and after, for each subject that would have a new decision and has one already. Nothing is stored.
    pub async fn run(&self, batch: Batch) -> Result<Vec<(Colour, Colour)>, Fault> {
        let prepared = self.appender.prepare(self.decider.ready().await?, batch)?;
        let appender = self.appender.clone();
        let tried: Result<Infallible, TrialEnd> = self
            .database
            .write(move |transaction| {
                async move {
                    let before = appender.colours(transaction, &prepared).await?;
                    let appended = appender.append_in(transaction, prepared).await?;
                    let change = |subject: &SubjectId, after| Some((*before.get(subject)?, after));
                    let made = appended.made.iter();
                    let changes = made.filter_map(|one| change(&one.subject, one.content.colour));
                    Err(TrialEnd::Tried(changes.collect()))
                }
                .boxed()
            })
            .await;
        let Err(end) = tried;
        match end {
            TrialEnd::Tried(changes) => Ok(changes),
            TrialEnd::Failed(fault) => Err(fault),
        }
    }
}
