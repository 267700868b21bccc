//! `people`: applications of an organisation for its people.

mod bulk;
mod report;

use clap::Subcommand;

use lutong_client::Failure;

#[derive(Debug, Subcommand)]
pub enum People {
    /// Apply for everybody in a file (CSV in UTF-8 or GB18030, or XLSX).
    Bulk(bulk::Bulk),
}

impl People {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Bulk(bulk) => bulk.run().await,
        }
    }
}
