//! `audit list`, `audit verify`: who did what, and that nobody changed, removed or reordered a decision or a record of it.

mod decisions;
mod logs;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Failure;
use super::client::Target;

#[derive(Debug, Subcommand)]
pub enum Audit {
    /// List recorded calls, refused ones too, the newest first.
    List(logs::List),
    /// Check every subject's chain of decisions and the audit log of every service; or one subject, or a sealed day.
    Verify(Verify),
}

#[derive(Debug, Args)]
pub struct Verify {
    /// The decisions about one subject only.
    #[arg(long, conflicts_with = "day")]
    subject: Option<String>,
    /// The decisions of a sealed day (YYYY-MM-DD) instead.
    #[arg(long)]
    day: Option<String>,
    /// A file with the ends of the audit logs: what it holds must still be there, and what is found now is written to it.
    /// Kept away from the databases it shows that nothing was put back.
    #[arg(long, conflicts_with_all = ["subject", "day"])]
    heads: Option<std::path::PathBuf>,
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Audit {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run().await,
            Self::Verify(verify) => verify.run().await,
        }
    }
}

impl Verify {
    async fn run(self) -> Result<(), Failure> {
        let calls = self.target.calls().await?;
        if let Some(day) = &self.day {
            return decisions::verify_day(calls, day, self.json).await;
        }
        let everything = self.subject.is_none();
        let chains = decisions::Chains::check(calls.clone(), self.subject).await?;
        let logs = if everything {
            logs::check(&calls, self.heads.as_deref()).await?
        } else {
            Vec::new()
        };
        let mut said = chains.json();
        if self.json {
            if everything {
                said["logs"] = json!(logs.iter().map(logs::Log::json).collect::<Vec<_>>());
            }
            say!("{said}");
        } else {
            chains.say();
            logs.iter().for_each(logs::Log::say);
        }
        if chains.are_intact() && logs.iter().all(logs::Log::is_intact) {
            Ok(())
        } else {
            Err(Failure::Failed)
        }
    }
}
