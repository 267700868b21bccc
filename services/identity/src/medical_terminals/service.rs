//! Registers, lists and ends terminals, and finds the one at which a card is read.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::skin::{Listing, Mutation};
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault, MedicalInstitutionId, MedicalTerminalId, Random};
use lutong_storage::Database;
use lutong_storage::idempotency::{self, Claim};
use lutong_transport::access::DivisionPermit;

use super::domain::{Kind, MedicalTerminal, Place};
use super::store;
use crate::fault::health_cards as fault;
use crate::medical_institutions::domain::State;
use crate::medical_institutions::service::wrong_state;
use crate::medical_institutions::store as institutions;
use crate::medical_steps::domain::MedicalStep;

/// All terminals; cheap to clone.
#[derive(Clone)]
pub struct MedicalTerminals {
    database: Database,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

/// A terminal to register.
#[derive(Debug)]
pub struct NewTerminal {
    pub institution: MedicalInstitutionId,
    pub code: String,
    pub kind: Kind,
    pub steps: Vec<MedicalStep>,
}

/// The tag of a terminal's state.
pub fn etag(terminal: &MedicalTerminal) -> Etag {
    Etag::of(&terminal.id.to_string(), [terminal.state().into_str()])
}

impl MedicalTerminals {
    pub fn new(store: &Store, foundation: &Foundation) -> Self {
        Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
        }
    }

    /// The terminals of an institution of the permit's division, the newest first, and the token of the next page.
    pub async fn list(
        &self,
        call: &Listing<DivisionPermit>,
        institution: MedicalInstitutionId,
        state: Option<State>,
    ) -> Result<(Vec<MedicalTerminal>, String), Fault> {
        let reader = self.database.reader();
        let found = institutions::find(reader, call.permit, institution).await?;
        found.ok_or_else(fault::institution_not_found)?;
        let (page, before) = (&call.page, call.page.after_id()?);
        let rows = store::list(reader, institution, state, before, page.limit()).await?;
        page.cut(rows, |last| last.id.uuid().as_bytes().to_vec())
    }

    /// Registers a terminal.
    pub async fn create(
        &self,
        call: Mutation<DivisionPermit>,
        new: NewTerminal,
    ) -> Result<MedicalTerminal, Fault> {
        let now = self.clock.now();
        let terminal = MedicalTerminal {
            id: MedicalTerminalId::new(now, &*self.random),
            institution: new.institution,
            code: new.code,
            kind: new.kind,
            steps: new.steps,
            created_at: now,
            ended_at: None,
        };
        let (request, permit) = (call.request, call.permit);
        let created = self.database.write(move |transaction| {
            async move {
                let institution = institutions::lock(transaction, permit, terminal.institution).await?;
                let institution = institution.ok_or_else(fault::institution_not_found)?;
                let id = terminal.id.uuid();
                if let Claim::Replay(answer) =
                    idempotency::claim(transaction, &request, id.as_bytes(), now).await?
                {
                    return Ok::<_, Fault>(idempotency::answered_id(&answer)?);
                }
                if !institution.state().is_active() {
                    return Err(wrong_state(institution.state()));
                }
                if !store::insert(transaction, terminal).await? {
                    return Err(fault::terminal_exists());
                }
                Ok(id)
            }
            .boxed()
        });
        let id = MedicalTerminalId::from_uuid(created.await?);
        self.find(id).await
    }

    /// Ends a terminal.
    pub async fn end(
        &self,
        call: Mutation<DivisionPermit>,
        id: MedicalTerminalId,
        seen: String,
    ) -> Result<MedicalTerminal, Fault> {
        let now = self.clock.now();
        let (request, permit) = (call.request, call.permit);
        let ended = self.database.write(move |transaction| {
            async move {
                let found = store::lock(transaction, id).await?;
                let found = found.ok_or_else(fault::terminal_not_found)?;
                let institution = institutions::find(transaction, permit, found.institution).await?;
                institution.ok_or_else(fault::terminal_not_found)?;
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
                Ok(())
            }
            .boxed()
        });
        ended.await?;
        self.find(id).await
    }

    /// The terminal at which an account reads a card for a step: active, and of the account's institution.
    pub async fn place(
        &self,
        permit: DivisionPermit,
        account: &str,
        id: MedicalTerminalId,
        step: MedicalStep,
    ) -> Result<Place, Fault> {
        let reader = self.database.reader();
        let institution = institutions::of_account(reader, permit, account).await?;
        let institution = institution.ok_or_else(fault::terminal_not_found)?;
        let terminal = store::find(reader, id).await?;
        let terminal = terminal
            .filter(|found| found.institution == institution.id && found.state().is_active())
            .ok_or_else(fault::terminal_not_found)?;
        if !terminal.admits(step) {
            return Err(fault::step_not_allowed());
        }
        Ok(Place {
            terminal,
            institution,
        })
    }

    async fn find(&self, id: MedicalTerminalId) -> Result<MedicalTerminal, Fault> {
        let found = store::find(self.database.reader(), id).await?;
        found.ok_or_else(fault::terminal_not_found)
    }
}
