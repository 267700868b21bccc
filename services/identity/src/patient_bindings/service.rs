//! Binds patient numbers to cards that were read, and ends bindings.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::skin::{Mutation, Page};
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault, HealthCardReadId, PatientBindingId, Random};
use lutong_storage::Database;
use lutong_storage::crypto::{FieldCipher, Key};
use lutong_storage::idempotency::{self, Claim};
use lutong_transport::access::{DivisionPermit, SelfPermit};

use super::domain::PatientBinding;
use super::store::{self, SealedPatientNumber, StoredBinding};
use crate::fault::health_cards as fault;
use crate::health_cards::service::HealthCards;
use crate::medical_institutions::service::wrong_state;
use crate::medical_institutions::store as institutions;

/// All bindings; cheap to clone.
#[derive(Clone)]
pub struct PatientBindings {
    database: Database,
    fields: FieldCipher,
    key: Key,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    cards: HealthCards,
}

/// A binding as it is shown.
#[derive(Debug, Clone)]
pub struct View {
    pub binding: PatientBinding,
    /// Empty once it has ended.
    pub patient_number: String,
    pub institution_title: String,
    pub etag: Etag,
}

fn etag(binding: &PatientBinding) -> Etag {
    Etag::of(&binding.id.to_string(), [binding.state().into_str()])
}

impl PatientBindings {
    pub fn new(store: &Store, foundation: &Foundation, cards: HealthCards) -> Self {
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            key: store.index_key.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            cards,
        }
    }

    /// Binds a number to the card of a reading.
    pub async fn create(
        &self,
        call: Mutation<DivisionPermit>,
        read: HealthCardReadId,
        number: String,
    ) -> Result<View, Fault> {
        let now = self.clock.now();
        let account = &call.grant.principal().account;
        let read = self.cards.find_read(call.permit, account, read).await?;
        let binding = PatientBinding {
            id: PatientBindingId::new(now, &*self.random),
            subject: read.subject,
            institution: read.institution,
            created_at: now,
            ended_at: None,
        };
        let cipher = self.fields.ready().await?;
        let sealed = SealedPatientNumber::seal(&cipher, &self.key, &binding, &number)?;
        let request = call.request;
        let created = self.database.write(move |transaction| {
            async move {
                let id = binding.id.uuid();
                match idempotency::claim(transaction, &request, id.as_bytes(), now).await? {
                    Claim::Replay(answer) => Ok::<_, Fault>(idempotency::answered_id(&answer)?),
                    Claim::Fresh if store::insert(transaction, binding, sealed).await? => Ok(id),
                    Claim::Fresh => Err(fault::patient_number_bound()),
                }
            }
            .boxed()
        });
        self.view_of(PatientBindingId::from_uuid(created.await?)).await
    }

    /// The bindings of the caller's card, the newest first, and the token of the next page.
    pub async fn list(&self, permit: &SelfPermit, page: &Page) -> Result<(Vec<View>, String), Fault> {
        let reader = self.database.reader();
        let rows = store::list(reader, permit.reach()?, page.after_id()?, page.limit()).await?;
        let (rows, next) = page.cut(rows, |last| last.binding.id.uuid().as_bytes().to_vec())?;
        Ok((self.views(rows).await?, next))
    }

    /// Ends a binding of the caller's card.
    pub async fn end(
        &self,
        call: Mutation<SelfPermit>,
        id: PatientBindingId,
        seen: String,
    ) -> Result<View, Fault> {
        let own = call
            .permit
            .reach()
            .map_err(|_| fault::patient_binding_not_found())?;
        let (now, request) = (self.clock.now(), call.request);
        let ended = self.database.write(move |transaction| {
            async move {
                let found = store::lock_own(transaction, own, id).await?;
                let found = found.ok_or_else(fault::patient_binding_not_found)?.binding;
                let claim = idempotency::claim(transaction, &request, id.uuid().as_bytes(), now).await?;
                if claim != Claim::Fresh {
                    return Ok::<_, Fault>(());
                }
                etag(&found).check(&seen, found.state().into_str())?;
                if !found.state().is_active() {
                    return Err(wrong_state(found.state()));
                }
                store::end(transaction, id, now).await?;
                Ok(())
            }
            .boxed()
        });
        ended.await?;
        self.view_of(id).await
    }

    async fn view_of(&self, id: PatientBindingId) -> Result<View, Fault> {
        let found = store::find(self.database.reader(), id).await?;
        let found = found.ok_or_else(fault::patient_binding_not_found)?;
        let view = self.views(vec![found]).await?.pop();
        view.ok_or_else(fault::patient_binding_not_found)
    }

    async fn views(&self, rows: Vec<StoredBinding>) -> Result<Vec<View>, Fault> {
        let cipher = self.fields.ready().await?;
        let ids = rows.iter().map(|row| row.binding.institution);
        let known = institutions::find_all(self.database.reader(), ids).await?;
        let view = |row: StoredBinding| {
            let number = row.number(&cipher)?;
            let institution = known.get(&row.binding.institution);
            Ok(View {
                patient_number: number.unwrap_or_default(),
                institution_title: institution.map(|one| one.title.clone()).unwrap_or_default(),
                etag: etag(&row.binding),
                binding: row.binding,
            })
        };
        rows.into_iter().map(view).collect()
    }
}
