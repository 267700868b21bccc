//! Makes the codes that devices show, and signs staff in and out.

mod codes;

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::skin::Mutation;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault, Random, StaffSignInId, Timestamp};
use lutong_storage::Database;
use lutong_storage::idempotency::{self, Claim};
use lutong_transport::access::{DivisionPermit, NoPermit};
use lutong_transport::reply;

use self::codes::SignInCodes;
use super::domain::{CODE_LASTS, StaffSignIn, State};
use super::store;
use crate::checkpoint_devices::domain::of_account;
use crate::checkpoint_devices::service::CheckpointDevices;
use crate::checkpoint_devices::store as devices;
use crate::checkpoints::store as checkpoints;
use crate::config::DoorPolicy;
use crate::fault::doors as fault;

/// All sign-ins of staff; cheap to clone.
#[derive(Clone)]
pub struct StaffSignIns {
    database: Database,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    codes: SignInCodes,
    devices: CheckpointDevices,
    policy: DoorPolicy,
}

/// A sign-in as it is shown.
#[derive(Debug, Clone)]
pub struct View {
    pub sign_in: StaffSignIn,
    pub state: State,
}

impl StaffSignIns {
    pub fn new(
        store: &Store,
        foundation: &Foundation,
        devices: CheckpointDevices,
        policy: DoorPolicy,
    ) -> Self {
        Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            codes: SignInCodes::new(&store.index_key, Arc::clone(&foundation.random)),
            devices,
            policy,
        }
    }

    /// A code for the device that calls, and from when on it is refused.
    pub async fn code(&self, account: &str) -> Result<(String, Timestamp), Fault> {
        let device = self.devices.calling(account).await?;
        let expires_at = self.clock.now().plus(CODE_LASTS);
        Ok((self.codes.issue(device.id, expires_at), expires_at))
    }

    /// Signs the caller in at the device that shows a code.
    pub async fn create(&self, call: Mutation<DivisionPermit>, code: &str) -> Result<View, Fault> {
        let account = call.grant.principal().account.clone();
        if of_account(&account).is_some() {
            return Err(fault::staff_account_needed());
        }
        let presented = self.codes.read(code).ok_or_else(fault::sign_in_code_invalid)?;
        let now = self.clock.now();
        let new = StaffSignInId::new(now, &*self.random);
        let expires_at = now.plus(self.policy.staff_sign_in());
        let (permit, request) = (call.permit, call.request);
        let created = self.database.write(move |transaction| {
            async move {
                // Locked: of two who use one code at the same time, one is signed in.
                let device = devices::lock(transaction, presented.device).await?;
                let device = device.ok_or_else(fault::sign_in_code_invalid)?;
                let reached = checkpoints::find(transaction, permit, device.checkpoint).await?;
                reached.ok_or_else(fault::checkpoint_not_found)?;
                let claim = idempotency::claim(transaction, &request, new.uuid().as_bytes(), now).await?;
                if let Claim::Replay(answer) = claim {
                    return Ok::<_, Fault>(StaffSignInId::from_uuid(idempotency::answered_id(&answer)?));
                }
                if !device.state().is_active() {
                    return Err(fault::device_ended());
                }
                let is_used = store::is_used(transaction, presented.hash).await?;
                if is_used || now >= presented.expires_at {
                    return Err(fault::sign_in_code_invalid());
                }
                store::end_at_device(transaction, device.id, now).await?;
                let sign_in = StaffSignIn {
                    id: new,
                    device: device.id,
                    checkpoint: device.checkpoint,
                    account,
                    started_at: now,
                    expires_at,
                    ended_at: None,
                };
                store::insert(transaction, sign_in, presented.hash).await?;
                Ok(new)
            }
            .boxed()
        });
        self.view(created.await?).await
    }

    /// Ends a sign-in of the person who calls, or at the device that calls.
    pub async fn end(&self, call: Mutation<NoPermit>, id: StaffSignInId) -> Result<View, Fault> {
        let account = call.grant.principal().account.clone();
        let (now, request) = (self.clock.now(), call.request);
        let ended = self.database.write(move |transaction| {
            async move {
                let found = store::lock(transaction, id).await?;
                let found = found.ok_or_else(fault::staff_sign_in_not_found)?;
                if found.account != account && of_account(&account) != Some(found.device) {
                    return Err(fault::staff_sign_in_not_found());
                }
                let claim = idempotency::claim(transaction, &request, id.uuid().as_bytes(), now).await?;
                if claim != Claim::Fresh {
                    return Ok::<_, Fault>(());
                }
                let state = found.state(now);
                if !state.is_active() {
                    return Err(reply::wrong_state(state.into_str(), &[State::Active.into_str()]));
                }
                store::end(transaction, id, now).await?;
                Ok(())
            }
            .boxed()
        });
        ended.await?;
        self.view(id).await
    }

    async fn view(&self, id: StaffSignInId) -> Result<View, Fault> {
        let found = store::find(self.database.reader(), id).await?;
        let sign_in = found.ok_or_else(fault::staff_sign_in_not_found)?;
        let state = sign_in.state(self.clock.now());
        Ok(View { sign_in, state })
    }
}
