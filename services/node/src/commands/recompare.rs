//! `recompare`: a run over everyone, begun or looked at.

use clap::Args;
use lutong_proto::risk_rules::v1::recomparison_service_client::RecomparisonServiceClient;
use lutong_proto::risk_rules::v1::{
    FindingKind, GetRecomparisonRequest, Recomparison, RecomparisonState, StartRecomparisonRequest,
};

use super::client::{Calls, Target, failed, new_request_id, to_json};
use super::{Failure, operations};

#[derive(Debug, Args)]
pub struct Recompare {
    /// Look at a run (`latest`, `recomparisons/…` or its id) instead of beginning one.
    #[arg(long)]
    show: Option<String>,
    /// Begin and leave; the run goes on by itself.
    #[arg(long, conflicts_with = "show")]
    detach: bool,
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Recompare {
    /// Ends well when the run is complete and found nothing that must not be, or is under way still.
    pub async fn run(self) -> Result<(), Failure> {
        let calls = self.target.calls().await?;
        let mut client = RecomparisonServiceClient::new(calls.clone());
        let run = if let Some(name) = &self.show {
            get(&mut client, name).await?
        } else {
            let request = StartRecomparisonRequest {
                request_id: new_request_id(),
            };
            let begun = client.start_recomparison(request).await;
            let begun = begun.map_err(|status| failed(&status))?.into_inner();
            let run = begun.recomparison.unwrap_or_default();
            if self.detach {
                run
            } else {
                operations::follow(calls, &begun.operation).await?;
                get(&mut client, &run.name).await?
            }
        };
        if self.json {
            say!("{}", to_json("lutong.risk_rules.v1.Recomparison", &run));
        } else {
            say(&run);
        }
        let wrong = run
            .findings
            .iter()
            .any(|found| found.kind() == FindingKind::Mismatch);
        let is_good = matches!(
            run.state(),
            RecomparisonState::Complete | RecomparisonState::Running
        );
        if wrong || !is_good {
            return Err(Failure::Failed);
        }
        Ok(())
    }
}

async fn get(client: &mut RecomparisonServiceClient<Calls>, name: &str) -> Result<Recomparison, Failure> {
    let name = if name.contains('/') {
        name.to_owned()
    } else {
        format!("recomparisons/{name}")
    };
    let answer = client.get_recomparison(GetRecomparisonRequest { name }).await;
    let answer = answer.map_err(|status| failed(&status))?;
    Ok(answer.into_inner().recomparison.unwrap_or_default())
}

fn say(run: &Recomparison) {
    let state = match run.state() {
        RecomparisonState::Unspecified => "？",
        RecomparisonState::Running => "进行中 under way",
        RecomparisonState::Complete => "完整 complete: each exactly once",
        RecomparisonState::Incomplete => "不完整 INCOMPLETE: not everybody was looked at exactly once",
        RecomparisonState::Cancelled => "已取消 cancelled",
    };
    say!("全量比对 {} {}: {state}", run.name, run.run_date);
    say!(
        "  应比对 expected {}, 已比对 seen {}, 分区 parts {}/{}",
        run.expected,
        run.seen,
        run.parts_done,
        run.parts
    );
    for one in &run.colours {
        say!("  {:?} {}", one.colour(), one.count);
    }
    for found in &run.findings {
        say!(
            "  {:?}: {:?} → {:?}: {}",
            found.kind(),
            found.before(),
            found.after(),
            found.count
        );
    }
}
