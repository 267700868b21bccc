//! What makes a binding active: the ward's own consent, a counter, or the proof of its creation.

use std::time::Duration;

use futures::FutureExt as _;
use lutong_kernel::document::Document;
use lutong_kernel::name::PersonName;
use lutong_kernel::{Fault, SubjectId, Timestamp};
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::idempotency::RequestKey;
use lutong_transport::access::{DivisionPermit, SelfPermit};
use lutong_transport::client::Call;
use lutong_transport::reply;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::{Bindings, View, claim};
use crate::bindings::domain::{Action, Binding, Side, State};
use crate::bindings::store::{self, StoredBinding, changes, name_context};
use crate::events::{SubjectChange, binding_changed, event};
use crate::fault::bindings as fault;
use crate::people::domain::{Person, StatedDocument};
use crate::people::store::{self as people, NewPerson, SealedPerson, homes, registered};

/// How long code-rendering may take to know an active binding at once; its log delivers it otherwise.
const ANNOUNCE_TIMEOUT: Duration = Duration::from_millis(500);

/// A confirmation at a counter.
pub struct Confirmation<'a> {
    pub permit: DivisionPermit,
    pub key: RequestKey,
    pub id: Uuid,
    /// As shown at the counter.
    pub document: StatedDocument<'a>,
    pub etag: String,
}

impl Bindings {
    /// The ward consents.
    pub async fn consent(
        &self,
        permit: &SelfPermit,
        key: RequestKey,
        id: Uuid,
        etag: String,
    ) -> Result<View, Fault> {
        let (stored, side) = self.own(permit, id).await?;
        if side != Side::Ward {
            return Err(fault::binding_not_found());
        }
        let (ward, now) = (permit.subject()?, self.clock.now());
        self.fields.ready().await?;
        let this = self.clone();
        let people = [stored.binding.binder, ward];
        let consented = self.database.write(move |transaction| {
            async move {
                let stored = this.locked(transaction, id, &people).await?;
                if claim(transaction, &key, id, now).await?.is_some() {
                    return Ok::<_, Fault>(());
                }
                this.check_pending(&stored.binding, &etag, Action::Consent, now)?;
                if stored.binding.is_minors(now) {
                    return Err(fault::ward_is_minor());
                }
                this.activate_in(transaction, &stored, ward, now, "name").await
            }
            .boxed()
        });
        consented.await?;
        self.activated(id, Side::Ward).await
    }

    /// A counter confirms, with the ward's document. A ward who is not registered is registered as one of the binder's household.
    pub async fn confirm(&self, confirmation: Confirmation<'_>) -> Result<View, Fault> {
        let Confirmation {
            permit,
            key,
            id,
            document,
            etag,
        } = confirmation;
        let now = self.clock.now();
        let stored = store::find(self.database.reader(), id).await?;
        let stored = stored.ok_or_else(fault::binding_not_found)?;
        self.check_division(permit, &stored).await?;
        let shown = document.check(now.local_day());
        let (document, _) = shown.map_err(|wrong| Fault::invalid(vec![wrong.within("document")]))?;
        if self.registry.index(&document) != stored.ward_index {
            return Err(Fault::invalid(vec![fault::document_differs()]));
        }
        let cipher = self.fields.ready().await?;
        let this = self.clone();
        let confirmed = self.database.write(move |transaction| {
            async move {
                let known = people::find(transaction, &stored.ward_index).await?;
                let known = known.map(|known| known.subject);
                let people: Vec<SubjectId> = [Some(stored.binding.binder), known]
                    .into_iter()
                    .flatten()
                    .collect();
                let stored = this.locked(transaction, id, &people).await?;
                if claim(transaction, &key, id, now).await?.is_some() {
                    return Ok::<_, Fault>(());
                }
                this.check_pending(&stored.binding, &etag, Action::Confirm, now)?;
                let ward = this
                    .ward_at_counter(transaction, &cipher, &stored, &document, now)
                    .await?;
                this.activate_in(transaction, &stored, ward, now, "name").await
            }
            .boxed()
        });
        confirmed.await?;
        self.activated(id, Side::Counter).await
    }

    /// One of the two lives in the officer's division. Elsewhere the binding is answered as not found.
    async fn check_division(&self, permit: DivisionPermit, stored: &StoredBinding) -> Result<(), Fault> {
        let reader = self.database.reader();
        let mut people = vec![stored.binding.binder];
        people.extend(
            people::find(reader, &stored.ward_index)
                .await?
                .map(|known| known.subject),
        );
        let cipher = self.fields.ready().await?;
        let homes = homes::of(reader, &people).await?;
        let divisions = homes.iter().map(|home| home.division(&cipher));
        let divisions = divisions.collect::<Result<Vec<_>, _>>()?;
        if permit.jurisdiction().covers_any(divisions) {
            Ok(())
        } else {
            Err(fault::binding_not_found())
        }
    }

