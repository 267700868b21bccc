//! The keys that sign tokens and lists, and those by which they are verified.

mod lifecycle;
mod operator;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures::FutureExt as _;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault, Random, Timestamp};
use lutong_storage::crypto::{FieldCipher, Key, ReadyCipher};
use lutong_storage::{Database, StorageError};
use lutong_token::{
    Algorithm, DynamicIdKey, Issuer, KeyList, KeyUse, ListedKey, SigningKey, TrustedKey, VerifyingKeys,
};
use tokio::sync::Mutex;

use super::domain::{KeyState, LIST_MAX_AGE, Limits};
use super::store::{self, StoredKey};

pub use self::operator::OperatorKeys;

/// After this time the keys are read again, so that a rotation or revocation by another process is noticed.
const REREAD: Duration = Duration::from_secs(60);

/// The keys that one read of the table found.
#[derive(Debug)]
pub struct Ring {
    pub signer: SigningKey,
    /// Signs key lists and revocation lists.
    pub list_signer: SigningKey,
    /// Those by which tokens are verified.
    pub trusted: VerifyingKeys,
    /// Keys for tokens that are announced or in force, newest first.
    pub published: Vec<TrustedKey>,
    /// Every key that is not retired, newest first.
    pub listed: Vec<ListedKey>,
    read_at: Timestamp,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    database: Database,
    fields: FieldCipher,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    dynamic_id: DynamicIdKey,
    /// Whose codes the keys sign.
    issuer: Issuer,
    /// Of the keys that are made from now on.
    algorithm: Algorithm,
    ring: ArcSwapOption<Ring>,
    reading: Mutex<()>,
}

fn context(number: i64) -> Vec<u8> {
    format!("signing_keys/private_key/{number}").into_bytes()
}

fn unusable(number: i64, error: &dyn std::fmt::Display) -> Fault {
    Fault::internal(format_args!("the signing key {number} cannot be used: {error}"))
}

fn opened(cipher: &ReadyCipher, key: &StoredKey) -> Result<SigningKey, Fault> {
    let pem = cipher.decrypt_text(&key.sealed, &context(key.number))?;
    SigningKey::from_pkcs8_pem(&pem).map_err(|error| unusable(key.number, &error))
}

impl Keys {
    pub fn new(
        store: &Store,
        foundation: &Foundation,
        dynamic_id: &Key,
        (issuer, algorithm): (Issuer, Algorithm),
    ) -> Self {
        Self(Arc::new(Inner {
            database: store.database.clone(),
            fields: store.fields.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            dynamic_id: DynamicIdKey::from_bytes(dynamic_id.expose()),
            issuer,
            algorithm,
            ring: ArcSwapOption::empty(),
            reading: Mutex::new(()),
        }))
    }

    pub fn dynamic_id(&self) -> &DynamicIdKey {
        &self.0.dynamic_id
    }

    /// The province whose codes are signed.
    pub fn issuer(&self) -> Issuer {
        self.0.issuer
    }

    /// The keys. They are read at the first call and again every minute. The first key of each use is generated.
    pub async fn ring(&self) -> Result<Arc<Ring>, Fault> {
        let now = self.0.clock.now();
        if let Some(ring) = self.0.ring.load_full() {
            if now.since(ring.read_at) < REREAD {
                return Ok(ring);
            }
            // One caller reads again; the others use the ring that is there.
            let Ok(_guard) = self.0.reading.try_lock() else {
                return Ok(ring);
            };
            return self.read(now).await;
        }
        let _guard = self.0.reading.lock().await;
        match self.0.ring.load_full() {
            Some(ring) => Ok(ring),
            None => self.read(now).await,
        }
    }

    /// The key list, signed now, and until when it may be relied on.
    pub async fn list(&self) -> Result<(Vec<u8>, Timestamp, Timestamp), Fault> {
        let (ring, now) = (self.ring().await?, self.0.clock.now());
        let list = KeyList {
            issued_at: now,
            max_age_seconds: u32::try_from(LIST_MAX_AGE.as_secs()).unwrap_or(u32::MAX),
            keys: ring.listed.clone(),
        };
        let signed = list.sign(&ring.list_signer);
        let signed =
            signed.map_err(|error| Fault::internal(format_args!("the key list was not signed: {error}")))?;
        Ok((signed, now, now.plus(LIST_MAX_AGE)))
    }

