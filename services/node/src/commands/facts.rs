//! `facts`: what a feed reports, what is pulled, and undoing it.

mod file;
mod import;
mod pulls;

use clap::{Args, Subcommand};
use lutong_proto::risk_rules::v1::RollBackFeedRequest;
use lutong_proto::risk_rules::v1::rollback_service_client::RollbackServiceClient;

use super::Failure;
use super::client::{Target, failed, to_json};
pub use import::send;

#[derive(Debug, Subcommand)]
pub enum Facts {
    /// Import a file of facts (.ndjson, .csv; UTF-8, CSV also GB18030).
    Import(import::Import),
    /// The databases that are asked on a schedule: how far each is, when it last went well.
    Pulls(pulls::Pulls),
    /// Ask one of them now, and wait until it has been asked.
    Pull(pulls::PullNow),
    /// Undo what a feed reported in a span of time.
    Rollback(Rollback),
}

#[derive(Debug, Args)]
pub struct Rollback {
    /// The feed.
    source: String,
    /// From this instant of recording on (RFC 3339).
    #[arg(long)]
    from: String,
    /// Until before this one.
    #[arg(long)]
    until: String,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Only count.
    #[arg(long)]
    dry_run: bool,
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Rollback {
    async fn run(self) -> Result<(), Failure> {
        let instant = |text: &str, name: &str| {
            let at = lutong_kernel::Timestamp::parse(text);
            at.map(|at| lutong_proto::time::from_micros(at.micros()))
                .map_err(|error| Failure::Input(format!("--{name}: {error}")))
        };
        let request = RollBackFeedRequest {
            from_time: Some(instant(&self.from, "from")?),
            until_time: Some(instant(&self.until, "until")?),
            source: self.source,
            reason: self.reason,
            dry_run: self.dry_run,
        };
        let mut client = RollbackServiceClient::new(self.target.calls_for("facts rollback").await?);
        let answer = client
            .roll_back_feed(request)
            .await
            .map_err(|status| failed(&status))?;
        let undone = answer.into_inner();
        if self.json {
            say!(
                "{}",
                to_json("lutong.risk_rules.v1.RollBackFeedResponse", &undone)
            );
        } else {
            say!(
                "{} 人 subjects, {} 撤回 retracted, {} 恢复 stated anew, {} 重新决定 decided anew, {}",
                undone.subjects,
                undone.retracted,
                undone.restated,
                undone.redecided,
                if undone.in_force { "in force" } else { "pending" }
            );
        }
        Ok(())
    }
}

impl Facts {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Import(import) => import.run().await,
            Self::Pulls(pulls) => pulls.run().await,
            Self::Pull(pull) => pull.run().await,
            Self::Rollback(rollback) => rollback.run().await,
        }
    }
}
