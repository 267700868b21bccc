//! Registers, lists and ends institutions.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::skin::{Listing, Mutation};
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, DivisionCode, Fault, MedicalInstitutionId, Random};
use lutong_storage::Database;
use lutong_storage::idempotency::{self, Claim};
use lutong_transport::access::DivisionPermit;
use lutong_transport::reply;

use super::domain::{MedicalInstitution, State};
use super::store::{self, Filter};
use crate::accounts::domain::AccountId;
use crate::fault::health_cards as fault;
use crate::medical_terminals::store as terminals;

/// All institutions; cheap to clone.
#[derive(Clone)]
pub struct MedicalInstitutions {
    database: Database,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

/// An institution to register.
#[derive(Debug)]
pub struct NewInstitution {
    pub code: String,
    pub title: String,
    pub division: DivisionCode,
    pub account: AccountId,
}

/// The tag of an institution's state.
pub fn etag(institution: &MedicalInstitution) -> Etag {
    Etag::of(&institution.id.to_string(), [institution.state().into_str()])
}

/// An institution, or a terminal, that has ended.
pub fn wrong_state(state: State) -> Fault {
    reply::wrong_state(state.into_str(), &[State::Active.into_str()])
}

impl MedicalInstitutions {
    pub fn new(store: &Store, foundation: &Foundation) -> Self {
        Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
        }
    }

    /// An institution of the division of the permit.
    pub async fn get(
        &self,
        permit: DivisionPermit,
        id: MedicalInstitutionId,
    ) -> Result<MedicalInstitution, Fault> {
        let found = store::find(self.database.reader(), permit, id).await?;
        found.ok_or_else(fault::institution_not_found)
    }

    /// Institutions of the division of the permit, the newest first, and the token of the next page.
    pub async fn list(
        &self,
        call: &Listing<DivisionPermit>,
        filter: Filter,
    ) -> Result<(Vec<MedicalInstitution>, String), Fault> {
        let (page, before) = (&call.page, call.page.after_id()?);
        let rows = store::list(self.database.reader(), call.permit, filter, before, page.limit()).await?;
        page.cut(rows, |last| last.id.uuid().as_bytes().to_vec())
    }

    /// Registers an institution.
    pub async fn create(
        &self,
        call: Mutation<DivisionPermit>,
        new: NewInstitution,
    ) -> Result<MedicalInstitution, Fault> {
        let now = self.clock.now();
        let institution = MedicalInstitution {
            id: MedicalInstitutionId::new(now, &*self.random),
            code: new.code,
            title: new.title,
            division: new.division,
            account: new.account,
            created_at: now,
            ended_at: None,
        };
        let request = call.request;
        let created = self.database.write(move |transaction| {
            async move {
                let id = institution.id.uuid();
                match idempotency::claim(transaction, &request, id.as_bytes(), now).await? {
                    Claim::Replay(answer) => Ok::<_, Fault>(idempotency::answered_id(&answer)?),
                    Claim::Fresh if store::insert(transaction, institution).await? => Ok(id),
                    Claim::Fresh => Err(fault::institution_exists()),
                }
            }
            .boxed()
        });
        let id = MedicalInstitutionId::from_uuid(created.await?);
        self.get(call.permit, id).await
    }

    /// Ends an institution and its terminals.
    pub async fn end(
        &self,
        call: Mutation<DivisionPermit>,
        id: MedicalInstitutionId,
        seen: String,
    ) -> Result<MedicalInstitution, Fault> {
        let now = self.clock.now();
        let (request, permit) = (call.request, call.permit);
        let ended = self.database.write(move |transaction| {
            async move {
                let found = store::lock(transaction, permit, id).await?;
                let found = found.ok_or_else(fault::institution_not_found)?;
                let claim = idempotency::claim(transaction, &request, id.uuid().as_bytes(), now).await?;
                if claim != Claim::Fresh {
                    return Ok::<_, Fault>(());
                }
                let state = found.state();
                etag(&found).check(&seen, state.into_str())?;
                if !state.is_active() {
                    return Err(wrong_state(state));
                }
                store::end(transaction, id, now).await?;
                terminals::end_all(transaction, id, now).await?;
                Ok(())
            }
            .boxed()
        });
        ended.await?;
        self.get(permit, id).await
    }
}
