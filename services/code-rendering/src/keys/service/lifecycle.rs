//! What an operator does with keys: `lutong keys`.

use futures::FutureExt as _;
use lutong_kernel::{Fault, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::crypto::ReadyCipher;
use lutong_token::KeyUse;

use super::{Keys, opened};
use crate::fault;
use crate::keys::domain::{ANNOUNCED_AHEAD, KeyStatus, OVERLAP};
use crate::keys::store::{self, StoredKey};

impl Keys {
    /// Every key, newest first.
    pub async fn statuses(&self) -> Result<Vec<KeyStatus>, Fault> {
        // Makes the first ones.
        self.ring().await?;
        let (stored, now) = (store::all(self.0.database.reader()).await?, self.0.clock.now());
        let cipher = self.0.fields.ready().await?;
        stored.iter().map(|key| status(&cipher, key, now)).collect()
    }

    /// Announces a key beside the present ones. It signs from its activation on: `at`, or as soon as every door knows it.
    pub async fn create(&self, signs: KeyUse, at: Option<Timestamp>) -> Result<KeyStatus, Fault> {
        self.announce(signs, at, false).await
    }

    /// Announces a key, and ends the present ones of its use when what they signed is over.
    pub async fn rotate(&self, signs: KeyUse, at: Option<Timestamp>) -> Result<KeyStatus, Fault> {
        self.announce(signs, at, true).await
    }

    async fn announce(
        &self,
        signs: KeyUse,
        at: Option<Timestamp>,
        retire_others: bool,
    ) -> Result<KeyStatus, Fault> {
        self.ring().await?;
        let earliest = self.0.clock.now().plus(ANNOUNCED_AHEAD);
        let not_before = at.unwrap_or(earliest);
        if not_before < earliest {
            return Err(Fault::invalid(vec![fault::activation_too_early()]));
        }
        let cipher = self.0.fields.ready().await?;
        let this = self.clone();
        let announced = self.0.database.write(move |transaction| {
            async move {
                if retire_others {
                    store::retire(transaction, signs, not_before.plus(OVERLAP)).await?;
                }
                let key = this.generated(&cipher, &store::all(transaction).await?, signs, not_before)?;
                let status = status(&cipher, &key, this.0.clock.now())?;
                if !store::insert(transaction, key).await? {
                    return Err(StorageError::Contended.into());
                }
                Ok::<_, Fault>(status)
            }
            .boxed()
        });
        let announced = announced.await?;
        self.0.ring.store(None);
        Ok(announced)
    }

    /// Revokes a key: nothing that it ever signed is accepted from now on. Where no key of its use is left in force, a new one is made that is
    /// so at once; doors without a connection know it with their next key list.
    pub async fn revoke(&self, kid: &str) -> Result<KeyStatus, Fault> {
        self.status_of(kid).await?;
        let (cipher, now) = (self.0.fields.ready().await?, self.0.clock.now());
        let (this, wanted) = (self.clone(), kid.to_owned());
        let revoked = self.0.database.write(move |transaction| {
            async move {
                let Some(key) = found(&cipher, store::all(transaction).await?, &wanted)? else {
                    return Err(fault::key_not_found());
                };
                store::revoke(transaction, key.number, now).await?;
                let stored = store::all(transaction).await?;
                let signs_on = |other: &StoredKey| other.signs == key.signs && other.limits.may_sign(now);
                if stored.iter().any(signs_on) {
                    return Ok(());
                }
                let key = this.generated(&cipher, &stored, key.signs, now)?;
                if store::insert(transaction, key).await? {
                    return Ok(());
                }
                Err(StorageError::Contended.into())
            }
            .boxed()
        });
        revoked.await?;
        self.0.ring.store(None);
        self.status_of(kid).await
    }

    async fn status_of(&self, kid: &str) -> Result<KeyStatus, Fault> {
        let mut statuses = self.statuses().await?.into_iter();
        let status = statuses.find(|status| status.key.kid().to_string() == kid);
        status.ok_or_else(fault::key_not_found)
    }
}

fn status(cipher: &ReadyCipher, key: &StoredKey, now: Timestamp) -> Result<KeyStatus, Fault> {
    Ok(KeyStatus {
        key: opened(cipher, key)?.verifying_key().clone(),
        signs: key.signs,
        limits: key.limits,
        state: key.limits.state(now),
    })
}

/// The key with this id.
fn found(cipher: &ReadyCipher, stored: Vec<StoredKey>, kid: &str) -> Result<Option<StoredKey>, Fault> {
    for key in stored {
        if opened(cipher, &key)?.kid().to_string() == kid {
            return Ok(Some(key));
        }
    }
    Ok(None)
}
