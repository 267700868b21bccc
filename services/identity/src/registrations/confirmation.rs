//! Confirms at a counter that an account is the person's who shows the document there.

use futures::FutureExt as _;
use lutong_kernel::fault::AllValid as _;
use lutong_kernel::name::PersonName;
use lutong_kernel::{Fault, SubjectId};
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::idempotency::{self, RequestKey};
use lutong_transport::access::DivisionPermit;
use lutong_transport::reply;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::domain::{Evidence, Linking, Showing, State};
use super::service::Registrations;
use super::service::claimant::Claimant;
use super::store::WaitingRegistration;
use super::store::shown_documents::{self, StoredRegistration};
use crate::fault::{self, counters};
use crate::messages::Notice;
use crate::people::domain::{Person, StatedDocument};
use crate::people::store::{self as people, DocumentIndex, homes};

/// A confirmation at a counter.
pub struct Confirmation<'a> {
    pub permit: DivisionPermit,
    pub request: RequestKey,
    pub id: Uuid,
    /// As shown at the counter.
    pub document: StatedDocument<'a>,
    /// As the document shows it.
    pub full_name: &'a str,
}

/// The person of a document that is shown.
struct ShownDocument {
    index: DocumentIndex,
    name: PersonName,
}

/// What came of a document that was shown. A document that differs is counted, so that it is no fault of the transaction.
enum Outcome {
    Linked(SubjectId, Option<Notice>),
    /// By this very request, before.
    Repeated,
    Differs(i64),
}

impl Registrations {
    /// Links the account of a registration that waits to the person who shows the stated document.
    pub async fn confirm(&self, confirmation: Confirmation<'_>) -> Result<StoredRegistration, Fault> {
        let Confirmation {
            permit,
            request,
            id,
            document,
            full_name,
        } = confirmation;
        // A repeated request is answered also when the person lives elsewhere by now.
        let earlier = idempotency::stored_answer(self.database.reader(), &request).await?;
        if earlier.is_some() {
            return self.stored(id).await;
        }
        let stored = self.stored(id).await?;
        self.check_division(permit, &stored).await?;
        let shown = self.shown(document, full_name)?;
        let this = self.clone();
        let outcome = self.database.write(move |transaction| {
            async move { this.show(transaction, request, id, &shown).await }.boxed()
        });
        match outcome.await? {
            Outcome::Linked(subject, tell) => {
                tracing::info!(%subject, registration = %id, "a registration was confirmed at a counter");
                self.outbox.wake();
                self.tell(tell);
            }
            Outcome::Repeated => {}
            Outcome::Differs(tries_left) => {
                return Err(counters::registration_document_differs(tries_left));
            }
        }
        self.stored(id).await
    }

    async fn stored(&self, id: Uuid) -> Result<StoredRegistration, Fault> {
        let stored = shown_documents::find(self.database.reader(), id).await?;
        stored.ok_or_else(counters::registration_not_found)
    }

    /// The person lives in the officer's division, or says so. Elsewhere the registration is answered as not found.
    async fn check_division(&self, permit: DivisionPermit, stored: &StoredRegistration) -> Result<(), Fault> {
        let (reader, cipher) = (self.database.reader(), self.fields.ready().await?);
        let mut places = Vec::with_capacity(2);
        if let Some(waiting) = &stored.waiting {
            places.push(self.open(&cipher, waiting)?.home_division);
        }
        if let Some(known) = people::find(reader, &stored.index).await? {
            for home in homes::of(reader, &[known.subject]).await? {
                places.push(home.division(&cipher)?);
            }
        }
        if permit.jurisdiction().covers_any(places) {
            Ok(())
        } else {
            Err(counters::registration_not_found())
        }
    }

    fn open(&self, cipher: &ReadyCipher, waiting: &WaitingRegistration) -> Result<Person, Fault> {
        let today = self.clock.now().local_day();
        waiting.sealed.open(cipher, waiting.seal_subject(), today)
    }

    fn shown(&self, document: StatedDocument<'_>, full_name: &str) -> Result<ShownDocument, Fault> {
        let today = self.clock.now().local_day();
        let document = document.check(today).map_err(|wrong| wrong.within("document"));
        let name = PersonName::parse(full_name).map_err(|error| fault::full_name(&error));
        let ((document, _), name) = (document, name).all_valid()?;
        Ok(ShownDocument {
            index: self.registry.index(&document),
            name,
        })
    }

    /// Holds a document against the registration, in one transaction with what follows.
    async fn show(
        &self,
        transaction: &DatabaseTransaction,
        request: RequestKey,
        id: Uuid,
        shown: &ShownDocument,
    ) -> Result<Outcome, Fault> {
        let (cipher, now) = (self.fields.ready().await?, self.clock.now());
        let stored = shown_documents::lock(transaction, id).await?;
        let stored = stored.ok_or_else(counters::registration_not_found)?;
        if idempotency::stored_answer(transaction, &request).await?.is_some() {
            return Ok(Outcome::Repeated);
        }
        let Some(waiting) = stored.waiting else {
            return Err(decided(stored.state));
        };
        let person = self.open(&cipher, &waiting)?;
        let is_same = waiting.index == shown.index && person.name == shown.name;
        match stored.state.show(stored.wrong_documents, is_same) {
            Showing::Confirm => {}
            Showing::Differs { tries_left } => {
                shown_documents::count_wrong(transaction, id).await?;
                return Ok(Outcome::Differs(tries_left));
            }
            Showing::Closed => return Err(counters::registration_not_confirmable()),
            Showing::Decided => return Err(decided(stored.state)),
        }
        idempotency::claim(transaction, &request, &[], now).await?;
        let claimant = Claimant {
            account: waiting.account,
            evidence: Evidence::Document,
            index: waiting.index,
            mobile_index: waiting.mobile_index,
            person,
        };
        let known = people::find(transaction, &claimant.index).await?;
        let linking = claimant.decide(transaction, &cipher, known.as_ref()).await?;
        if !matches!(linking, Linking::Link | Linking::LinkAndTell) {
            return Err(Fault::internal("a document that was shown proves nothing"));
        }
        let linked = claimant
            .link_waiting(transaction, &cipher, known.as_ref(), (id, linking), now)
            .await?;
        let event = self.outbox.seal(now, vec![linked.event]).await?;
        event.append(transaction).await?;
        Ok(Outcome::Linked(linked.subject, linked.tell))
    }
}

fn decided(state: State) -> Fault {
    reply::wrong_state(state.into_str(), &[State::Waiting.into_str()])
}
