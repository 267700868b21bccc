//! `keys init`: the key files of the mesh.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use lutong_chassis::entropy::Entropy;

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
        say!(
            "the key files are in {}: keep them safe, what they closed cannot be opened without them",
            init.folder.display()
        );
        Ok(())
    }
}
