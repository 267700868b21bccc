//! `keys`: the key files of the mesh, and the keys that sign tokens and lists, in code-rendering's own database. A change is noticed by
//! every process within a minute.

mod signing;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use lutong_operating::entropy::Entropy;

use lutong_client::Failure;

#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Create the missing key files of all services.
    Init(Init),
    /// List the keys that sign tokens and lists. A door is set up with the public key of a key for lists.
    List(signing::List),
    /// Announce a key beside the present ones. It signs once every door knows it.
    Create(signing::Announce),
    /// Announce a key that replaces the present ones. They verify what they signed until that has expired.
    Rotate(signing::Announce),
    /// Revoke a key: nothing that it ever signed is accepted any more.
    Revoke(signing::Revoke),
}

#[derive(Debug, Args)]
pub struct Init {
    /// Folder to write to; existing files are never overwritten.
    #[arg(default_value = "./lutong-keys")]
    folder: PathBuf,
}

impl Keys {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Init(init) => init.run(),
            Self::List(list) => list.run().await,
            Self::Create(announce) => announce.run(false).await,
            Self::Rotate(announce) => announce.run(true).await,
            Self::Revoke(revoke) => revoke.run().await,
        }
    }
}

impl Init {
    fn run(&self) -> Result<(), Failure> {
        lutong_composition::keys::init(&self.folder, &Entropy)?;
        let folder = self.folder.display();
        tell!(
            "密钥文件在 {folder}：请妥善保管，用它们加密的内容没有它们打不开",
            "the key files are in {folder}: keep them safe, data encrypted with them cannot be decrypted without them"
        );
        Ok(())
    }
}
