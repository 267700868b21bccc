//! Family bindings: what the sides and the counter see of them, and the parts that change them.

mod activation;
mod creation;
mod ending;
mod upkeep;

use std::collections::HashMap;
use std::sync::Arc;

use lutong_chassis::etag::Etag;
use lutong_chassis::skin::Page;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::name::PersonName;
use lutong_kernel::{Clock, Fault, Random, SubjectId, Timestamp};
use lutong_storage::crypto::{FieldCipher, Key, keyed_hash};
use lutong_storage::idempotency::{self, Claim, RequestKey};
use lutong_storage::outbox::Outbox;
use lutong_storage::{Database, StorageError};
use lutong_transport::access::SelfPermit;
use lutong_transport::reply;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::domain::{Action, Binding, BindingPolicy, Side, State};
use super::store::{self, BindingPosition, StoredBinding, WardKey, name_context};
use crate::accounts::store::links;
use crate::fault::bindings as fault;
use crate::messages::Messages;
use crate::one_time_codes::service::OneTimeCodes;
use crate::peers::code_rendering::CodeRendering;
use crate::people::domain::Person;
use crate::people::service::Registry;
use crate::people::store::registered::{self, RegisteredPerson};
use crate::people::store::{self as people, DocumentIndex};

pub use self::activation::Confirmation;
pub use self::creation::{StatedProof, StatedWard};

impl Binding {
    /// The etag, over what an action changes.
    pub fn etag(&self) -> Etag {
        Etag::of(&self.id.to_string(), [self.state.into_str()])
    }
}

/// All bindings; cheap to clone.
#[derive(Clone)]
pub struct Bindings {
    database: Database,
    fields: FieldCipher,
    key: Key,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    outbox: Outbox,
    registry: Registry,
    codes: OneTimeCodes,
    messages: Messages,
    code_rendering: CodeRendering,
    policy: BindingPolicy,
    /// Whether accounts of no channel are those of the development identity provider.
    is_development: bool,
}

/// What bindings are built of.
pub struct Parts {
    pub outbox: Outbox,
    pub registry: Registry,
    pub codes: OneTimeCodes,
    pub messages: Messages,
    pub code_rendering: CodeRendering,
    pub policy: BindingPolicy,
    pub is_development: bool,
}

/// A binding as one side or a counter sees it.
#[derive(Debug, Clone)]
pub struct View {
    pub binding: Binding,
    pub side: Side,
    /// Empty once it has ended.
    pub ward_mask: String,
    /// Empty for the binder, and once it has ended.
    pub binder_mask: String,
    /// Until when it waits for a consent.
    pub expires_at: Timestamp,
    pub allowed: Vec<Action>,
}

/// A registered person, and by what the bindings find them as a ward.
struct KnownPerson {
    person: Person,
    stored: RegisteredPerson,
    key: WardKey,
}