    async fn read(&self, now: Timestamp) -> Result<Arc<Ring>, Fault> {
        let mut stored = store::all(self.0.database.reader()).await?;
        for signs in [KeyUse::Tokens, KeyUse::Lists] {
            if !stored.iter().any(|key| key.signs == signs) {
                stored = self.make_first(signs, now).await?;
            }
        }
        let cipher = self.0.fields.ready().await?;
        let (mut signer, mut list_signer) = (None, None);
        let (mut trusted, mut published, mut listed) = (VerifyingKeys::new(), Vec::new(), Vec::new());
        for key in stored {
            let secret = opened(&cipher, &key)?;
            let public = self.trusted_key(&secret, &key.limits);
            let state = key.limits.state(now);
            if state != KeyState::Retired {
                listed.push(ListedKey {
                    signs: key.signs,
                    trusted: public.clone(),
                });
            }
            if key.signs == KeyUse::Tokens {
                let inserted = trusted.insert(public.clone());
                inserted.map_err(|error| unusable(key.number, &error))?;
                if !matches!(state, KeyState::Retired | KeyState::Revoked) {
                    published.push(public);
                }
            }
            let place = match key.signs {
                KeyUse::Tokens => &mut signer,
                KeyUse::Lists => &mut list_signer,
            };
            if key.limits.may_sign(now) && place.is_none() {
                *place = Some(secret);
            }
        }
        let none = || unusable(0, &"no signing key is in force");
        let ring = Arc::new(Ring {
            signer: signer.ok_or_else(none)?,
            list_signer: list_signer.ok_or_else(none)?,
            trusted,
            published,
            listed,
            read_at: now,
        });
        self.0.ring.store(Some(Arc::clone(&ring)));
        Ok(ring)
    }

    async fn make_first(&self, signs: KeyUse, now: Timestamp) -> Result<Vec<StoredKey>, Fault> {
        let cipher = self.0.fields.ready().await?;
        let this = self.clone();
        let stored = self.0.database.write(move |transaction| {
            async move {
                let stored = store::all(transaction).await?;
                // Another process was first.
                if stored.iter().any(|key| key.signs == signs) {
                    return Ok::<_, Fault>(stored);
                }
                let key = this.generated(&cipher, &stored, signs, now)?;
                store::insert(transaction, key).await?;
                Ok(store::all(transaction).await?)
            }
            .boxed()
        });
        let stored = stored.await?;
        if stored.iter().any(|key| key.signs == signs) {
            return Ok(stored);
        }
        // Another process took the number for the key of another use; the next call makes this one.
        Err(StorageError::Contended.into())
    }

    fn trusted_key(&self, secret: &SigningKey, limits: &Limits) -> TrustedKey {
        TrustedKey {
            key: secret.verifying_key().clone(),
            issuers: vec![self.issuer()],
            not_before: limits.not_before,
            not_after: limits.not_after,
            revoked_at: limits.revoked_at,
        }
    }

    /// A new key after those that are stored.
    fn generated(
        &self,
        cipher: &ReadyCipher,
        stored: &[StoredKey],
        signs: KeyUse,
        not_before: Timestamp,
    ) -> Result<StoredKey, Fault> {
        let number = stored.iter().map(|key| key.number).max().unwrap_or(0) + 1;
        let failed = |error: &dyn std::fmt::Display| unusable(number, error);
        let secret = SigningKey::generate(self.0.algorithm, &*self.0.random);
        let pem = secret
            .map_err(|error| failed(&error))?
            .to_pkcs8_pem()
            .map_err(|error| failed(&error))?;
        Ok(StoredKey {
            number,
            sealed: cipher.encrypt(pem.expose().as_bytes(), &context(number))?,
            signs,
            limits: Limits {
                not_before,
                not_after: None,
                revoked_at: None,
            },
        })
    }
}
