//! A service's database: that it is its own, and that its key file opens it.

use std::time::Duration;

use lutong_chassis::KeyFolder;
use lutong_kernel::ServiceName;
use lutong_storage::crypto::{FieldCipher, KeyFile};
use lutong_storage::installation::{Installation, InstallationError, Place};
use lutong_storage::{Database, StorageConfig};
use std::sync::Arc;

use super::{Findings, NoRandom, key_file};
use crate::keys;

/// A database that takes longer is away.
const PATIENCE: Duration = Duration::from_secs(5);

pub async fn check(service: ServiceName, storage: &StorageConfig, keys: &KeyFolder, findings: &mut Findings) {
    let place = Place::new(service, storage);
    let read = async {
        let database = Database::connect(storage).await?;
        let installed = Installation::of(&database, &place).await?;
        Ok::<_, InstallationError>((database, installed))
    };
    let (database, installed) = match tokio::time::timeout(PATIENCE, read).await {
        Ok(Ok(found)) => found,
        // One process migrates at its start.
        Ok(Err(InstallationError::NotMigrated { .. })) if is_made(storage) => return,
        Ok(Err(error)) if error.may_pass() => {
            key_file(service, keys, findings);
            return findings.warn(format_args!("{service}: {error}"));
        }
        Ok(Err(error)) => {
            key_file(service, keys, findings);
            return findings.refuse(format_args!("{service}: {error}"));
        }
        Err(_) => {
            key_file(service, keys, findings);
            return findings.warn(format_args!(
                "{service}: 数据库 {0} 没有应答 / the database {0} does not answer",
                place.database()
            ));
        }
    };
    // Where the database knows no keys yet, one process makes the file.
    let path = keys.file(service);
    if !installed.has_keys() && !path.exists() && is_made(storage) {
        return;
    }
    let opened = installed.key_file(&path, &keys::names(service), None);
    let checked = match &opened {
        Ok(file) => compare(&installed, &database, file).await,
        Err(_) => Ok(()),
    };
    for error in opened.err().into_iter().chain(checked.err()) {
        findings.refuse(format_args!("{service}: {error}"));
    }
}

fn is_made(storage: &StorageConfig) -> bool {
    storage.url.expose().starts_with("sqlite:")
}

async fn compare(
    installed: &Installation,
    database: &Database,
    file: &KeyFile,
) -> Result<(), InstallationError> {
    installed.check_keys(file)?;
    let fields = FieldCipher::new(database.clone(), file, Arc::new(NoRandom));
    installed.check_fields(file, &fields).await
}
