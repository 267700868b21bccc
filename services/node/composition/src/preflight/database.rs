//! Checks that a database belongs to its service and that the key file opens it.

use std::time::Duration;

use lutong_chassis::KeyFolder;
use lutong_kernel::ServiceName;
use lutong_storage::crypto::{FieldCipher, KeyFile};
use lutong_storage::installation::{Installation, InstallationError, ServiceDatabase};
use lutong_storage::{Database, StorageConfig};
use std::sync::Arc;

use super::{NoRandom, key_file};
use crate::findings::Findings;
use crate::keys;

/// A database that takes longer counts as away.
const PATIENCE: Duration = Duration::from_secs(5);

pub async fn check(service: ServiceName, storage: &StorageConfig, keys: &KeyFolder, findings: &mut Findings) {
    let target = ServiceDatabase::new(service, storage);
    let read = async {
        let database = Database::connect(storage).await?;
        let installed = Installation::of(&database, &target).await?;
        Ok::<_, InstallationError>((database, installed))
    };
    let (database, installed) = match tokio::time::timeout(PATIENCE, read).await {
        Ok(Ok(found)) => found,
        // The single process migrates at its start.
        Ok(Err(InstallationError::NotMigrated { .. })) if is_sqlite(storage) => return,
        Ok(Err(error)) if error.may_pass() => {
            key_file(service, keys, findings);
            return findings.warn(format_args!("{service}: {error}"));
        }
        Ok(Err(error)) => {
            key_file(service, keys, findings);
            return findings.error(format_args!("{service}: {error}"));
        }
        Err(_) => {
            key_file(service, keys, findings);
            return findings.warn(format_args!(
                "{service}: 数据库 {0} 没有应答 / the database {0} does not answer",
                target.database()
            ));
        }
    };
    // The single process creates the key file of a database without recorded keys.
    let path = keys.file(service);
    if !installed.has_keys() && !path.exists() && is_sqlite(storage) {
        return;
    }
    let opened = installed.key_file(&path, &keys::names(service), None);
    let checked = match &opened {
        Ok(file) => compare(&installed, &database, file).await,
        Err(_) => Ok(()),
    };
    for error in opened.err().into_iter().chain(checked.err()) {
        findings.error(format_args!("{service}: {error}"));
    }
}

fn is_sqlite(storage: &StorageConfig) -> bool {
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
