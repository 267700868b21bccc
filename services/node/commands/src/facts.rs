//! `facts`: reports of a feed.

mod file;
mod import;

use clap::Subcommand;

use lutong_client::Failure;

#[derive(Debug, Subcommand)]
pub enum Facts {
    /// Import a file of facts (.ndjson, .csv; UTF-8, CSV also GB18030).
    Import(import::Import),
}

impl Facts {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Import(import) => import.run().await,
        }
    }
}
