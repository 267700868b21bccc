//! `audit verify`: nobody changed, removed or reordered a decision.

use std::io::IsTerminal as _;

use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use lutong_proto::risk_rules::v1::history_service_client::HistoryServiceClient;
use lutong_proto::risk_rules::v1::{VerifyDayRequest, VerifyDayResponse, VerifyHistoryRequest};
use serde_json::json;

use super::Failure;
use super::client::{Calls, Target, failed, to_json};

#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Check every subject's chain of decisions, or one's, or a sealed day.
    Verify(Verify),
}

#[derive(Debug, Args)]
pub struct Verify {
    /// One subject only.
    #[arg(long, conflicts_with = "day")]
    subject: Option<String>,
    /// A sealed day (YYYY-MM-DD) instead.
    #[arg(long)]
    day: Option<String>,
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Audit {
    pub async fn run(self) -> Result<(), Failure> {
        let Self::Verify(verify) = self;
        let client = HistoryServiceClient::new(verify.target.calls_for("audit verify").await?);
        match &verify.day {
            Some(day) => verify_day(client, day, verify.json).await,
            None => verify.chains(client).await,
        }
    }
}

impl Verify {
    async fn chains(self, mut client: HistoryServiceClient<Calls>) -> Result<(), Failure> {
        let (mut subjects, mut intact, mut erased, mut breaks) = (0, 0, 0, Vec::new());
        let bar = if std::io::stderr().is_terminal() {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        };
        let mut request = VerifyHistoryRequest {
            subject_id: self.subject.unwrap_or_default(),
            ..VerifyHistoryRequest::default()
        };
        loop {
            let answer = client
                .verify_history(request.clone())
                .await
                .map_err(|status| failed(&status))?;
            let answer = answer.into_inner();
            subjects += answer.subjects;
            intact += answer.intact;
            erased += answer.erased;
            breaks.extend(answer.breaks);
            bar.set_message(format!("{subjects}"));
            bar.tick();
            if answer.next_page_token.is_empty() {
                break;
            }
            request.page_token = answer.next_page_token;
        }
        bar.finish_and_clear();
        if self.json {
            let breaks: Vec<_> = breaks
                .iter()
                .map(|one| to_json("lutong.risk_rules.v1.HistoryBreak", one))
                .collect();
            println!(
                "{}",
                json!({"subjects": subjects, "intact": intact, "erased": erased, "breaks": breaks})
            );
        } else {
            for one in &breaks {
                println!("{} v{}: {:?}", one.subject_id, one.version, one.kind());
            }
            println!(
                "{subjects} 人 subjects: {intact} 完好 intact, {erased} 已依法删除 erased, {} 异常 broken",
                breaks.len()
            );
        }
        if breaks.is_empty() {
            Ok(())
        } else {
            Err(Failure::Failed)
        }
    }
}

async fn verify_day(mut client: HistoryServiceClient<Calls>, day: &str, json: bool) -> Result<(), Failure> {
    let request = VerifyDayRequest { day: day.to_owned() };
    let answer = client
        .verify_day(request)
        .await
        .map_err(|status| failed(&status))?;
    let day: VerifyDayResponse = answer.into_inner();
    if json {
        println!("{}", to_json("lutong.risk_rules.v1.VerifyDayResponse", &day));
    } else {
        let state = if day.intact {
            "完好 intact"
        } else {
            "异常 BROKEN"
        };
        println!(
            "{}: {state}; 封存 sealed {}, 现存 found {}, root {}",
            day.day, day.sealed, day.found, day.root
        );
        if !day.broken_buckets.is_empty() {
            println!(
                "  subject ids ending in the bytes {:02x?} differ",
                day.broken_buckets
            );
        }
    }
    if day.intact { Ok(()) } else { Err(Failure::Failed) }
}
