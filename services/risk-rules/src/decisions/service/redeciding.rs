//! Deciding again about subjects whose facts have not changed, in a transaction of its own.

use futures::FutureExt as _;
use lutong_kernel::{Fault, SubjectId};
use lutong_storage::Database;

use super::deciding::Decider;
use crate::decisions::domain::Decision;

/// Decides again in a transaction of its own. Cheap to clone.
#[derive(Clone)]
pub struct Redecider {
    database: Database,
    decider: Decider,
}

impl Redecider {
    pub const fn new(database: Database, decider: Decider) -> Self {
        Self { database, decider }
    }

    /// Decides again about `subjects` (sorted) and returns the decisions that differ from those before.
    pub async fn redecide(&self, subjects: Vec<SubjectId>) -> Result<Vec<Decision>, Fault> {
        let cipher = self.decider.ready().await?;
        let decider = self.decider.clone();
        let made = self.database.write(move |transaction| {
            async move {
                let redecision = decider.redecide(transaction, &cipher, &subjects).await?;
                Ok::<_, Fault>(redecision.made)
            }
            .boxed()
        });
        let made = made.await?;
        self.decider.publish();
        Ok(made)
    }
}
