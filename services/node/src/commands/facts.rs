//! `facts`: what a feed reports, what is pulled, and undoing it.

mod file;
mod import;
mod kinds;
mod pulls;
mod rollback;

use clap::Subcommand;

use super::Failure;
pub use import::{send, state};

#[derive(Debug, Subcommand)]
pub enum Facts {
    /// Import a file of facts (.ndjson, .csv; UTF-8, CSV also GB18030).
    Import(import::Import),
    /// What can be reported: kinds, attributes, values, and who reports them.
    Kinds(kinds::Kinds),
    /// The databases that are asked on a schedule: how far each is, when it last went well.
    Pulls(pulls::Pulls),
    /// Ask one of them now, and wait until it has been asked.
    Pull(pulls::PullNow),
    /// Undo what a feed reported in a span of time: proposed by one, approved by another.
    #[command(subcommand)]
    Rollback(rollback::Rollbacks),
}

impl Facts {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Import(import) => import.run().await,
            Self::Kinds(kinds) => kinds.run().await,
            Self::Pulls(pulls) => pulls.run().await,
            Self::Pull(pull) => pull.run().await,
            Self::Rollback(rollback) => rollback.run().await,
        }
    }
}
