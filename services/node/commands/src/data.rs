//! The data folder of the single process, for commands that work on it directly.

use std::path::Path;

use clap::Args;
use lutong_chassis::KeyFolder;
use lutong_composition::config::NodeConfig;
use lutong_composition::one_process;
use lutong_kernel::ServiceName;
use lutong_storage::StorageConfig;

use super::Settings;
use lutong_client::Failure;

/// Which data folder, and whether it may be created.
#[derive(Debug, Clone, Args)]
pub struct DataFolder {
    #[command(flatten)]
    pub settings: Settings,
    /// Create the data folder or database if it does not exist.
    #[arg(long)]
    create: bool,
}

/// A service's database and keys.
pub struct ServiceData {
    pub config: NodeConfig,
    pub storage: StorageConfig,
    pub keys: KeyFolder,
}

impl DataFolder {
    /// The configuration, database and keys of a service. A missing folder or database is an error: a mistyped `--data`
    /// would otherwise create an empty one that nothing serves from.
    pub fn open(&self, service: ServiceName) -> Result<ServiceData, Failure> {
        let config = self.settings.load(false)?;
        if !config.storage.url.expose().is_empty() {
            return Ok(ServiceData {
                storage: config.storage.clone(),
                keys: KeyFolder::given(&config.keys),
                config,
            });
        }
        check(&config.data, service, self.create)?;
        one_process::prepare(&config.data)?;
        Ok(ServiceData {
            storage: one_process::storage(&config.data, service),
            keys: one_process::keys(&config.data),
            config,
        })
    }
}

/// An error if the data folder does not exist.
pub fn check_folder(data: &Path) -> Result<(), Failure> {
    if data.is_dir() {
        return Ok(());
    }
    let data = data.display();
    Err(Failure::Input(lang!(
        "没有数据目录 {data}：请用 --data 指明 `lutong serve` 所用的目录，或用 --create 新建",
        "there is no data folder {data}: name the folder that `lutong serve` uses with --data, or create it with --create"
    )))
}

fn check(data: &Path, service: ServiceName, create: bool) -> Result<(), Failure> {
    if create {
        return Ok(());
    }
    check_folder(data)?;
    let database = data.join("db").join(format!("{service}.db"));
    if database.is_file() {
        return Ok(());
    }
    let database = database.display();
    Err(Failure::Input(lang!(
        "没有数据库 {database}：请用 --data 指明 `lutong serve` 所用的目录，或用 --create 新建",
        "there is no database {database}: name the folder that `lutong serve` uses with --data, or create it with --create"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_or_database_that_is_not_there_is_refused_unless_it_is_to_be_made() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let refused = |what: &str| {
            let Err(Failure::Input(reason)) = check(&data, ServiceName::Identity, false) else {
                panic!("{what} was not missed");
            };
            assert!(reason.contains(what) && reason.contains("--create"), "{reason}");
        };
        refused("data");
        assert!(!data.exists(), "nothing was made");
        std::fs::create_dir_all(data.join("db")).unwrap();
        refused("identity.db");
        check(&data, ServiceName::Identity, true).unwrap();
        std::fs::write(data.join("db/identity.db"), "").unwrap();
        check(&data, ServiceName::Identity, false).unwrap();
    }
}
