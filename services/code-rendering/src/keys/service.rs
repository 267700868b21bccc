//! The keys that sign tokens, and those by which they are verified.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures::FutureExt as _;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault, Random, Timestamp};
use lutong_storage::crypto::{FieldCipher, Key};
use lutong_storage::{Database, StorageError};
use lutong_token::{Algorithm, DynamicIdKey, Issuer, SigningKey, TrustedKey, VerifyingKeys};
use tokio::sync::Mutex;

use super::store::{self, StoredKey};

/// After this time the keys are read again, so that a rotation or revocation by another process is noticed.
const REREAD: Duration = Duration::from_secs(60);

/// The keys that one read of the table found.
#[derive(Debug)]
pub struct Ring {
    pub signer: SigningKey,
    pub trusted: VerifyingKeys,
    /// Newest first.
    pub published: Vec<TrustedKey>,
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
    ring: ArcSwapOption<Ring>,
    reading: Mutex<()>,
}

fn context(number: i64) -> Vec<u8> {
    format!("signing_keys/private_key/{number}").into_bytes()
}

fn unusable(number: i64, error: &dyn std::fmt::Display) -> Fault {
    tracing::error!(number, %error, "a signing key cannot be used");
    Fault::internal()
}

impl Keys {
    pub fn new(store: &Store, foundation: &Foundation, dynamic_id: &Key) -> Self {
        Self(Arc::new(Inner {
            database: store.database.clone(),
            fields: store.fields.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            dynamic_id: DynamicIdKey::from_bytes(dynamic_id.expose()),
            ring: ArcSwapOption::empty(),
            reading: Mutex::new(()),
        }))
    }

    pub fn dynamic_id(&self) -> &DynamicIdKey {
        &self.0.dynamic_id
    }

    /// The keys. They are read at the first call and again every minute. When the table is empty, the first key is generated.
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

    async fn read(&self, now: Timestamp) -> Result<Arc<Ring>, Fault> {
        let mut stored = store::all(self.0.database.reader()).await?;
        if stored.is_empty() {
            stored = self.make_first(now).await?;
        }
        let cipher = self.0.fields.ready().await?;
        let (mut signer, mut trusted, mut published) = (None, VerifyingKeys::new(), Vec::new());
        for key in stored {
            let pem = cipher.decrypt_text(&key.sealed, &context(key.number))?;
            let secret = SigningKey::from_pkcs8_pem(&pem).map_err(|error| unusable(key.number, &error))?;
            let public = TrustedKey {
                key: secret.verifying_key().clone(),
                issuers: vec![Issuer::SHANDONG],
                not_before: key.not_before,
                not_after: key.not_after,
                revoked_at: key.revoked_at,
            };
            trusted
                .insert(public.clone())
                .map_err(|error| unusable(key.number, &error))?;
            let in_force = key.revoked_at.is_none() && key.not_after.is_none_or(|end| now < end);
            if in_force {
                published.push(public);
            }
            if in_force && key.not_before <= now && signer.is_none() {
                signer = Some(secret);
            }
        }
        let signer = signer.ok_or_else(|| unusable(0, &"no signing key is in force"))?;
        let ring = Arc::new(Ring {
            signer,
            trusted,
            published,
            read_at: now,
        });
        self.0.ring.store(Some(Arc::clone(&ring)));
        Ok(ring)
    }

    async fn make_first(&self, now: Timestamp) -> Result<Vec<StoredKey>, Fault> {
        const NUMBER: i64 = 1;
        let failed = |error: &dyn std::fmt::Display| unusable(NUMBER, error);
        let secret =
            SigningKey::generate(Algorithm::Ed25519, &*self.0.random).map_err(|error| failed(&error))?;
        let pem = secret.to_pkcs8_pem().map_err(|error| failed(&error))?;
        let cipher = self.0.fields.ready().await?;
        let key = StoredKey {
            number: NUMBER,
            sealed: cipher.encrypt(pem.expose().as_bytes(), &context(NUMBER))?,
            not_before: now,
            not_after: None,
            revoked_at: None,
        };
        let stored = self.0.database.write(move |transaction| {
            async move {
                store::insert(transaction, key).await?;
                store::all(transaction).await
            }
            .boxed()
        });
        stored.await.map_err(|error: StorageError| Fault::from(error))
    }
}
