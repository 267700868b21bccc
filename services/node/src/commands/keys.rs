//! `keys init`: the key files of the mesh.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use lutong_operating::entropy::Entropy;

use super::Failure;

#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make the key files of every service that are not there yet.
    Init(Init),
}

#[derive(Debug, Args)]
pub struct Init {
    /// Folder to write into; existing files are never replaced.
    #[arg(default_value = "./lutong-keys")]
    folder: PathBuf,
}

impl Keys {
    pub fn run(self) -> Result<(), Failure> {
        let Self::Init(init) = self;
        lutong_node::keys::init(&init.folder, &Entropy)?;
        let folder = init.folder.display();
        tell!(
            "密钥文件在 {folder}：请妥善保管，用它们加密的内容没有它们打不开",
            "the key files are in {folder}: keep them safe, what they closed cannot be opened without them"
        );
        Ok(())
    }
}
