//! A person's own items: what they are, how they are changed, and what they were.

mod replacement;
mod update;

use std::sync::Arc;

use lutong_chassis::etag::Etag;
use lutong_chassis::skin::Page;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault, Random, SubjectId};
use lutong_storage::Database;
use lutong_storage::crypto::{FieldCipher, ReadyCipher};
use lutong_storage::outbox::Outbox;
use lutong_transport::access::SelfPermit;
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use super::domain::differences;
use super::store::{self, ChangeAction, RecordedChange};
use crate::accounts::domain::AccountId;
use crate::accounts::store::links::{self, AccountLink};
use crate::accounts::store::subject_of;
use crate::fault::person_changes as fault;
use crate::health_cards::store as health_cards;
use crate::merges::service::Merges;
use crate::people::domain::Person;
use crate::people::service::homes;
use crate::people::store::registered::{self, RegisteredPerson};
use crate::people::store::{self as people, NewPerson, SealedPerson};
use crate::registrations::service::Registrations;

pub use self::replacement::Replacement;
pub use self::update::Update;

/// The state of every person whom this service shows, beside the etag.
const STATE: &str = "REGISTERED";

/// A person's own items; cheap to clone.
#[derive(Clone)]
pub struct Persons {
    database: Database,
    fields: FieldCipher,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    outbox: Outbox,
    registrations: Registrations,
    merges: Merges,
}

/// What a person's own items are built of.
pub struct Parts {
    pub outbox: Outbox,
    pub registrations: Registrations,
    pub merges: Merges,
}

/// A person as they see themself.
#[derive(Debug, Clone)]
pub struct View {
    pub subject: SubjectId,
    pub person: Person,
    pub etag: Etag,
    pub links: Vec<AccountLink>,
}

/// Whose items a request names: the caller's, or those of a subject, who must be the caller.
pub type NamedSubject = Option<SubjectId>;

impl Persons {
    pub fn new(store: &Store, foundation: &Foundation, parts: Parts) -> Self {
        let Parts {
            outbox,
            registrations,
            merges,
        } = parts;
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            outbox,
            registrations,
            merges,
        }
    }

    /// The caller's items.
    pub async fn get(&self, permit: &SelfPermit, named: NamedSubject) -> Result<View, Fault> {
        let reader = self.database.reader();
        let account = account_of(permit)?;
        let subject = own_subject(reader, &account, named).await?;
        let stored = registered::by_subject(reader, subject).await?;
        self.view(stored.ok_or_else(fault::person_not_found)?).await
    }

    /// The changes of the caller's items on a page, the newest first, and the next page's token.
    pub async fn changes(
        &self,
        permit: &SelfPermit,
        named: NamedSubject,
        page: &Page,
    ) -> Result<(Vec<RecordedChange>, String), Fault> {
        let reader = self.database.reader();
        let subject = own_subject(reader, &account_of(permit)?, named).await?;
        let cipher = self.fields.ready().await?;
        let rows = store::list(reader, &cipher, subject, page.after_number()?, page.limit()).await?;
        page.cut(rows, |last| last.sequence.to_be_bytes().to_vec())
    }

    async fn view(&self, stored: RegisteredPerson) -> Result<View, Fault> {
        let reader = self.database.reader();
        let (subject, cipher) = (stored.subject, self.fields.ready().await?);
        let person = stored
            .sealed
            .open(&cipher, subject, self.clock.now().local_day())?;
        Ok(View {
            subject,
            person,
            etag: etag_of(reader, subject).await?,
            links: links::of_person(reader, subject).await?,
        })
    }

    /// The caller's person, whom no other transaction changes until the end of this one.
    async fn locked(
        &self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        account: &AccountId,
        named: NamedSubject,
    ) -> Result<(SubjectId, Person), Fault> {
        let subject = own_subject(transaction, account, named).await?;
        let stored = registered::lock(transaction, subject).await?;
        let stored = stored.ok_or_else(fault::person_not_found)?;
        let today = self.clock.now().local_day();
        Ok((subject, stored.sealed.open(cipher, subject, today)?))
    }

    /// Stores the items of a locked person after a change, keeps what they were, and publishes a home in another division.
    async fn store_items(
        &self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        subject: SubjectId,
        (before, after): (&Person, &Person),
        action: &ChangeAction,
    ) -> Result<(), Fault> {
        let changes = differences(before, after);
        if changes.is_empty() {
            return Ok(());
        }
        store::record(transaction, cipher, subject, &changes, action).await?;
        let new = NewPerson {
            subject,
            index: self.registrations.registry.index(&after.document),
            mobile_index: self.registrations.codes.mobile_index(&after.mobile),
            sealed: SealedPerson::seal(cipher, subject, after)?,
            registered_by: None,
            now: action.at,
        };
        people::update(transaction, new).await?;
        health_cards::tell_again(transaction, subject, action.at).await?;
        homes::publish_again(transaction, &self.outbox, cipher, subject, action.at).await
    }
}

fn account_of(permit: &SelfPermit) -> Result<AccountId, Fault> {
    AccountId::parse(permit.account()).map_err(|wrong| Fault::invalid(vec![wrong]))
}

/// The person of the account, as the accounts say now: a session may be older. Another one is answered as not found.
async fn own_subject(
    connection: &impl ConnectionTrait,
    account: &AccountId,
    named: NamedSubject,
) -> Result<SubjectId, Fault> {
    let own = subject_of(connection, account).await?;
    own.filter(|own| named.is_none_or(|named| named == *own))
        .ok_or_else(fault::person_not_found)
}

/// The etag of a person's items: it changes with every recorded change.
async fn etag_of(connection: &impl ConnectionTrait, subject: SubjectId) -> Result<Etag, Fault> {
    let latest = store::latest(connection, subject).await?;
    Ok(Etag::of(&subject.to_string(), [latest.to_string()]))
}
