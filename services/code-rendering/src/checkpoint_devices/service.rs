//! Registers and ends devices, exchanges their credentials, and hears of them.

mod credentials;
mod exchange;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::skin::{Listing, Mutation};
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{
    CheckpointDeviceId, CheckpointId, Clock, Fault, Random, Secret, StaffSignInId, Timestamp,
};
use lutong_storage::Database;
use lutong_storage::batch::RowReader;
use lutong_storage::idempotency::{self, Claim};
use lutong_transport::access::DivisionPermit;
use lutong_transport::reply;
use sea_orm::ConnectionTrait;

use self::credentials::Credentials;
use super::domain::{self, CheckpointDevice, End, EndReason, MAX_ACTIVE, State, StoredCredential};
use super::store;
use crate::checkpoints::domain::Checkpoint;
use crate::checkpoints::service::wrong_state as checkpoint_ended;
use crate::checkpoints::store as checkpoints;
use crate::config::DoorPolicy;
use crate::fault::doors as fault;
use crate::revocations::store as revocations;
use crate::staff_sign_ins::store as staff_sign_ins;

/// All devices; cheap to clone.
#[derive(Clone)]
pub struct CheckpointDevices {
    database: Database,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    credentials: Credentials,
    policy: DoorPolicy,
    /// Every verification asks whether its device is active.
    reader: RowReader<CheckpointDeviceId, CheckpointDevice>,
}

/// A device as it is shown.
#[derive(Debug, Clone)]
pub struct View {
    pub device: CheckpointDevice,
    pub is_silent: bool,
    pub etag: Etag,
}

/// What a device compares with what it has.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    pub at: Timestamp,
    pub revocation_sequence: i64,
    pub interval: Duration,
    pub checkpoint: CheckpointId,
    /// The member of staff who is signed in at the device.
    pub signed_in: Option<StaffSignInId>,
}

fn reader(database: Database) -> RowReader<CheckpointDeviceId, CheckpointDevice> {
    RowReader::start(move |ids| {
        let database = database.clone();
        async move {
            let found = store::find_all(database.reader(), &ids).await?;
            Ok(found.into_iter().map(|device| (device.id, device)).collect())
        }
    })
}

fn etag(device: &CheckpointDevice) -> Etag {
    Etag::of(&device.id.to_string(), [device.state().into_str()])
}

