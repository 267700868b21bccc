//! Exchanges the credential of a device for the next one.

use futures::FutureExt as _;
use lutong_kernel::{CheckpointDeviceId, DivisionCode, Fault, Secret, Timestamp};
use sea_orm::DatabaseTransaction;

use super::credentials::PresentedCredential;
use super::{CheckpointDevices, checkpoint_of};
use crate::checkpoint_devices::domain::{
    CheckpointDevice, CredentialHash, End, EndReason, MAX_UNUSED, StoredCredential, Use, judge,
};
use crate::checkpoint_devices::store::{self, credentials};
use crate::fault::doors as fault;

/// A device that has signed in.
#[derive(Debug)]
pub struct Exchanged {
    pub device: CheckpointDeviceId,
    /// Of its checkpoint.
    pub division: DivisionCode,
    pub credential: Secret<String>,
}

/// What came of it. A device that is ended for it is stored as ended, so that this is no error of the transaction.
enum Outcome {
    Exchanged(DivisionCode, Secret<String>),
    Invalid,
    Ended,
}

impl CheckpointDevices {
    /// Takes a credential for the next one. One that was replaced before ends the device.
    pub async fn exchange(&self, text: &str) -> Result<Exchanged, Fault> {
        let presented = self
            .credentials
            .read(text)
            .ok_or_else(fault::credential_invalid)?;
        let (device, now, this) = (presented.device, self.clock.now(), self.clone());
        let exchanged = self
            .database
            .write(move |transaction| this.exchange_in(transaction, presented, now).boxed());
        match exchanged.await? {
            Outcome::Exchanged(division, credential) => Ok(Exchanged {
                device,
                division,
                credential,
            }),
            Outcome::Invalid => Err(fault::credential_invalid()),
            Outcome::Ended => Err(fault::device_ended()),
        }
    }

    async fn exchange_in(
        self,
        transaction: &DatabaseTransaction,
        presented: PresentedCredential,
        now: Timestamp,
    ) -> Result<Outcome, Fault> {
        let PresentedCredential {
            device: id,
            generation,
            hash,
        } = presented;
        let Some(device) = store::lock(transaction, id).await? else {
            return Ok(Outcome::Invalid);
        };
        if !device.state().is_active() {
            return Ok(Outcome::Ended);
        }
        let stored = credentials::of(transaction, id).await?;
        match judge((generation, hash), &stored, device.generation) {
            Use::Unknown => return Ok(Outcome::Invalid),
            Use::Replaced => {
                tracing::warn!(device = %id, "a replaced credential of a device was used: the device is ended");
                let end = End {
                    at: now,
                    reason: EndReason::CredentialReused,
                };
                store::end(transaction, id, end).await?;
                return Ok(Outcome::Ended);
            }
            Use::First => credentials::keep_only(transaction, id, generation).await?,
            Use::Again => make_room(transaction, id, &stored).await?,
        }
        let (next, next_hash) = self.credentials.issue(id, device.generation + 1);
        add(transaction, &device, next_hash).await?;
        let checkpoint = checkpoint_of(transaction, &device).await?;
        Ok(Outcome::Exchanged(checkpoint.division, next))
    }
}

/// Stores the next credential of a locked device.
async fn add(
    transaction: &DatabaseTransaction,
    device: &CheckpointDevice,
    hash: CredentialHash,
) -> Result<(), Fault> {
    let next = StoredCredential {
        generation: device.generation + 1,
        hash,
        is_used: false,
    };
    store::set_generation(transaction, device.id, next.generation).await?;
    credentials::insert(transaction, device.id, next).await?;
    Ok(())
}

/// Forgets the oldest answer that was lost where there are too many.
async fn make_room(
    transaction: &DatabaseTransaction,
    device: CheckpointDeviceId,
    stored: &[StoredCredential],
) -> Result<(), Fault> {
    let unused: Vec<_> = stored.iter().filter(|one| !one.is_used).collect();
    if let Some(oldest) = unused.first().filter(|_| unused.len() >= MAX_UNUSED) {
        credentials::delete(transaction, device, oldest.generation).await?;
    }
    Ok(())
}
