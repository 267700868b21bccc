//! Checks what a person who entered from abroad still lacks.

use std::sync::Arc;

use lutong_kernel::{Clock, Fault};
use lutong_storage::Database;
use lutong_storage::crypto::FieldCipher;
use lutong_transport::access::DeclarantPermit;

use super::domain::{MissingStep, missing_steps};
use crate::basis::service::BasisBook;
use crate::facts::store::statements;

/// Checks entries from abroad.
pub struct Entries {
    database: Database,
    fields: FieldCipher,
    clock: Arc<dyn Clock>,
    book: BasisBook,
}

impl Entries {
    pub const fn new(
        database: Database,
        fields: FieldCipher,
        clock: Arc<dyn Clock>,
        book: BasisBook,
    ) -> Self {
        Self {
            database,
            fields,
            clock,
            book,
        }
    }

    pub async fn check(&self, permit: DeclarantPermit) -> Result<Vec<MissingStep>, Fault> {
        let cipher = self.fields.ready().await?;
        let basis = self.book.catch_up(self.database.reader()).await?;
        let person: Vec<_> = basis.merged.person(permit.subject()).collect();
        let mut facts = Vec::new();
        for row in statements::of_subjects(self.database.reader(), &person).await? {
            facts.extend(row.open(&cipher)?);
        }
        Ok(missing_steps(&facts, self.clock.now()))
    }
}