impl CheckpointDevices {
    pub fn new(store: &Store, foundation: &Foundation, policy: DoorPolicy) -> Self {
        Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            credentials: Credentials::new(&store.index_key, Arc::clone(&foundation.random)),
            policy,
            reader: reader(store.database.clone()),
        }
    }

    fn view(&self, device: CheckpointDevice) -> View {
        View {
            is_silent: device.is_silent(self.clock.now(), self.policy.silent_after()),
            etag: etag(&device),
            device,
        }
    }

    async fn find(&self, id: CheckpointDeviceId) -> Result<View, Fault> {
        let found = store::find(self.database.reader(), id).await?;
        found
            .map(|device| self.view(device))
            .ok_or_else(fault::checkpoint_device_not_found)
    }

    /// The devices of a checkpoint of the division of the permit, the newest first, and the token of the next page.
    pub async fn list(
        &self,
        call: &Listing<DivisionPermit>,
        checkpoint: CheckpointId,
        state: Option<State>,
    ) -> Result<(Vec<View>, String), Fault> {
        let reader = self.database.reader();
        let reached = checkpoints::find(reader, call.permit, checkpoint).await?;
        reached.ok_or_else(fault::checkpoint_not_found)?;
        let (page, before) = (&call.page, call.page.after_id()?);
        let rows = store::list(reader, checkpoint, state, before, page.limit()).await?;
        let (rows, next) = page.cut(rows, |last| last.id.uuid().as_bytes().to_vec())?;
        Ok((rows.into_iter().map(|device| self.view(device)).collect(), next))
    }

    /// Registers a device; its first credential is answered once.
    pub async fn create(
        &self,
        call: Mutation<DivisionPermit>,
        checkpoint: CheckpointId,
        label: String,
    ) -> Result<(View, Option<Secret<String>>), Fault> {
        const FIRST: i64 = 1;
        let now = self.clock.now();
        let new = CheckpointDevice {
            id: CheckpointDeviceId::new(now, &*self.random),
            checkpoint,
            label,
            created_at: now,
            heard_at: None,
            end: None,
            generation: FIRST,
        };
        let (id, permit, request) = (new.id, call.permit, call.request);
        let (credential, hash) = self.credentials.issue(id, FIRST);
        let created = self.database.write(move |transaction| {
            async move {
                // Locked: a checkpoint that is ended at the same time ends this device, too.
                let reached = checkpoints::lock(transaction, permit, checkpoint).await?;
                let reached = reached.ok_or_else(fault::checkpoint_not_found)?;
                let claim = idempotency::claim(transaction, &request, id.uuid().as_bytes(), now).await?;
                if let Claim::Replay(answer) = claim {
                    return Ok::<_, Fault>(CheckpointDeviceId::from_uuid(idempotency::answered_id(&answer)?));
                }
                if !reached.state().is_active() {
                    return Err(checkpoint_ended(reached.state()));
                }
                if store::count_active(transaction, checkpoint).await? >= MAX_ACTIVE {
                    return Err(fault::too_many_devices(MAX_ACTIVE));
                }
                store::insert(transaction, new).await?;
                let first = StoredCredential {
                    generation: FIRST,
                    hash,
                    is_used: false,
                };
                store::credentials::insert(transaction, id, first).await?;
                Ok(id)
            }
            .boxed()
        });
        let stored = created.await?;
        Ok((self.find(stored).await?, (stored == id).then_some(credential)))
    }

    /// Ends a device of a checkpoint of the division of the permit.
    pub async fn end(
        &self,
        call: Mutation<DivisionPermit>,
        id: CheckpointDeviceId,
        seen: String,
    ) -> Result<View, Fault> {
        let now = self.clock.now();
        let (permit, request) = (call.permit, call.request);
        let ended = self.database.write(move |transaction| {
            async move {
                let found = store::lock(transaction, id).await?;
                let found = found.ok_or_else(fault::checkpoint_device_not_found)?;
                let reached = checkpoints::find(transaction, permit, found.checkpoint).await?;
                reached.ok_or_else(fault::checkpoint_device_not_found)?;
                let claim = idempotency::claim(transaction, &request, id.uuid().as_bytes(), now).await?;
                if claim != Claim::Fresh {
                    return Ok::<_, Fault>(());
                }
                let state = found.state();
                etag(&found).check(&seen, state.into_str())?;
                if !state.is_active() {
                    return Err(reply::wrong_state(state.into_str(), &[State::Active.into_str()]));
                }
                let end = End {
                    at: now,
                    reason: EndReason::Officer,
                };
                store::end(transaction, id, end).await?;
                Ok(())
            }
            .boxed()
        });
        ended.await?;
        self.find(id).await
    }

    async fn active(&self, id: CheckpointDeviceId) -> Result<CheckpointDevice, Fault> {
        let device = self.reader.find(id).await?;
        let device = device.ok_or_else(fault::device_not_registered)?;
        if device.state().is_active() {
            Ok(device)
        } else {
            Err(fault::device_ended())
        }
    }

    /// The device that calls, which is active.
    pub async fn calling(&self, account: &str) -> Result<CheckpointDevice, Fault> {
        let id = domain::of_account(account).ok_or_else(fault::device_not_registered)?;
        self.active(id).await
    }

    /// The device that calls, which is active, and its checkpoint.
    pub async fn with_checkpoint(&self, account: &str) -> Result<(CheckpointDeviceId, Checkpoint), Fault> {
        let device = self.calling(account).await?;
        let checkpoint = checkpoint_of(self.database.reader(), &device).await?;
        Ok((device.id, checkpoint))
    }

    /// Refuses a device that has ended. Accounts of other kinds are not judged here.
    pub async fn check(&self, account: &str) -> Result<(), Fault> {
        match domain::of_account(account) {
            Some(id) => self.active(id).await.map(drop),
            None => Ok(()),
        }
    }

    /// Notes that the device that calls is there.
    pub async fn hear(&self, account: &str) -> Result<Heartbeat, Fault> {
        let CheckpointDevice { id, checkpoint, .. } = self.calling(account).await?;
        let now = self.clock.now();
        let heard = self.database.write(move |transaction| {
            async move {
                // The checkpoint first, as where it is ended: two transactions never wait for each other.
                checkpoints::hear(transaction, checkpoint, now).await?;
                if store::hear(transaction, id, now).await? {
                    Ok(())
                } else {
                    Err(fault::device_ended())
                }
            }
            .boxed()
        });
        heard.await?;
        let signed_in = staff_sign_ins::in_force(self.database.reader(), id, now).await?;
        Ok(Heartbeat {
            at: now,
            signed_in: signed_in.map(|sign_in| sign_in.id),
            revocation_sequence: revocations::last_sequence(self.database.reader()).await?,
            interval: self.policy.heartbeat(),
            checkpoint,
        })
    }
}

/// The checkpoint at which a device is.
async fn checkpoint_of(
    connection: &impl ConnectionTrait,
    device: &CheckpointDevice,
) -> Result<Checkpoint, Fault> {
    let found = checkpoints::find_all(connection, [device.checkpoint]).await?;
    let checkpoint = found.into_values().next();
    checkpoint.ok_or_else(fault::device_not_registered)
}