impl Bindings {
    pub fn new(store: &Store, foundation: &Foundation, parts: Parts) -> Self {
        let Parts {
            outbox,
            registry,
            codes,
            messages,
            code_rendering,
            policy,
            is_development,
        } = parts;
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            key: store.index_key.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            outbox,
            registry,
            codes,
            messages,
            code_rendering,
            policy,
            is_development,
        }
    }

    /// A binding of the caller's.
    pub async fn get(&self, permit: &SelfPermit, id: Uuid) -> Result<View, Fault> {
        let (stored, side) = self.own(permit, id).await?;
        self.view(stored, side).await
    }

    /// The caller's bindings on a page, the newest first, and the next page's token.
    pub async fn list(&self, permit: &SelfPermit, page: &Page) -> Result<(Vec<View>, String), Fault> {
        // An account without a person has no bindings.
        let Ok(person) = permit.subject() else {
            return Ok((Vec::new(), String::new()));
        };
        let after = page.after(BindingPosition::read)?;
        let key = self.known(person).await?.map(|known| known.key);
        let rows = store::list(self.database.reader(), person, key, after, page.limit()).await?;
        let (rows, next) = page.cut(rows, |last| BindingPosition::of(&last.binding).write())?;
        let mut views = Vec::with_capacity(rows.len());
        for stored in rows {
            let side = side_of(&stored.binding, person);
            views.push(self.view(stored, side).await?);
        }
        Ok((views, next))
    }

    /// The ward of an active binding of the caller's, who has no account to apply with.
    pub async fn ward_to_apply_for(&self, permit: &SelfPermit, id: Uuid) -> Result<SubjectId, Fault> {
        let (stored, side) = self.own(permit, id).await?;
        if side != Side::Binder {
            return Err(fault::binding_not_found());
        }
        let ward = match (stored.binding.state, stored.binding.ward) {
            (State::Active, Some(ward)) => ward,
            (state, _) => {
                return Err(reply::wrong_state(state.into_str(), &[State::Active.into_str()]));
            }
        };
        if links::is_linked(self.database.reader(), ward).await? {
            return Err(fault::ward_has_account());
        }
        Ok(ward)
    }

    /// A binding of the caller's, and on which side of it they are. Another one is answered as not found.
    async fn own(&self, permit: &SelfPermit, id: Uuid) -> Result<(StoredBinding, Side), Fault> {
        let person = permit.subject().map_err(|_| fault::binding_not_found())?;
        let stored = store::find(self.database.reader(), id).await?;
        let stored = stored.ok_or_else(fault::binding_not_found)?;
        let side = side_of(&stored.binding, person);
        let is_own = stored.binding.binder == person || stored.binding.ward == Some(person);
        if !is_own {
            let known = self.known(person).await?;
            if known.is_none_or(|known| known.key != stored.ward_key) {
                return Err(fault::binding_not_found());
            }
        }
        Ok((stored, side))
    }

    /// The registered person of a subject.
    async fn known(&self, subject: SubjectId) -> Result<Option<KnownPerson>, Fault> {
        let Some(stored) = registered::by_subject(self.database.reader(), subject).await? else {
            return Ok(None);
        };
        let cipher = self.fields.ready().await?;
        let person = stored
            .sealed
            .open(&cipher, subject, self.clock.now().local_day())?;
        Ok(Some(KnownPerson {
            key: self.ward_key(&stored.index, &person.name),
            person,
            stored,
        }))
    }

    fn ward_key(&self, index: &DocumentIndex, name: &PersonName) -> WardKey {
        let text = [b"binding ward\n", &index[..], b"\n", name.expose().as_bytes()].concat();
        keyed_hash(&self.key, &text)
    }

    async fn view(&self, stored: StoredBinding, side: Side) -> Result<View, Fault> {
        let StoredBinding {
            binding, sealed_name, ..
        } = stored;
        let cipher = self.fields.ready().await?;
        let is_over = binding.state == State::Ended;
        let ward_mask = match sealed_name.filter(|_| !is_over) {
            Some(sealed) => mask(&cipher.decrypt_text(&sealed, &name_context(binding.id))?)?,
            None => String::new(),
        };
        let binder_mask = if is_over || side == Side::Binder {
            String::new()
        } else {
            let names = people::names(self.database.reader(), &[binding.binder]).await?;
            let names: HashMap<_, _> = names.into_iter().collect();
            match names.get(&binding.binder) {
                Some(sealed) => mask(&people::open_name(&cipher, binding.binder, sealed)?)?,
                None => String::new(),
            }
        };
        let now = self.clock.now();
        let allowed = [Action::Consent, Action::End].into_iter().filter(|action| {
            let is_theirs = match action {
                Action::Consent => side == Side::Ward && !binding.is_minors(now),
                Action::End => side != Side::Counter,
                Action::Confirm => false,
            };
            is_theirs && action.is_possible(binding.state)
        });
        Ok(View {
            side,
            ward_mask,
            binder_mask,
            expires_at: binding.expires_at(&self.policy),
            allowed: allowed.collect(),
            binding,
        })
    }

    /// The binding with its state, in a transaction that excludes other changes to it.
    async fn locked(
        &self,
        transaction: &DatabaseTransaction,
        id: Uuid,
        people: &[SubjectId],
    ) -> Result<StoredBinding, Fault> {
        store::lock(transaction, people).await?;
        store::find(transaction, id)
            .await?
            .ok_or_else(fault::binding_not_found)
    }
}

/// Whoever is not the binder of a binding of theirs is its ward.
fn side_of(binding: &Binding, person: SubjectId) -> Side {
    if binding.binder == person {
        Side::Binder
    } else {
        Side::Ward
    }
}

fn mask(name: &str) -> Result<String, Fault> {
    let name = PersonName::parse(name);
    let name = name.map_err(|_| Fault::from(StorageError::Damaged("bindings.ward_name".to_owned())))?;
    Ok(name.mask())
}

/// Claims the request id for a binding, or returns the one that answered an earlier request with it.
async fn claim(
    transaction: &DatabaseTransaction,
    key: &RequestKey,
    id: Uuid,
    now: Timestamp,
) -> Result<Option<Uuid>, Fault> {
    match idempotency::claim(transaction, key, id.as_bytes(), now).await? {
        Claim::Replay(answer) => Ok(Some(idempotency::answered_id(&answer)?)),
        Claim::Fresh => Ok(None),
    }
}
