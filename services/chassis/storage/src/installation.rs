//! Records which service a database belongs to and which keys it was written with, when a service first uses it, and
//! compares both at every start. A service never works on another service's database, nor on its own with the wrong
//! keys.
//!
//! The record is a table of the chassis, created in the transaction of the first migration step. A key is recorded as
//! an HMAC of a constant under it, which identifies the key without revealing it. A key with a new name (`kek.2`) is
//! recorded when it first appears; a different key under a recorded name is refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures::FutureExt as _;
use lutong_kernel::ServiceName;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DatabaseTransaction, EntityTrait as _, Statement,
    TransactionTrait as _,
};

use crate::crypto::{CipherError, FieldCipher, KeyFile, KeyFileError, keyed_hash};
use crate::{Database, Engine, Schema, StorageConfig, StorageError};

const OWNER: &str = "service";
const KEY: &str = "key.";

mod note {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "installation")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub item: String,
        pub value: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Why a database, a key file and a service do not belong together. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum InstallationError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    #[error(
        "数据库{database}属于服务{owner}，不是{service}：请更正 storage.url / the database {database} belongs to {owner}, not to {service}: correct storage.url"
    )]
    Owner {
        database: String,
        owner: String,
        service: ServiceName,
    },
    #[error(
        "密钥文件{file}不存在，而数据库{database}已有用它加密的数据：请从备份恢复该文件，切勿新建 / the key file {file} is missing and the database {database} holds data encrypted with its keys: restore the file from its backup, and do not make a new one"
    )]
    Lost { file: PathBuf, database: String },
    #[error(
        "密钥文件{file}中的{key}不是数据库{database}所用的密钥：请恢复本套系统的密钥文件 / the key {key:?} in {file} is not the one that the database {database} was written with: restore this installation's key file"
    )]
    OtherKey {
        file: PathBuf,
        key: String,
        database: String,
    },
    #[error(
        "密钥文件{file}打不开数据库{database}中的数据（{reason}）：请恢复本套系统的密钥文件 / the key file {file} cannot decrypt the data in the database {database} ({reason}): restore this installation's key file"
    )]
    DoesNotOpen {
        file: PathBuf,
        database: String,
        reason: String,
    },
    #[error(
        "数据库{database}的表结构尚未建立或版本较旧：请运行 lutong migrate {service} / the schema of {database} is not there yet, or older than this build: run `lutong migrate {service}`"
    )]
    NotMigrated { database: String, service: ServiceName },
}

impl InstallationError {
    /// Whether waiting may help: the database is away, or not migrated yet.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::NotMigrated { .. }
                | Self::Storage(StorageError::Unavailable(_) | StorageError::Contended | StorageError::Full)
        )
    }
}

/// A service and the name of its database, without the password.
#[derive(Debug, Clone)]
pub struct ServiceDatabase {
    pub service: ServiceName,
    database: String,
}

impl ServiceDatabase {
    pub fn new(service: ServiceName, config: &StorageConfig) -> Self {
        let url = config.url.expose();
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let rest = rest.split_once('?').map_or(rest, |(before, _)| before);
        let rest = rest.rsplit_once('@').map_or(rest, |(_, after)| after);
        Self {
            service,
            database: format!("{scheme}://{rest}"),
        }
    }

    pub fn database(&self) -> &str {
        &self.database
    }
}

/// Brings a service's schema up to date and records its owner. Another service's database is not changed.
pub async fn migrate<M: Schema>(
    database: &Database,
    target: &ServiceDatabase,
) -> Result<(), InstallationError> {
    let (engine, target) = (database.engine(), target.clone());
    database
        .write(move |transaction| {
            async move {
                crate::lock_migrations(transaction).await?;
                create_table(transaction, engine).await?;
                own(transaction, &target).await?;
                crate::apply::<M>(transaction, engine).await?;
                Ok(())
            }
            .boxed()
        })
        .await
}

async fn create_table(transaction: &DatabaseTransaction, engine: Engine) -> Result<(), StorageError> {
    let bytes = engine.bytes();
    let table = format!(
        "CREATE TABLE IF NOT EXISTS installation (item TEXT NOT NULL PRIMARY KEY, value {bytes} NOT NULL)"
    );
    transaction.execute_unprepared(&table).await?;
    Ok(())
}

async fn has_table(
    connection: &impl ConnectionTrait,
    engine: Engine,
    table: &str,
) -> Result<bool, StorageError> {
    let query = match engine {
        Engine::Sqlite => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1",
        Engine::Postgres => "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = $1",
    };
    let query = Statement::from_sql_and_values(connection.get_database_backend(), query, [table.into()]);
    Ok(connection.query_one_raw(query).await?.is_some())
}

/// Records the owner if there is none.
async fn own(transaction: &DatabaseTransaction, target: &ServiceDatabase) -> Result<(), InstallationError> {
    add(
        transaction,
        vec![(OWNER.to_owned(), target.service.as_str().as_bytes().to_vec())],
    )
    .await?;
    check_owner(&read(transaction).await?, target)
}

