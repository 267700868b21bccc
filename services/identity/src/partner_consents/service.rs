//! Gives, ends and finds consents.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::skin::{Mutation, Page};
use lutong_chassis::{Foundation, Store};
use lutong_kernel::name::PersonName;
use lutong_kernel::{Clock, Fault, PartnerCode, PartnerConsentId, Random, SubjectId, Timestamp};
use lutong_storage::Database;
use lutong_storage::crypto::FieldCipher;
use lutong_storage::idempotency::{self, Claim};
use lutong_transport::access::{AnyPermit, SelfPermit};
use lutong_transport::reply;

use super::domain::{PartnerConsent, State, Use};
use super::store;
use crate::fault;
use crate::people::service::Registry;
use crate::people::store::{self as people, DocumentIndex};

/// All consents; cheap to clone.
#[derive(Clone)]
pub struct PartnerConsents {
    database: Database,
    fields: FieldCipher,
    registry: Registry,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

/// A person as a partner names them.
#[derive(Debug, Clone)]
pub struct Named {
    pub name: PersonName,
    pub document: DocumentIndex,
}

/// Whom a partner asks about.
#[derive(Debug, Clone)]
pub enum Whose {
    Named(Named),
    Subject(SubjectId),
}

/// Whether a partner may be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Consented(SubjectId),
    NotConsented,
    NameMismatch,
}

pub fn etag(consent: &PartnerConsent, now: Timestamp) -> Etag {
    Etag::of(&consent.id.to_string(), [consent.state(now).into_str()])
}

impl PartnerConsents {
    pub fn new(store: &Store, foundation: &Foundation, registry: Registry) -> Self {
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            registry,
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Gives the caller's consent.
    pub async fn create(
        &self,
        call: Mutation<SelfPermit>,
        partner: PartnerCode,
        uses: BTreeSet<Use>,
        days: i64,
    ) -> Result<PartnerConsent, Fault> {
        let (now, request) = (self.clock.now(), call.request);
        let consent = PartnerConsent {
            id: PartnerConsentId::new(now, &*self.random),
            subject: call.permit.reach()?.id(),
            partner,
            uses,
            created_at: now,
            expires_at: now.plus_seconds(days * 86_400),
            ended_at: None,
        };
        let created = self.database.write(move |transaction| {
            let consent = consent.clone();
            async move {
                let id = consent.id.uuid();
                match idempotency::claim(transaction, &request, id.as_bytes(), now).await? {
                    Claim::Replay(answer) => Ok::<_, Fault>(idempotency::answered_id(&answer)?),
                    Claim::Fresh => {
                        // The person's row is the lock of their consents: there is one for a partner.
                        people::registered::lock(transaction, consent.subject).await?;
                        store::insert(transaction, &consent).await?;
                        Ok(id)
                    }
                }
            }
            .boxed()
        });
        self.find(PartnerConsentId::from_uuid(created.await?)).await
    }

    /// The caller's consents, the newest first, and the token of the next page.
    pub async fn list(
        &self,
        permit: &SelfPermit,
        page: &Page,
    ) -> Result<(Vec<PartnerConsent>, String), Fault> {
        let reader = self.database.reader();
        let rows = store::list(reader, permit.reach()?, page.after_id()?, page.limit()).await?;
        page.cut(rows, |last| last.id.uuid().as_bytes().to_vec())
    }

    /// Ends a consent of the caller's.
    pub async fn end(
        &self,
        call: Mutation<SelfPermit>,
        id: PartnerConsentId,
        seen: String,
    ) -> Result<PartnerConsent, Fault> {
        let own = call
            .permit
            .reach()
            .map_err(|_| fault::partner_consent_not_found())?;
        let (now, request) = (self.clock.now(), call.request);
        let ended = self.database.write(move |transaction| {
            async move {
                let found = store::lock_own(transaction, own, id).await?;
                let found = found.ok_or_else(fault::partner_consent_not_found)?;
                let claim = idempotency::claim(transaction, &request, id.uuid().as_bytes(), now).await?;
                if claim != Claim::Fresh {
                    return Ok::<_, Fault>(());
                }
                let state = found.state(now);
                etag(&found, now).check(&seen, state.into_str())?;
                if state != State::Active {
                    return Err(reply::wrong_state(state.into_str(), &[State::Active.into_str()]));
                }
                store::end(transaction, id, now).await?;
                Ok(())
            }
            .boxed()
        });
        ended.await?;
        self.find(id).await
    }

    /// Whether a person lets a partner have something now.
    pub async fn verify(
        &self,
        _permit: AnyPermit,
        partner: &PartnerCode,
        wanted: Use,
        whose: Whose,
    ) -> Result<Outcome, Fault> {
        let (subject, has_other_name) = match whose {
            Whose::Subject(subject) => (Some(subject), false),
            Whose::Named(named) => match self.compare(&named).await? {
                Some((subject, is_same)) => (Some(subject), !is_same),
                None => (None, false),
            },
        };
        let Some(subject) = subject else {
            return Ok(Outcome::NotConsented);
        };
        // On the primary: a consent that was ended is ended for whoever asks after the acknowledgement.
        let consent = store::of_person(self.database.reader(), subject, partner).await?;
        let covers = consent.is_some_and(|consent| consent.covers(wanted, self.clock.now()));
        Ok(match (covers, has_other_name) {
            (false, _) => Outcome::NotConsented,
            (true, true) => Outcome::NameMismatch,
            (true, false) => Outcome::Consented(subject),
        })
    }

    /// Whether somebody with another name is registered with a document.
    pub async fn has_other_name(&self, _permit: AnyPermit, named: &Named) -> Result<bool, Fault> {
        let found = self.compare(named).await?;
        Ok(found.is_some_and(|(_, is_same)| !is_same))
    }

    /// Who is registered with a document, and whether by this name.
    async fn compare(&self, named: &Named) -> Result<Option<(SubjectId, bool)>, Fault> {
        let found = people::registered::by_index(self.database.reader(), &named.document).await?;
        let Some(person) = found else {
            return Ok(None);
        };
        let cipher = self.fields.ready().await?;
        let today = self.clock.now().local_day();
        let held = person.sealed.open(&cipher, person.subject, today)?;
        Ok(Some((person.subject, held.name == named.name)))
    }

    async fn find(&self, id: PartnerConsentId) -> Result<PartnerConsent, Fault> {
        let found = store::find(self.database.reader(), id).await?;
        found.ok_or_else(fault::partner_consent_not_found)
    }
}
