//! Whom the officers of a division may designate. No other code compares the places of a person with the division of an officer.

use lutong_kernel::{Fault, SubjectId};
use lutong_storage::Database;
use lutong_storage::crypto::FieldCipher;
use lutong_transport::access::DivisionPermit;

use crate::basis::service::BasisBook;
use crate::designations::domain::is_in_scope;
use crate::fault::proposals;
use crate::subjects::store as subjects;

/// Checks the scope of officers.
pub struct DesignationScope {
    database: Database,
    fields: FieldCipher,
    book: BasisBook,
}

impl DesignationScope {
    pub const fn new(database: Database, fields: FieldCipher, book: BasisBook) -> Self {
        Self {
            database,
            fields,
            book,
        }
    }

    /// Refuses a subject who neither lives in the officer's jurisdiction nor is known to have stayed there.
    pub async fn check(&self, permit: &DivisionPermit, subject: SubjectId) -> Result<(), Fault> {
        let reader = self.database.reader();
        let cipher = self.fields.ready().await?;
        let basis = self.book.catch_up(reader).await?;
        let homes = subjects::homes(reader, basis.merged.person(subject)).await?;
        let mut facts = Vec::new();
        if let Some(row) = subjects::find(reader, subject).await? {
            row.open(&cipher, &mut facts)?;
        }
        if is_in_scope(permit.jurisdiction(), &homes, &facts) {
            Ok(())
        } else {
            Err(proposals::person_outside_division())
        }
    }
}