async fn add(transaction: &DatabaseTransaction, notes: Vec<(String, Vec<u8>)>) -> Result<(), StorageError> {
    let rows = notes.into_iter().map(|(item, value)| note::ActiveModel {
        item: Set(item),
        value: Set(value),
    });
    note::Entity::insert_many(rows)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

type Notes = BTreeMap<String, Vec<u8>>;

async fn read(connection: &impl ConnectionTrait) -> Result<Notes, StorageError> {
    let rows = note::Entity::find().all(connection).await?;
    Ok(rows.into_iter().map(|row| (row.item, row.value)).collect())
}

fn check_owner(notes: &Notes, target: &ServiceDatabase) -> Result<(), InstallationError> {
    match notes.get(OWNER) {
        Some(owner) if owner != target.service.as_str().as_bytes() => Err(InstallationError::Owner {
            database: target.database.clone(),
            owner: String::from_utf8_lossy(owner).into_owned(),
            service: target.service,
        }),
        _ => Ok(()),
    }
}

/// What a database records about its owner and keys.
#[derive(Debug)]
pub struct Installation {
    target: ServiceDatabase,
    notes: Notes,
    /// Whether the database has data keys.
    closed: bool,
}

impl Installation {
    /// Reads the record and refuses another service's database.
    pub async fn of(database: &Database, target: &ServiceDatabase) -> Result<Self, InstallationError> {
        database.ping().await?;
        let not_migrated = || InstallationError::NotMigrated {
            database: target.database.clone(),
            service: target.service,
        };
        // One transaction, so that the checks see one state of the schema.
        let transaction = database.reader().begin().await.map_err(StorageError::from)?;
        for table in ["installation", "data_keys"] {
            if !has_table(&transaction, database.engine(), table).await? {
                return Err(not_migrated());
            }
        }
        let notes = read(&transaction).await?;
        check_owner(&notes, target)?;
        let closed = FieldCipher::has_data_keys(&transaction).await?;
        Ok(Self {
            target: target.clone(),
            notes,
            closed,
        })
    }

    /// Like [`Self::of`], and also refuses a schema older than this build's.
    pub async fn of_current<M: Schema>(
        database: &Database,
        target: &ServiceDatabase,
    ) -> Result<Self, InstallationError> {
        let installed = Self::of(database, target).await?;
        if crate::is_current::<M>(database).await? {
            return Ok(installed);
        }
        Err(InstallationError::NotMigrated {
            database: target.database.clone(),
            service: target.service,
        })
    }

    /// Whether the database was already used with keys: then a missing key file is a lost one.
    pub fn has_keys(&self) -> bool {
        self.closed || self.notes.keys().any(|item| item.starts_with(KEY))
    }

    /// Opens the key file. Creates it only if `make` is given and the database records no keys.
    pub fn key_file(
        &self,
        path: &Path,
        names: &[&str],
        make: Option<&dyn lutong_kernel::Random>,
    ) -> Result<KeyFile, InstallationError> {
        if !path.exists() && self.has_keys() {
            return Err(InstallationError::Lost {
                file: path.to_owned(),
                database: self.target.database.clone(),
            });
        }
        Ok(match make {
            Some(random) => KeyFile::open(path, names, random)?,
            None => KeyFile::open_existing(path, names)?,
        })
    }

    /// Compares keys with the recorded ones, without changing anything.
    pub fn check_keys(&self, keys: &KeyFile) -> Result<(), InstallationError> {
        for (name, key) in keys.iter() {
            let noted = self.notes.get(&format!("{KEY}{name}"));
            if noted.is_some_and(|noted| noted[..] != check_value(name, key)[..]) {
                return Err(InstallationError::OtherKey {
                    file: keys.path().to_owned(),
                    key: name.to_owned(),
                    database: self.target.database.clone(),
                });
            }
        }
        Ok(())
    }

    /// Checks that the stored data keys open with these keys.
    pub async fn check_fields(&self, keys: &KeyFile, fields: &FieldCipher) -> Result<(), InstallationError> {
        fields.check().await.map_err(|error| match error {
            CipherError::Storage(error) => InstallationError::Storage(error),
            other => InstallationError::DoesNotOpen {
                file: keys.path().to_owned(),
                database: self.target.database.clone(),
                reason: other.to_string(),
            },
        })
    }

    /// Checks keys against the record and the stored data keys, and records new ones.
    pub async fn admit(
        mut self,
        database: &Database,
        keys: &KeyFile,
        fields: &FieldCipher,
    ) -> Result<(), InstallationError> {
        self.check_keys(keys)?;
        self.check_fields(keys, fields).await?;
        let new: Vec<_> = keys
            .iter()
            .filter(|(name, _)| !self.notes.contains_key(&format!("{KEY}{name}")))
            .map(|(name, key)| (format!("{KEY}{name}"), check_value(name, key).to_vec()))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        // If two processes start together, one row wins and both compare with it.
        self.notes = database
            .write(move |transaction| {
                async move {
                    add(transaction, new).await?;
                    read(transaction).await
                }
                .boxed()
            })
            .await?;
        self.check_keys(keys)
    }
}

fn check_value(name: &str, key: &crate::crypto::Key) -> [u8; 32] {
    keyed_hash(key, format!("lutong-key-check/1\n{name}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lutong_kernel::Secret;

    #[test]
    fn a_database_is_named_without_its_password() {
        for (url, named) in [
            (
                "postgres://lutong:p@ss@db:5432/identity?sslmode=require",
                "postgres://db:5432/identity",
            ),
            (
                "sqlite:///var/lib/lutong/db/identity.db",
                "sqlite:///var/lib/lutong/db/identity.db",
            ),
            ("", "://"),
        ] {
            let config = StorageConfig {
                url: Secret::new(url.to_owned()),
                ..StorageConfig::default()
            };
            assert_eq!(
                ServiceDatabase::new(ServiceName::Identity, &config).database(),
                named
            );
        }
    }
}
