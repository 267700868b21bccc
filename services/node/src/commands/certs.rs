//! `certs dev`: a development authority and a certificate a service.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use lutong_chassis::tls;

use super::Failure;

#[derive(Debug, Subcommand)]
pub enum Certs {
    /// Make a development authority and certificates for every service.
    Dev(Dev),
}

#[derive(Debug, Args)]
pub struct Dev {
    /// Folder to write into; existing files are never replaced.
    #[arg(default_value = "./lutong-certs")]
    folder: PathBuf,
}

impl Certs {
    pub fn run(self) -> Result<(), Failure> {
        let Self::Dev(dev) = self;
        let written = tls::write_development_certificates(&dev.folder)?;
        say!("{} files in {}", written.len(), dev.folder.display());
        Ok(())
    }
}
