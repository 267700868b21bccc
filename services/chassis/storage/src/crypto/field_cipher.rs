//! Envelope encryption of single fields: AES-256-GCM under data keys that are stored wrapped in the database. The
//! key-encryption key that wraps them comes from the key file; only that key has to be rotated, kept apart or
//! destroyed.
//!
//! A ciphertext is version (1) | data key id (4) | nonce (12) | ciphertext and tag. Its associated data identify field
//! and row, so that it cannot be moved to another.

use std::collections::BTreeMap;
use std::sync::Arc;

use aes_gcm::aead::{Aead as _, AeadInOut as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce};
use arc_swap::ArcSwap;
use futures::FutureExt as _;
use lutong_kernel::{Fault, Random};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _,
};
use tokio::sync::Mutex;

use super::key_file::{Key, KeyFile};
use crate::{Database, StorageError};

const VERSION: u8 = 1;
const HEADER: usize = 1 + 4 + 12;

#[derive(Debug, Clone, thiserror::Error)]
pub enum CipherError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("a field cannot be decrypted: it is damaged, or was moved from its row")]
    Damaged,
    #[error("the key-encryption key {0} is not in the key file")]
    NoKey(u32),
}

impl From<CipherError> for Fault {
    fn from(error: CipherError) -> Self {
        match error {
            CipherError::Storage(error) => error.into(),
            other => Self::internal(format_args!("field encryption failed: {other}")),
        }
    }
}

mod data_key {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "data_keys")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub key_encryption_key: i64,
        pub wrapped: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Encrypts and opens fields of one service's database; cheap to clone.
#[derive(Clone)]
pub struct FieldCipher(Arc<Inner>);

struct Inner {
    database: Database,
    key_encryption_keys: ArcSwap<BTreeMap<u32, Key>>,
    random: Arc<dyn Random>,
    data_keys: ArcSwap<BTreeMap<u32, Aes256Gcm>>,
    loading: Mutex<()>,
}

impl std::fmt::Debug for FieldCipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FieldCipher")
    }
}

/// A cipher whose data keys are loaded: encrypting needs no more I/O.
#[derive(Clone)]
pub struct ReadyCipher {
    data_keys: Arc<BTreeMap<u32, Aes256Gcm>>,
    random: Arc<dyn Random>,
}

impl FieldCipher {
    /// Reads the database only on first use, so that an unreachable database does not fail the start.
    pub fn new(database: Database, keys: &KeyFile, random: Arc<dyn Random>) -> Self {
        Self(Arc::new(Inner {
            database,
            key_encryption_keys: ArcSwap::from_pointee(keys.key_encryption_keys()),
            random,
            data_keys: ArcSwap::default(),
            loading: Mutex::new(()),
        }))
    }

    /// The cipher with its data keys loaded; creates the first data key if there is none.
    pub async fn ready(&self) -> Result<ReadyCipher, CipherError> {
        let inner = &self.0;
        let mut data_keys = inner.data_keys.load_full();
        if data_keys.is_empty() {
            let _one_at_a_time = inner.loading.lock().await;
            data_keys = inner.data_keys.load_full();
            if data_keys.is_empty() {
                data_keys = Arc::new(self.load().await?);
                inner.data_keys.store(Arc::clone(&data_keys));
            }
        }
        Ok(ReadyCipher {
            data_keys,
            random: Arc::clone(&inner.random),
        })
    }

    /// Whether a database has any data key, which means that it may hold data encrypted under its key file.
    pub async fn has_data_keys(connection: &impl ConnectionTrait) -> Result<bool, StorageError> {
        Ok(data_key::Entity::find().one(connection).await?.is_some())
    }

    /// Unwraps every stored data key without creating one.
    pub async fn check(&self) -> Result<(), CipherError> {
        let stored = self.stored().await?;
        self.opened(stored).map(drop)
    }

    async fn load(&self) -> Result<BTreeMap<u32, Aes256Gcm>, CipherError> {
        let stored = self.stored().await?;
        let stored = if stored.is_empty() {
            self.make_first().await?
        } else {
            stored
        };
        self.opened(stored)
    }

    async fn stored(&self) -> Result<Vec<data_key::Model>, StorageError> {
        Ok(data_key::Entity::find().all(self.0.database.reader()).await?)
    }

