//! `federation`: partners of mutual recognition, and the trust lists that say who they are.

mod partners;
mod trust;

use clap::Subcommand;

use lutong_client::Failure;

#[derive(Debug, Subcommand)]
pub enum Federation {
    /// Partners and their states: one operator proposes, another approves.
    #[command(subcommand)]
    Partners(partners::Partners),
    /// Trust lists: signed offline with the root key, then staged and activated.
    #[command(subcommand)]
    Trust(trust::Trust),
}

impl Federation {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Partners(partners) => partners.run().await,
            Self::Trust(trust) => trust.run().await,
        }
    }
}
