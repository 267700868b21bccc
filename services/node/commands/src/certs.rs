//! `certs`: development certificates for services, the gateway's listeners for staff and for partners, accounts and partners.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use lutong_identity::AccountId;
use lutong_kernel::{Clock as _, Timestamp};
use lutong_operating::tls::{TlsError, development};
use lutong_operating::wall_clock::WallClock;

use lutong_client::Failure;
use lutong_client::output::{in_language, pick_language};

#[derive(Debug, Subcommand)]
pub enum Certs {
    /// Create the development CAs of the mesh, of the operators and of the partners, certificates for every service, and
    /// those of the gateway's listeners for staff and feeds, and for partners.
    Dev(Dev),
    /// Create a certificate and key for a staff or feed account, signed by the operators' development CA.
    Account(Account),
    /// Create a certificate and key for a partner, with which it calls and is called, signed by the partners' development CA.
    Partner(Partner),
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

#[derive(Debug, Args)]
pub struct Partner {
    /// The partner's host, one of its `tls_names` in the trust list.
    host: String,
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
            Self::Partner(partner) => partner.run(),
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
        issue(self.days, |now, holds| {
            development::write_account_certificate(&self.folder, account.as_str(), now, holds)
        })
    }
}

impl Partner {
    fn run(self) -> Result<(), Failure> {
        issue(self.days, |now, holds| {
            development::write_partner_certificate(&self.folder, &self.host, now, holds)
        })
    }
}

/// Writes a certificate, and says where it is and how long it is valid.
fn issue(
    days: u32,
    write: impl FnOnce(Timestamp, Duration) -> Result<[PathBuf; 2], TlsError>,
) -> Result<(), Failure> {
    let holds = Duration::from_secs(u64::from(days) * 86_400);
    let now = WallClock.now();
    let written = write(now, holds);
    let [certificate, key] = written.map_err(|error| Failure::Input(pick_language(&error.to_string())))?;
    say!(
        "{}\n{}\n{}: {}",
        certificate.display(),
        key.display(),
        in_language("有效至", "valid until"),
        now.plus(holds).to_rfc3339()
    );
    Ok(())
}
