//! `certs`: development certificates for services, the gateway's staff listener, and accounts.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use lutong_identity::AccountId;
use lutong_kernel::Clock as _;
use lutong_operating::tls::development;
use lutong_operating::wall_clock::WallClock;

use lutong_client::Failure;
use lutong_client::output::{in_language, pick_language};

#[derive(Debug, Subcommand)]
pub enum Certs {
    /// Create the development CAs of the mesh and of the operators, certificates for every service, and the certificate
    /// of the gateway's listener for staff and feeds.
    Dev(Dev),
    /// Create a certificate and key for a staff or feed account, signed by the operators' development CA.
    Account(Account),
}

#[derive(Debug, Args)]
pub struct Dev {
    /// Folder to write to; existing files are never overwritten.
    #[arg(default_value = "./lutong-certs")]
    folder: PathBuf,
}

#[derive(Debug, Args)]
pub struct Account {
    /// The name of the account, as in `lutong accounts add`.
    #[arg(value_name = "ACCOUNT")]
    name: String,
    /// The folder written by `lutong certs dev`; existing files are never overwritten.
    #[arg(default_value = "./lutong-certs")]
    folder: PathBuf,
    /// Validity in days.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    days: u32,
}

impl Certs {
    pub fn run(self) -> Result<(), Failure> {
        match self {
            Self::Dev(dev) => dev.run(),
            Self::Account(account) => account.run(),
        }
    }
}

impl Dev {
    fn run(self) -> Result<(), Failure> {
        let written = development::write_development_certificates(&self.folder)?;
        let (count, folder) = (written.len(), self.folder.display());
        tell!("{folder} 中写入了 {count} 个文件", "{count} files in {folder}");
        Ok(())
    }
}

impl Account {
    fn run(self) -> Result<(), Failure> {
        let account = AccountId::parse(&self.name)
            .map_err(|wrong| Failure::Input(in_language(&wrong.zh, &wrong.en).to_owned()))?;
        let holds = Duration::from_secs(u64::from(self.days) * 86_400);
        let now = WallClock.now();
        let written = development::write_account_certificate(&self.folder, account.as_str(), now, holds);
        let [certificate, key] =
            written.map_err(|error| Failure::Input(pick_language(&error.to_string())))?;
        say!(
            "{}\n{}\n{}: {}",
            certificate.display(),
            key.display(),
            in_language("有效至", "valid until"),
            now.plus(holds).to_rfc3339()
        );
        Ok(())
    }
}