    fn opened(&self, stored: Vec<data_key::Model>) -> Result<BTreeMap<u32, Aes256Gcm>, CipherError> {
        let wrapping = self.0.key_encryption_keys.load_full();
        let mut keys = BTreeMap::new();
        for row in stored {
            let (id, key) = unwrapped(&wrapping, &row)?;
            keys.insert(id, cipher(&key));
        }
        Ok(keys)
    }

    /// Switches to the current key file and to data keys that other processes have created since. Data keys are
    /// rewrapped under the newest key-encryption key, after which older ones can be removed from the file. Returns how
    /// many were rewrapped. On an error nothing changes.
    pub async fn renew(&self, keys: &KeyFile) -> Result<usize, CipherError> {
        let inner = &self.0;
        let _one_at_a_time = inner.loading.lock().await;
        let wrapping = keys.key_encryption_keys();
        let (newest, newest_key) = wrapping.last_key_value().ok_or(CipherError::NoKey(0))?;
        let (mut data_keys, mut rewrapped) = (BTreeMap::new(), Vec::new());
        for row in self.stored().await? {
            let (id, key) = unwrapped(&wrapping, &row)?;
            if row.key_encryption_key < i64::from(*newest) {
                let context = wrap_context(id);
                let wrapped = seal(
                    &cipher(newest_key),
                    *newest,
                    &*inner.random,
                    key.expose(),
                    &context,
                )?;
                rewrapped.push((row.id, row.key_encryption_key, wrapped));
            }
            data_keys.insert(id, cipher(&key));
        }
        let (count, newest) = (rewrapped.len(), i64::from(*newest));
        if count > 0 {
            let written = inner
                .database
                .write(move |transaction| rewrap(transaction, newest, rewrapped.clone()).boxed());
            written.await?;
        }
        inner.key_encryption_keys.store(Arc::new(wrapping));
        // Without data keys `ready` creates the first one on demand.
        if !data_keys.is_empty() {
            inner.data_keys.store(Arc::new(data_keys));
        }
        Ok(count)
    }

    /// If several processes start together, one row wins and all of them read it.
    async fn make_first(&self) -> Result<Vec<data_key::Model>, CipherError> {
        let inner = &self.0;
        let wrapping = inner.key_encryption_keys.load_full();
        let (number, key) = wrapping.last_key_value().ok_or(CipherError::NoKey(0))?;
        let data_key = inner.random.bytes::<32>();
        let wrapped = seal(&cipher(key), *number, &*inner.random, &data_key, &wrap_context(1))?;
        let row = data_key::ActiveModel {
            id: Set(1),
            key_encryption_key: Set(i64::from(*number)),
            wrapped: Set(wrapped),
        };
        inner
            .database
            .write(move |transaction| {
                async move {
                    data_key::Entity::insert(row)
                        .on_conflict(OnConflict::new().do_nothing().to_owned())
                        .exec_without_returning(transaction)
                        .await?;
                    Ok::<_, StorageError>(data_key::Entity::find().all(transaction).await?)
                }
                .boxed()
            })
            .await
            .map_err(CipherError::from)
    }
}

/// The id and the unwrapped key of a data key.
fn unwrapped(wrapping: &BTreeMap<u32, Key>, row: &data_key::Model) -> Result<(u32, Key), CipherError> {
    let id = u32::try_from(row.id).map_err(|_| CipherError::Damaged)?;
    let number = u32::try_from(row.key_encryption_key).map_err(|_| CipherError::Damaged)?;
    let key = wrapping.get(&number).ok_or(CipherError::NoKey(number))?;
    let opened = open(&cipher(key), &row.wrapped, &wrap_context(id))?;
    let opened: [u8; 32] = opened.try_into().map_err(|_| CipherError::Damaged)?;
    Ok((id, Key::new(opened)))
}

/// Stores rewrapped data keys. A row that another process has rewrapped meanwhile is left alone.
async fn rewrap(
    transaction: &DatabaseTransaction,
    newest: i64,
    rewrapped: Vec<(i64, i64, Vec<u8>)>,
) -> Result<(), StorageError> {
    use data_key::Column;
    for (id, before, wrapped) in rewrapped {
        data_key::Entity::update_many()
            .col_expr(Column::Wrapped, Expr::value(wrapped))
            .col_expr(Column::KeyEncryptionKey, Expr::value(newest))
            .filter(Column::Id.eq(id))
            .filter(Column::KeyEncryptionKey.eq(before))
            .exec(transaction)
            .await?;
    }
    Ok(())
}

