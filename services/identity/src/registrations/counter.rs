//! Registers people for whom counter staff enter an application, with the document shown. Nobody holds a new person until an account of
//! their own has proved to be them, by the rules of `domain`.

use futures::FutureExt as _;
use lutong_kernel::document::Normalisation;
use lutong_kernel::phone::Mobile;
use lutong_kernel::{Fault, SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::idempotency::{self, Claim, RequestKey};
use lutong_transport::access::DivisionPermit;
use sea_orm::DatabaseTransaction;

use super::service::{Registrations, in_person};
use crate::accounts::domain::AccountId;
use crate::fault::counters;
use crate::messages::Message;
use crate::people::domain::{Person, StatedPerson};
use crate::people::store::{self as people, DocumentIndex, NewPerson, SealedPerson};
use crate::person_changes::store::{self as person_changes, ChangeAction};

/// A person at a counter, checked.
struct Visitor {
    person: Person,
    index: DocumentIndex,
    mobile_index: [u8; 32],
    /// The subject, where nobody has the document yet.
    new_subject: SubjectId,
    /// The account of the staff.
    staff: AccountId,
}

impl Registrations {
    /// Registers a person, or states somebody anew who is registered. Returns the subject and what was done to the document number.
    pub async fn register_at_counter(
        &self,
        permit: DivisionPermit,
        request: RequestKey,
        staff: String,
        stated: StatedPerson<'_>,
    ) -> Result<(SubjectId, Vec<Normalisation>), Fault> {
        let now = self.clock.now();
        let (person, normalisations) = stated.check(now.local_day()).map_err(in_person)?;
        let staff = AccountId::parse(&staff).map_err(|wrong| Fault::invalid(vec![wrong]))?;
        if !permit.jurisdiction().covers(person.home_division) {
            let wrong = counters::home_outside_division().within("person");
            return Err(Fault::invalid(vec![wrong]));
        }
        let visitor = Visitor {
            index: self.registry.index(&person.document),
            mobile_index: self.codes.mobile_index(&person.mobile),
            new_subject: SubjectId::new(now, &*self.random),
            person,
            staff,
        };
        let cipher = self.fields.ready().await?;
        let registered = self.database.write(move |transaction| {
            async move { visitor.register(transaction, &cipher, &request, now).await }.boxed()
        });
        let (subject, tell) = registered.await?;
        if let Some(mobile) = tell {
            self.messages.notify(mobile, Message::UpdatedAtCounter);
        }
        Ok((subject, normalisations))
    }
}

impl Visitor {
    /// Returns the subject, and the mobile that was known before.
    async fn register(
        self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        request: &RequestKey,
        now: Timestamp,
    ) -> Result<(SubjectId, Option<Mobile>), Fault> {
        let known = people::find(transaction, &self.index).await?;
        let subject = known.as_ref().map_or(self.new_subject, |known| known.subject);
        let answer = subject.uuid();
        if let Claim::Replay(answer) =
            idempotency::claim(transaction, request, answer.as_bytes(), now).await?
        {
            return Ok((SubjectId::from_uuid(idempotency::answered_id(&answer)?), None));
        }
        let mut registered_by = Some(self.staff.as_str().to_owned());
        let mut tell = None;
        if let Some(known) = &known
            && let Some(name) = &known.sealed_name
        {
            if people::open_name(cipher, subject, name)? != self.person.name.expose() {
                return Err(counters::person_name_differs());
            }
            // Whoever holds the person keeps them.
            if known.registered_by.is_none() {
                registered_by = None;
            }
            let action = ChangeAction {
                by: self.staff,
                at: now,
            };
            let before = person_changes::record_restated(transaction, cipher, subject, &self.person, &action);
            tell = before.await?.map(|before| before.mobile);
        }
        let new = NewPerson {
            subject,
            index: self.index,
            mobile_index: self.mobile_index,
            sealed: SealedPerson::seal(cipher, subject, &self.person)?,
            registered_by,
            now,
        };
        if known.is_some() {
            people::update(transaction, new).await?;
        } else if !people::insert(transaction, vec![new]).await? {
            return Err(StorageError::Contended.into());
        }
        Ok((subject, tell))
    }
}
