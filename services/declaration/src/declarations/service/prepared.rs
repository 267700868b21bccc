//! Declarations that others make for people: an organisation's import, and counter staff. They are of no account: what a person holds is
//! linked to an account of their own at identity.

use lutong_kernel::{Fault, SubjectId};
use lutong_storage::crypto::{ReadyCipher, keyed_hash};
use lutong_storage::outbox::SealedEvents;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::Declarations;
use super::acknowledgement::event_of;
use super::form::CheckedForm;
use crate::declarations::domain::{Declaration, DeclarationKind};
use crate::declarations::store;
use crate::peers::RegisteredPerson;

/// Declarations that are ready to be stored.
pub struct PreparedDeclarations {
    declarations: Vec<Declaration>,
    events: SealedEvents,
    cipher: ReadyCipher,
}

impl Declarations {
    /// An application without a contact history for each of these people. They have not seen the commitment.
    pub async fn imported(
        &self,
        import: Uuid,
        subjects: Vec<SubjectId>,
    ) -> Result<PreparedDeclarations, Fault> {
        // The name of no account: an account id has no slash.
        let account = keyed_hash(
            &self.account_key,
            format!("application-imports/{import}").as_bytes(),
        );
        let declaration = |subject| self.draft_of(account, DeclarationKind::Application, subject);
        self.prepared(subjects.into_iter().map(declaration).collect())
            .await
    }

    /// An application that counter staff enter for a person.
    pub fn assisted(&self, person: RegisteredPerson, form: CheckedForm, staff: String) -> Declaration {
        let account = self.assisted_hash(person.subject);
        let mut declaration = self.draft_of(account, form.kind, person.subject);
        declaration.fill(person, form);
        declaration.entered_by = Some(staff);
        declaration
    }

    /// Makes declarations ready to be stored.
    pub async fn prepared(&self, declarations: Vec<Declaration>) -> Result<PreparedDeclarations, Fault> {
        let events = declarations.iter().filter_map(event_of).collect();
        Ok(PreparedDeclarations {
            events: self.outbox.seal(self.clock.now(), events).await?,
            cipher: self.fields.ready().await?,
            declarations,
        })
    }

    /// Wakes the relay of the log, after a commit.
    pub fn wake_log(&self) {
        self.outbox.wake();
    }
}

impl PreparedDeclarations {
    /// Stores the declarations, which are acknowledged by the commit, and their events.
    pub async fn store(self, transaction: &DatabaseTransaction) -> Result<(), Fault> {
        if self.declarations.is_empty() {
            return Ok(());
        }
        let all: Vec<_> = self.declarations.iter().collect();
        store::insert(transaction, &self.cipher, &all).await?;
        self.events.append(transaction).await?;
        Ok(())
    }
}
