//! Whom counter staff may serve.

use lutong_chassis::Store;
use lutong_kernel::{Fault, SubjectId};
use lutong_storage::Database;
use lutong_transport::access::{DivisionPermit, PermittedSubject};

use super::store;

/// The copy of where people live; cheap to clone.
#[derive(Clone)]
pub struct Homes {
    database: Database,
}

impl Homes {
    pub fn new(store: &Store) -> Self {
        Self {
            database: store.database.clone(),
        }
    }

    /// Each of these people, or why the staff of a division may not serve them, in their order.
    pub async fn reach(
        &self,
        permit: DivisionPermit,
        subjects: &[SubjectId],
    ) -> Result<Vec<Result<PermittedSubject, Fault>>, Fault> {
        let homes = store::of(self.database.reader(), subjects).await?;
        let reached = subjects
            .iter()
            .map(|subject| permit.reach(*subject, homes.get(subject).copied()));
        Ok(reached.collect())
    }
}