impl ReadyCipher {
    /// A random id for a row whose primary key is known only after the insert; part of the context of its fields.
    pub fn row_id(&self) -> [u8; 16] {
        self.random.bytes()
    }

    /// `context` names table, column and row.
    pub fn encrypt(&self, plain: &[u8], context: &[u8]) -> Result<Vec<u8>, CipherError> {
        let (id, key) = self.data_keys.last_key_value().ok_or(CipherError::NoKey(0))?;
        seal(key, *id, &*self.random, plain, context)
    }

    pub fn decrypt(&self, sealed: &[u8], context: &[u8]) -> Result<Vec<u8>, CipherError> {
        open(self.data_key_of(sealed)?, sealed, context)
    }

    /// Decrypts into `plain`, reusing its allocation: for reading millions of rows.
    pub fn decrypt_into(
        &self,
        sealed: &[u8],
        context: &[u8],
        plain: &mut Vec<u8>,
    ) -> Result<(), CipherError> {
        let key = self.data_key_of(sealed)?;
        let (nonce, body) = split(sealed)?;
        plain.clear();
        plain.extend_from_slice(body);
        key.decrypt_in_place(&Nonce::from(nonce), context, plain)
            .map_err(|_| CipherError::Damaged)
    }

    fn data_key_of(&self, sealed: &[u8]) -> Result<&Aes256Gcm, CipherError> {
        let id = sealed
            .get(1..5)
            .and_then(|bytes| bytes.try_into().ok())
            .map(u32::from_be_bytes);
        id.and_then(|id| self.data_keys.get(&id))
            .ok_or(CipherError::Damaged)
    }

    /// A text field.
    pub fn decrypt_text(&self, sealed: &[u8], context: &[u8]) -> Result<String, CipherError> {
        String::from_utf8(self.decrypt(sealed, context)?).map_err(|_| CipherError::Damaged)
    }
}

fn wrap_context(id: u32) -> Vec<u8> {
    format!("data_keys/wrapped/{id}").into_bytes()
}

/// Encrypts a few bytes directly under `key`, without data keys or rotation.
pub fn seal_under(
    key: &Key,
    random: &dyn Random,
    plain: &[u8],
    context: &[u8],
) -> Result<Vec<u8>, CipherError> {
    seal(&cipher(key), 0, random, plain, context)
}

/// Decrypts what [`seal_under`] encrypted with the same context.
pub fn open_under(key: &Key, sealed: &[u8], context: &[u8]) -> Result<Vec<u8>, CipherError> {
    open(&cipher(key), sealed, context)
}

fn cipher(key: &Key) -> Aes256Gcm {
    Aes256Gcm::new(key.expose().into())
}

fn seal(
    key: &Aes256Gcm,
    id: u32,
    random: &dyn Random,
    plain: &[u8],
    context: &[u8],
) -> Result<Vec<u8>, CipherError> {
    let nonce = random.bytes::<12>();
    let payload = Payload {
        msg: plain,
        aad: context,
    };
    let sealed = key
        .encrypt(&Nonce::from(nonce), payload)
        .map_err(|_| CipherError::Damaged)?;
    let mut out = Vec::with_capacity(HEADER + sealed.len());
    out.push(VERSION);
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&sealed);
    Ok(out)
}

fn open(key: &Aes256Gcm, sealed: &[u8], context: &[u8]) -> Result<Vec<u8>, CipherError> {
    let (nonce, body) = split(sealed)?;
    key.decrypt(
        &Nonce::from(nonce),
        Payload {
            msg: body,
            aad: context,
        },
    )
    .map_err(|_| CipherError::Damaged)
}

/// Nonce, and ciphertext with tag.
fn split(sealed: &[u8]) -> Result<([u8; 12], &[u8]), CipherError> {
    let (header, body) = sealed.split_at_checked(HEADER).ok_or(CipherError::Damaged)?;
    if header[0] != VERSION {
        return Err(CipherError::Damaged);
    }
    Ok((header[5..].try_into().map_err(|_| CipherError::Damaged)?, body))
}
