//! `audit`: recorded calls, and the proof that no decision or record was changed, removed or reordered.

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
use lutong_client::noun::ChangeArgs;
use lutong_client::why::Why;

/// The services that record calls.
const RECORDING: [ServiceName; 6] = [
    ServiceName::Identity,
    ServiceName::Declaration,
    ServiceName::RiskRules,
    ServiceName::CodeRendering,
    ServiceName::Complaint,
    ServiceName::Federation,
];

#[derive(Debug, Subcommand)]
pub enum Audit {
    /// List recorded calls, including refused ones, newest first.
    List(list::List),
    /// Verify every subject's chain of decisions and every service's audit log; or one sealed day.
    Verify(Verify),
}

#[derive(Debug, Args)]
pub struct Verify {
    /// Verify the decisions of this sealed day (YYYY-MM-DD) instead.
    #[arg(long)]
    day: Option<String>,
    /// A file with the heads of the audit logs: the heads in it must still exist, and the current ones are written to
    /// it. Kept away from the databases, it proves that no older log was restored.
    #[arg(long, conflicts_with = "day")]
    heads: Option<std::path::PathBuf>,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    change: ChangeArgs,
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
    /// With `--json` prints the answers of several calls in one object.
    async fn run(self) -> Result<(), Failure> {
        if let Some(day) = &self.day {
            return days::verify(&self.change.call, day).await;
        }
        let purpose = self.why.json(PurposeCode::Audit);
        let chains = history_verifications::verify_everyone(purpose, &self.change).await?;
        let api = self.change.call.target.api().await?;
        let logs = logs::check(&api, self.heads.as_deref()).await?;
        if self.change.call.json {
            let all: Vec<_> = logs.iter().map(logs::Log::json).collect();
            let chains = &chains["history_verification"];
            say!("{}", json!({"history_verification": chains, "logs": all}));
        } else {
            history_verifications::say(&chains);
            logs::say(&logs);
        }
        history_verifications::fail_if_broken(&chains)?;
        if logs.iter().all(logs::Log::is_intact) {
            Ok(())
        } else {
            Err(Failure::Failed)
        }
    }
}
