//! A person for whom an account registers: what follows from what it has shown, and the link itself.

use lutong_kernel::{Fault, SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::outbox::NewEvent;
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use uuid::Uuid;

use crate::accounts::domain::AccountId;
use crate::accounts::store::{self as accounts, links};
use crate::events::registration_decided;
use crate::fault;
use crate::messages::{Message, Notice};
use crate::people::domain::Person;
use crate::people::store::{self as people, DocumentIndex, NewPerson, SealedPerson};
use crate::person_changes::store::{self as person_changes, ChangeAction};
use crate::registrations::domain::{Evidence, Holder, Linking, decide};
use crate::registrations::store::{self, End};

/// What follows from a registration that was linked.
pub struct LinkedRegistration {
    pub subject: SubjectId,
    /// The mobile of whoever held the person before.
    pub tell: Option<Notice>,
    pub event: NewEvent,
}

/// A person for whom an account registers, with what it has shown.
#[derive(Clone)]
pub struct Claimant {
    pub account: AccountId,
    pub person: Person,
    pub index: DocumentIndex,
    pub mobile_index: [u8; 32],
    pub evidence: Evidence,
}

impl Claimant {
    /// What follows from what the account has shown and from who holds the person.
    pub async fn decide(
        &self,
        connection: &impl ConnectionTrait,
        cipher: &ReadyCipher,
        known: Option<&people::IndexedSubject>,
    ) -> Result<Linking, Fault> {
        let holder = match known.and_then(|known| known.sealed_name.as_ref().map(|name| (known, name))) {
            None => Holder::Nobody,
            Some((known, name))
                if accounts::subject_of(connection, &self.account).await? == Some(known.subject) =>
            {
                Holder::Own {
                    same_name: people::open_name(cipher, known.subject, name)? == self.person.name.expose(),
                }
            }
            Some((known, _)) => {
                let same_mobile = known.mobile_index == Some(self.mobile_index);
                if links::is_linked(connection, known.subject).await? {
                    Holder::Other { same_mobile }
                } else {
                    Holder::Unlinked { same_mobile }
                }
            }
        };
        Ok(decide(self.evidence, holder))
    }

    /// Refuses an account that holds somebody else, whatever it has shown.
    pub async fn check_account(
        &self,
        connection: &impl ConnectionTrait,
        known: Option<&people::IndexedSubject>,
    ) -> Result<(), Fault> {
        let holds = accounts::subject_of(connection, &self.account).await?;
        match holds {
            Some(held) if known.is_none_or(|known| known.subject != held) => {
                Err(fault::account_bound_differently())
            }
            _ => Ok(()),
        }
    }

    pub fn new_person(
        &self,
        cipher: &ReadyCipher,
        subject: SubjectId,
        now: Timestamp,
    ) -> Result<NewPerson, Fault> {
        Ok(NewPerson {
            subject,
            index: self.index,
            mobile_index: self.mobile_index,
            sealed: SealedPerson::seal(cipher, subject, &self.person)?,
            registered_by: None,
            now,
        })
    }

    /// Links the account to the subject and stores the items; those that change are kept as they were before. Returns whom to tell: whoever
    /// held the person before, or the person themself at a mobile that they replace.
    pub async fn link(
        self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        known: Option<&people::IndexedSubject>,
        subject: SubjectId,
        linking: Linking,
        now: Timestamp,
    ) -> Result<Option<Notice>, Fault> {
        let is_own = accounts::subject_of(transaction, &self.account).await? == Some(subject);
        // First: an account that holds somebody else writes nothing.
        if !accounts::bind(transaction, &self.account, subject, now).await? {
            return Err(fault::account_bound_differently());
        }
        let new = self.new_person(cipher, subject, now)?;
        if known.is_none() {
            if !people::insert(transaction, vec![new]).await? {
                return Err(StorageError::Contended.into());
            }
            return Ok(None);
        }
        let action = ChangeAction {
            by: self.account.clone(),
            at: now,
        };
        let before =
            person_changes::record_restated(transaction, cipher, subject, &self.person, &action).await?;
        people::update(transaction, new).await?;
        let notice = |message| {
            move |before: Person| Notice {
                to: before.mobile,
                message,
            }
        };
        Ok(match linking {
            Linking::LinkAndTell => before.map(notice(Message::AccountLinked)),
            _ => before
                .filter(|before| is_own && before.mobile != self.person.mobile)
                .map(notice(Message::MobileChanged)),
        })
    }

    /// Links the account of a registration that waited, and ends the registration. Returns the subject and what to tell.
    pub async fn link_waiting(
        self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        known: Option<&people::IndexedSubject>,
        (registration, linking): (Uuid, Linking),
        now: Timestamp,
    ) -> Result<LinkedRegistration, Fault> {
        // A new person gets the id of the registration.
        let new = SubjectId::from_uuid(registration);
        let subject = known.map_or(new, |known| known.subject);
        let tell = self
            .link(transaction, cipher, known, subject, linking, now)
            .await?;
        store::end(transaction, &[registration], End::Proved, now).await?;
        Ok(LinkedRegistration {
            subject,
            tell,
            event: registration_decided(registration, Some(subject), None, now),
        })
    }
}
