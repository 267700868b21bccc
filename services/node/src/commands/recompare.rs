//! `recompare`: a run over everyone, begun or looked at.

use std::io::IsTerminal as _;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use lutong_proto::risk_rules::v1::recomparison_service_client::RecomparisonServiceClient;
use lutong_proto::risk_rules::v1::{
    FindingKind, GetRecomparisonRequest, Recomparison, StartRecomparisonRequest,
};

use super::Failure;
use super::client::{Calls, Target, failed, to_json};

const POLL: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
pub struct Recompare {
    /// Look at a run (0: the newest) instead of beginning one.
    #[arg(long)]
    show: Option<i64>,
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
        let mut client = RecomparisonServiceClient::new(self.target.calls().await?);
        let run = if let Some(run) = self.show {
            get(&mut client, run).await?
        } else {
            let begun = client.start_recomparison(StartRecomparisonRequest {}).await;
            let begun = begun.map_err(|status| failed(&status))?.into_inner();
            let run = begun.recomparison.unwrap_or_default();
            if self.detach {
                run
            } else {
                follow(&mut client, run).await?
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
        if run.finish_time.is_some() && (wrong || !run.complete) {
            return Err(Failure::Failed);
        }
        Ok(())
    }
}

async fn get(client: &mut RecomparisonServiceClient<Calls>, run: i64) -> Result<Recomparison, Failure> {
    let request = GetRecomparisonRequest { recomparison_id: run };
    let answer = client
        .get_recomparison(request)
        .await
        .map_err(|status| failed(&status))?;
    Ok(answer.into_inner().recomparison.unwrap_or_default())
}

async fn follow(
    client: &mut RecomparisonServiceClient<Calls>,
    begun: Recomparison,
) -> Result<Recomparison, Failure> {
    let parts = u64::try_from(begun.parts).unwrap_or_default();
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::new(parts)
    } else {
        ProgressBar::hidden()
    };
    if let Ok(style) = ProgressStyle::with_template("全量比对 {bar:40} {pos}/{len} {elapsed}") {
        bar.set_style(style);
    }
    loop {
        let run = get(client, begun.recomparison_id).await?;
        bar.set_position(u64::try_from(run.parts_done).unwrap_or_default());
        if run.finish_time.is_some() {
            bar.finish_and_clear();
            return Ok(run);
        }
        tokio::time::sleep(POLL).await;
    }
}

fn say(run: &Recomparison) {
    let day = if run.day.is_empty() {
        String::new()
    } else {
        format!(" {}", run.day)
    };
    let state = match (run.finish_time.is_some(), run.complete) {
        (false, _) => "进行中 under way",
        (true, true) => "完整 complete: each exactly once",
        (true, false) => "不完整 INCOMPLETE: not everybody was looked at exactly once",
    };
    say!("全量比对 run {}{day}: {state}", run.recomparison_id);
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
