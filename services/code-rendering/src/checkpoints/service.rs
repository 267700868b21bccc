//! Registers, lists and ends checkpoints.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::skin::{Listing, Mutation};
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{CheckpointId, Clock, DivisionCode, Fault, Random};
use lutong_storage::Database;
use lutong_storage::idempotency::{self, Claim};
use lutong_transport::access::DivisionPermit;
use lutong_transport::reply;

use super::domain::{Checkpoint, Kind, State};
use super::store::{self, Filter};
use crate::checkpoint_devices::domain::{End, EndReason};
use crate::checkpoint_devices::store as devices;
use crate::config::DoorPolicy;
use crate::fault::doors as fault;

/// All checkpoints; cheap to clone.
#[derive(Clone)]
pub struct Checkpoints {
    database: Database,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    silent_after: Duration,
}

/// A checkpoint to register.
#[derive(Debug)]
pub struct NewCheckpoint {
    pub kind: Kind,
    pub division: DivisionCode,
    pub place_name: String,
}

/// A checkpoint as it is shown.
#[derive(Debug, Clone)]
pub struct View {
    pub checkpoint: Checkpoint,
    pub is_silent: bool,
    pub etag: Etag,
}

/// Which checkpoints to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListFilter {
    pub division: Option<DivisionCode>,
    pub kind: Option<Kind>,
    pub state: Option<State>,
    pub is_silent: bool,
}

/// The tag of a checkpoint's state.
pub fn etag(checkpoint: &Checkpoint) -> Etag {
    Etag::of(&checkpoint.id.to_string(), [checkpoint.state().into_str()])
}

impl Checkpoints {
    pub fn new(store: &Store, foundation: &Foundation, policy: DoorPolicy) -> Self {
        Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            silent_after: policy.silent_after(),
        }
    }

    fn view(&self, checkpoint: Checkpoint) -> View {
        View {
            is_silent: checkpoint.is_silent(self.clock.now(), self.silent_after),
            etag: etag(&checkpoint),
            checkpoint,
        }
    }

    /// A checkpoint of the division of the permit.
    pub async fn get(&self, permit: DivisionPermit, id: CheckpointId) -> Result<View, Fault> {
        let found = store::find(self.database.reader(), permit, id).await?;
        found
            .map(|checkpoint| self.view(checkpoint))
            .ok_or_else(fault::checkpoint_not_found)
    }

    /// Checkpoints of the division of the permit, the newest first, and the token of the next page.
    pub async fn list(
        &self,
        call: &Listing<DivisionPermit>,
        filter: ListFilter,
    ) -> Result<(Vec<View>, String), Fault> {
        let now = self.clock.now();
        let filter = Filter {
            division: filter.division,
            kind: filter.kind,
            state: filter.state,
            silent_since: filter.is_silent.then(|| now.minus(self.silent_after)),
        };
        let (page, before) = (&call.page, call.page.after_id()?);
        let rows = store::list(self.database.reader(), call.permit, filter, before, page.limit()).await?;
        let (rows, next) = page.cut(rows, |last| last.id.uuid().as_bytes().to_vec())?;
        let views = rows.into_iter().map(|checkpoint| self.view(checkpoint));
        Ok((views.collect(), next))
    }

    /// Registers a checkpoint.
    pub async fn create(&self, call: Mutation<DivisionPermit>, new: NewCheckpoint) -> Result<View, Fault> {
        let now = self.clock.now();
        let checkpoint = Checkpoint {
            id: CheckpointId::new(now, &*self.random),
            kind: new.kind,
            division: new.division,
            place_name: new.place_name,
            created_at: now,
            heard_at: None,
            ended_at: None,
        };
        let request = call.request;
        let created = self.database.write(move |transaction| {
            async move {
                let id = checkpoint.id.uuid();
                match idempotency::claim(transaction, &request, id.as_bytes(), now).await? {
                    Claim::Replay(answer) => Ok::<_, Fault>(idempotency::answered_id(&answer)?),
                    Claim::Fresh => {
                        store::insert(transaction, checkpoint).await?;
                        Ok(id)
                    }
                }
            }
            .boxed()
        });
        let id = CheckpointId::from_uuid(created.await?);
        self.get(call.permit, id).await
    }

    /// Ends a checkpoint and its devices.
    pub async fn end(
        &self,
        call: Mutation<DivisionPermit>,
        id: CheckpointId,
        seen: String,
    ) -> Result<View, Fault> {
        let now = self.clock.now();
        let (request, permit) = (call.request, call.permit);
        let ended = self.database.write(move |transaction| {
            async move {
                let found = store::lock(transaction, permit, id).await?;
                let found = found.ok_or_else(fault::checkpoint_not_found)?;
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
                let end = End {
                    at: now,
                    reason: EndReason::CheckpointEnded,
                };
                devices::end_all(transaction, id, end).await?;
                Ok(())
            }
            .boxed()
        });
        ended.await?;
        self.get(permit, id).await
    }
}

/// A checkpoint that has ended.
pub fn wrong_state(state: State) -> Fault {
    reply::wrong_state(state.into_str(), &[State::Active.into_str()])
}
