//! `audit`: who did what, and that nobody changed, removed or reordered a decision or a record of it.

mod days;
mod heads;
mod list;
mod logs;

use clap::{Args, Subcommand};
use lutong_kernel::ServiceName;
use lutong_proto::types::v1::PurposeCode;
use serde_json::json;

use super::history_verifications;
use lutong_client::Failure;
use lutong_client::noun::Sent;
use lutong_client::why::Why;

/// The services that record calls.
const RECORDING: [ServiceName; 3] = [
    ServiceName::Identity,
    ServiceName::Declaration,
    ServiceName::RiskRules,
];

#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Recorded calls, refused ones too, the newest first.
    List(list::List),
    /// Check every subject's chain of decisions and the audit log of every service; or a sealed day.
    Verify(Verify),
}

#[derive(Debug, Args)]
pub struct Verify {
    /// The decisions of a sealed day (YYYY-MM-DD) instead.
    #[arg(long)]
    day: Option<String>,
    /// A file with the ends of the audit logs: what it holds must still be there, and what is found now is written to it.
    /// Kept away from the databases it shows that nothing was put back.
    #[arg(long, conflicts_with = "day")]
    heads: Option<std::path::PathBuf>,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    sent: Sent,
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
    /// With `--json` the answers of what was asked, side by side: no one answer of the API holds them.
    async fn run(self) -> Result<(), Failure> {
        if let Some(day) = &self.day {
            return days::verify(&self.sent.shown, day).await;
        }
        let purpose = self.why.json(PurposeCode::Audit);
        let chains = history_verifications::everybodys(purpose, &self.sent).await?;
        let api = self.sent.shown.target.api().await?;
        let logs = logs::check(&api, self.heads.as_deref()).await?;
        if self.sent.shown.json {
            let all: Vec<_> = logs.iter().map(logs::Log::json).collect();
            let chains = &chains["history_verification"];
            say!("{}", json!({"history_verification": chains, "logs": all}));
        } else {
            history_verifications::say(&chains);
            logs::say(&logs);
        }
        history_verifications::judge(&chains)?;
        if logs.iter().all(logs::Log::is_intact) {
            Ok(())
        } else {
            Err(Failure::Failed)
        }
    }
}
