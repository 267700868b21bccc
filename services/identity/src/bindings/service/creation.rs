//! `CreateBinding`: what somebody states about a ward, and what shows that it is right.

use futures::FutureExt as _;
use lutong_kernel::document::Document;
use lutong_kernel::fault::AllValid as _;
use lutong_kernel::name::PersonName;
use lutong_kernel::phone::Mobile;
use lutong_kernel::{Fault, SubjectId, Timestamp};
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::idempotency::{self, RequestKey};
use lutong_transport::access::SelfPermit;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::{Bindings, KnownPerson, View, claim};
use crate::bindings::domain::{
    Binding, Evidence, KnownWard, Outcome, Relation, Side, State, decide, of_age_day,
};
use crate::bindings::store::{self, StoredBinding, WardKey, changes, name_context};
use crate::fault::{self as faults, bindings as fault};
use crate::merges::store::same_person;
use crate::one_time_codes::domain::Purpose;
use crate::one_time_codes::service::ShownCode;
use crate::people::domain::{Person, StatedDocument};
use crate::people::store::{self as people, DocumentIndex, registered};
use crate::registrations::domain::Requirement;

/// The field that names the ward.
const FIELD: &str = "document";

/// A ward as stated, unchecked.
#[derive(Debug, Clone)]
pub struct StatedWard<'a> {
    pub relation: Relation,
    pub full_name: &'a str,
    pub document: StatedDocument<'a>,
    pub proof: StatedProof<'a>,
}

/// What a binder shows.
#[derive(Debug, Clone)]
pub enum StatedProof<'a> {
    None,
    Mobile { mobile: &'a str, shown: ShownCode },
    Household,
}

/// A ward, checked.
#[derive(Debug, Clone)]
struct Ward {
    name: PersonName,
    document: Document,
    index: DocumentIndex,
    key: WardKey,
    of_age_at: Option<Timestamp>,
}

/// What a new binding needs inside its transaction.
struct NewBinding {
    key: RequestKey,
    stored: StoredBinding,
    binder: KnownPerson,
    ward: Ward,
    evidence: Evidence,
    is_believed: bool,
    cipher: ReadyCipher,
    now: Timestamp,
}

impl Bindings {
    /// Asks for a binding, which is active at once where the proof holds. A ward who is not registered, or by another name, is answered
    /// like one whose consent is missing.
    pub async fn create(
        &self,
        permit: &SelfPermit,
        key: RequestKey,
        stated: StatedWard<'_>,
    ) -> Result<View, Fault> {
        // Proofs are of the moment: a repeated request is answered without them.
        if let Some(answer) = idempotency::stored_answer(self.database.reader(), &key).await? {
            return self.get(permit, idempotency::answered_id(&answer)?).await;
        }
        let now = self.clock.now();
        let ward = self.check(&stated, now)?;
        let binder = permit.subject().map_err(|_| fault::binder_not_registered())?;
        let binder = self
            .known(binder)
            .await?
            .ok_or_else(fault::binder_not_registered)?;
        let evidence = self.evidence(permit.account(), &ward, stated.proof, now).await?;
        let cipher = self.fields.ready().await?;
        let id = SubjectId::new(now, &*self.random).uuid();
        let sealed_name = cipher.encrypt(ward.name.expose().as_bytes(), &name_context(id))?;
        let new = NewBinding {
            key,
            stored: StoredBinding {
                binding: Binding {
                    id,
                    binder: binder.stored.subject,
                    ward: None,
                    relation: stated.relation,
                    state: State::PendingConsent,
                    created_at: now,
                    activated_at: None,
                    of_age_at: ward.of_age_at.filter(|of_age_at| now < *of_age_at),
                    ended_at: None,
                    end_reason: None,
                },
                ward_index: ward.index,
                ward_key: ward.key,
                sealed_name: Some(sealed_name),
            },
            is_believed: Requirement::of(permit.account(), self.is_development) == Requirement::Stated,
            binder,
            ward,
            evidence,
            cipher,
            now,
        };
        let this = self.clone();
        let created = self
            .database
            .write(move |transaction| async move { this.create_in(transaction, new).await }.boxed());
        let id: Uuid = created.await?;
        self.outbox.wake();
        let stored = store::find(self.database.reader(), id).await?;
        let stored = stored.ok_or_else(fault::binding_not_found)?;
        self.announce(&stored.binding).await;
        self.view(stored, Side::Binder).await
    }

    /// The ward in normal form, or every wrong field.
    fn check(&self, stated: &StatedWard<'_>, now: Timestamp) -> Result<Ward, Fault> {
        let document = stated.document.check(now.local_day());
        let checked = (
            PersonName::parse(stated.full_name).map_err(|error| faults::full_name(&error)),
            document.map_err(|wrong| wrong.within(FIELD)),
        );
        let (name, (document, _)) = checked.all_valid()?;
        let index = self.registry.index(&document);
        let of_age = of_age_day(&document, self.policy.of_age_years);
        Ok(Ward {
            key: self.ward_key(&index, &name),
            of_age_at: of_age.map(lutong_kernel::LocalDay::start),
            index,
            name,
            document,
        })
    }