    fn check_pending(
        &self,
        binding: &Binding,
        etag: &str,
        action: Action,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let state = binding.state;
        binding.etag().check(etag, state.into_str())?;
        // What has waited too long is over, also before the task has noted it.
        let is_expired = binding.expires_at(&self.policy) <= now;
        if action.is_possible(state) && !is_expired {
            return Ok(());
        }
        let state = if is_expired && state == State::PendingConsent {
            State::Ended
        } else {
            state
        };
        Err(wrong_state(state, action))
    }

    /// The subject of the ward whose document is shown at a counter.
    async fn ward_at_counter(
        &self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        stored: &StoredBinding,
        document: &Document,
        now: Timestamp,
    ) -> Result<SubjectId, Fault> {
        let today = now.local_day();
        let sealed = stored.sealed_name.as_deref().unwrap_or_default();
        let name = cipher.decrypt_text(sealed, &name_context(stored.binding.id))?;
        let name = PersonName::parse(&name).map_err(|_| fault::ward_name_differs())?;
        if let Some(known) = registered::by_index(transaction, &stored.ward_index).await? {
            let person = known.sealed.open(cipher, known.subject, today)?;
            if person.name != name {
                return Err(fault::ward_name_differs());
            }
            return Ok(known.subject);
        }
        let binder = stored.binding.binder;
        let household = registered::by_subject(transaction, binder).await?;
        let household = household.ok_or_else(fault::binding_not_found)?;
        let household = household.sealed.open(cipher, binder, today)?;
        self.register_ward(transaction, cipher, (&name, document), &household, now)
            .await
    }

    /// Registers somebody without a mobile of their own, with the mobile, home and nationality of a household.
    pub(super) async fn register_ward(
        &self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        (name, document): (&PersonName, &Document),
        household: &Person,
        now: Timestamp,
    ) -> Result<SubjectId, Fault> {
        let index = self.registry.index(document);
        let known = people::find(transaction, &index).await?;
        let subject = known.map_or_else(|| SubjectId::new(now, &*self.random), |known| known.subject);
        let person = Person {
            name: name.clone(),
            document: document.clone(),
            mobile: household.mobile.clone(),
            nationality: household.nationality,
            home_division: household.home_division,
            home_detail: household.home_detail.clone(),
        };
        let new = NewPerson {
            subject,
            index,
            mobile_index: self.codes.mobile_index(&person.mobile),
            sealed: SealedPerson::seal(cipher, subject, &person)?,
            registered_by: None,
            now,
        };
        registered::register(transaction, new).await?;
        let division = person.home_division.county();
        homes::publish(transaction, division, &[subject]).await?;
        let placed = event(subject, now, SubjectChange::Placed(division));
        let sealed = self.outbox.seal(now, vec![placed]).await?;
        sealed.append(transaction).await?;
        Ok(subject)
    }

    /// Activates a binding that waits, unless the ward has too many binders or is the binder's own. Refusals name `field`.
    pub(super) async fn activate_in(
        &self,
        transaction: &DatabaseTransaction,
        stored: &StoredBinding,
        ward: SubjectId,
        now: Timestamp,
        field: &str,
    ) -> Result<(), Fault> {
        let (id, binder) = (stored.binding.id, stored.binding.binder);
        store::lock(transaction, &[binder, ward]).await?;
        if store::is_bound(transaction, ward, binder).await? {
            return Err(Fault::invalid(vec![fault::binding_circle(field)]));
        }
        let most = self.policy.binders_of_a_ward;
        if store::binders_of(transaction, ward).await? >= most {
            return Err(Fault::invalid(vec![fault::too_many_binders(field, most)]));
        }
        if !changes::activate(transaction, id, ward, now).await? {
            return Err(wrong_state(stored.binding.state, Action::Consent));
        }
        let active = Binding {
            ward: Some(ward),
            state: State::Active,
            ..stored.binding.clone()
        };
        let event = binding_changed(&active, now).into_iter().collect();
        self.outbox.seal(now, event).await?.append(transaction).await?;
        Ok(())
    }

    async fn activated(&self, id: Uuid, side: Side) -> Result<View, Fault> {
        self.outbox.wake();
        let stored = store::find(self.database.reader(), id).await?;
        let stored = stored.ok_or_else(fault::binding_not_found)?;
        self.announce(&stored.binding).await;
        self.view(stored, side).await
    }

    /// Says at once that a binding is active; without an answer the log says it.
    pub(super) async fn announce(&self, binding: &Binding) {
        if binding.state != State::Active {
            return;
        }
        let call = Call::background(ANNOUNCE_TIMEOUT);
        let applied = binding.applied().into_iter().collect();
        if let Err(fault) = self.code_rendering.apply(&call, applied).await {
            tracing::info!(binding = %binding.id, %fault, "an active binding is delivered by the log");
        }
    }
}

pub(super) fn wrong_state(state: State, action: Action) -> Fault {
    let allowed: Vec<&str> = action.from().iter().map(State::into_str).collect();
    reply::wrong_state(state.into_str(), &allowed)
}
