//! Appending that is never committed: what would be decided if a batch were stored.

use std::collections::HashMap;

use futures::FutureExt as _;
use lutong_kernel::{Colour, Fault, SubjectId};
use lutong_storage::StorageError;

use super::{Batch, hold};
use crate::service::deciding::Decider;

/// How a trial's transaction ends: always in an error, so that nothing of it is kept.
enum End {
    /// Colour before and after of everybody about whom a decision would be made anew.
    Tried(Vec<(Colour, Colour)>),
    Failed(Fault),
}

impl From<StorageError> for End {
    fn from(error: StorageError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault)
    }
}

impl Decider {
    /// Stores the batch, decides, and takes all of it back. Who has no decision yet is not among those told.
    pub async fn try_append(&self, batch: Batch) -> Result<Vec<(Colour, Colour)>, Fault> {
        let cipher = self.ready().await?;
        let touched = batch.touched();
        let batch = Batch {
            statements: self.prepare(&cipher, batch.statements)?,
            enrol: batch.enrol,
            all_or_nothing: batch.all_or_nothing,
            position: None,
        };
        let this = self.clone();
        let tried: Result<(), End> = self
            .database
            .write(move |transaction| {
                async move {
                    let basis = this.book.shared(transaction).await?;
                    let people = basis.merged.people(touched.clone());
                    let before: HashMap<SubjectId, Colour> = hold(transaction, &cipher, people)
                        .await?
                        .into_iter()
                        .filter(|(_, held)| held.row.version > 0)
                        .map(|(subject, held)| (subject, held.row.verdict.colour))
                        .collect();
                    let appended = this.append_in(transaction, &cipher, touched, batch).await?;
                    let change = |subject: &SubjectId, after| Some((*before.get(subject)?, after));
                    let made = appended.made.iter();
                    let changes = made.filter_map(|one| change(&one.subject, one.content.colour));
                    Err(End::Tried(changes.collect()))
                }
                .boxed()
            })
            .await;
        match tried {
            Err(End::Tried(changes)) => Ok(changes),
            Err(End::Failed(fault)) => Err(fault),
            // The closure above never succeeds.
            Ok(()) => Err(Fault::internal()),
        }
    }
}