    /// What the binder has shown. Whether it may be shown for such a ward depends on the number alone, not on who is registered.
    async fn evidence(
        &self,
        account: &str,
        ward: &Ward,
        proof: StatedProof<'_>,
        now: Timestamp,
    ) -> Result<Evidence, Fault> {
        let is_minor = ward.of_age_at.map(|of_age_at| now < of_age_at);
        match proof {
            StatedProof::None => Ok(Evidence::None),
            StatedProof::Mobile { .. } if is_minor == Some(true) => {
                Err(Fault::invalid(vec![fault::guardian_needed()]))
            }
            StatedProof::Mobile { mobile, shown } => {
                let mobile = Mobile::parse(mobile)
                    .map_err(|error| Fault::invalid(vec![faults::mobile(&error).within("mobile_consent")]))?;
                self.codes.check(account, &mobile, Purpose::Bind, shown).await?;
                Ok(Evidence::Mobile(self.codes.mobile_index(&mobile)))
            }
            StatedProof::Household => match is_minor {
                Some(true) => Ok(Evidence::Household),
                Some(false) => Err(Fault::invalid(vec![fault::ward_of_age()])),
                // The number says no age: a counter sees the document.
                None => Ok(Evidence::None),
            },
        }
    }

    async fn create_in(&self, transaction: &DatabaseTransaction, new: NewBinding) -> Result<Uuid, Fault> {
        let (id, binder) = (new.stored.binding.id, new.stored.binding.binder);
        let known = people::find(transaction, &new.ward.index).await?;
        let subject = known.as_ref().map(|known| known.subject);
        let people: Vec<SubjectId> = [Some(binder), subject].into_iter().flatten().collect();
        store::lock(transaction, &people).await?;
        if let Some(earlier) = claim(transaction, &new.key, id, new.now).await? {
            return Ok(earlier);
        }
        let ward = self.known_ward(transaction, &new).await?;
        self.check_new(transaction, &new, subject, ward).await?;
        changes::insert(transaction, &new.stored).await?;
        match decide(new.evidence, ward, new.is_believed) {
            Outcome::Wait => {}
            Outcome::Activate => {
                let ward = subject.ok_or_else(fault::binding_not_found)?;
                self.activate_in(transaction, &new.stored, ward, new.now, FIELD)
                    .await?;
            }
            Outcome::RegisterAndActivate => {
                let ward = self
                    .register_ward(
                        transaction,
                        &new.cipher,
                        (&new.ward.name, &new.ward.document),
                        &new.binder.person,
                        new.now,
                    )
                    .await?;
                self.activate_in(transaction, &new.stored, ward, new.now, FIELD)
                    .await?;
            }
        }
        Ok(id)
    }

    /// Refuses what the binder may learn from their own bindings: they say nothing about whether anybody else is registered.
    async fn check_new(
        &self,
        transaction: &DatabaseTransaction,
        new: &NewBinding,
        subject: Option<SubjectId>,
        ward: KnownWard,
    ) -> Result<(), Fault> {
        let binder = new.stored.binding.binder;
        let refused = |violation| Err(Fault::invalid(vec![violation]));
        if let Some(subject) = subject {
            if subject == binder || same_person(transaction, binder).await?.contains(&subject) {
                return refused(fault::binding_to_oneself());
            }
            // The ward of somebody knows that they are; by another name it is nobody.
            if ward != KnownWard::OtherName && store::is_bound(transaction, subject, binder).await? {
                return refused(fault::binding_circle(FIELD));
            }
        }
        if store::is_asked_for(transaction, binder, &new.ward.index).await? {
            return refused(fault::already_bound());
        }
        if store::wards_of(transaction, binder).await? >= self.policy.wards_of_a_binder {
            return refused(fault::too_many_bindings(self.policy.wards_of_a_binder));
        }
        Ok(())
    }

    async fn known_ward(
        &self,
        transaction: &DatabaseTransaction,
        new: &NewBinding,
    ) -> Result<KnownWard, Fault> {
        let Some(known) = registered::by_index(transaction, &new.ward.index).await? else {
            return Ok(KnownWard::Nobody);
        };
        let person = known
            .sealed
            .open(&new.cipher, known.subject, new.now.local_day())?;
        if person.name != new.ward.name {
            return Ok(KnownWard::OtherName);
        }
        let binder = &new.binder;
        Ok(KnownWard::Registered {
            mobile: known.mobile_index,
            is_household: known.mobile_index.is_some()
                && known.mobile_index == binder.stored.mobile_index
                && is_same_home(&person, &binder.person),
        })
    }
}

fn is_same_home(one: &Person, other: &Person) -> bool {
    one.home_division == other.home_division && one.home_detail.expose() == other.home_detail.expose()
}
