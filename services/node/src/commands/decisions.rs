//! `decisions`: what was decided about somebody, and the proof that it comes out again.

use clap::{Args, Subcommand};
use lutong_proto::risk_rules::v1::history_service_client::HistoryServiceClient;
use lutong_proto::risk_rules::v1::{Decision, InspectDecisionsRequest, ReplayDecisionRequest};
use lutong_proto::types::v1::{Purpose, PurposeCode};

use super::Failure;
use super::client::{Target, failed, to_json};

#[derive(Debug, Subcommand)]
pub enum Decisions {
    /// Show the decisions about a subject, the newest first.
    Show(Show),
    /// Make a past decision again from what was known then, and compare it bit for bit.
    Replay(Replay),
}

#[derive(Debug, Args)]
pub struct Show {
    subject_id: String,
    /// Decisions at the most.
    #[arg(long, default_value_t = 20)]
    most: i32,
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub struct Replay {
    subject_id: String,
    /// The decision's version.
    version: i64,
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Decisions {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Show(show) => show.run().await,
            Self::Replay(replay) => replay.run().await,
        }
    }
}

/// What past decisions are looked at for.
fn purpose() -> Option<Purpose> {
    Some(Purpose {
        code: PurposeCode::Audit.into(),
        reference: String::new(),
    })
}

impl Show {
    async fn run(self) -> Result<(), Failure> {
        let mut client = HistoryServiceClient::new(self.target.calls().await?);
        let request = InspectDecisionsRequest {
            subject_id: self.subject_id,
            purpose: purpose(),
            page_size: self.most,
            page_token: String::new(),
        };
        let answer = client
            .inspect_decisions(request)
            .await
            .map_err(|status| failed(&status))?;
        let answer = answer.into_inner();
        if self.json {
            say!(
                "{}",
                to_json("lutong.risk_rules.v1.InspectDecisionsResponse", &answer)
            );
            return Ok(());
        }
        for decision in &answer.decisions {
            say(decision);
        }
        Ok(())
    }
}

impl Replay {
    async fn run(self) -> Result<(), Failure> {
        let mut client = HistoryServiceClient::new(self.target.calls().await?);
        let request = ReplayDecisionRequest {
            name: format!("subjects/{}/decisions/{}", self.subject_id, self.version),
            purpose: purpose(),
        };
        let answer = client
            .replay_decision(request)
            .await
            .map_err(|status| failed(&status))?;
        let answer = answer.into_inner();
        if self.json {
            say!(
                "{}",
                to_json("lutong.risk_rules.v1.ReplayDecisionResponse", &answer)
            );
        } else {
            for (what, decision) in [
                ("存储 stored", &answer.stored),
                ("重放 replayed", &answer.replayed),
            ] {
                say!("{what}:");
                decision.iter().for_each(say);
            }
            let verdict = if answer.identical {
                "一致 identical"
            } else {
                "不一致 DIFFERENT"
            };
            say!("{verdict}");
        }
        if answer.identical {
            Ok(())
        } else {
            Err(Failure::Failed)
        }
    }
}

fn say(decision: &Decision) {
    let at = decision
        .evaluate_time
        .as_ref()
        .map(lutong_proto::time::to_micros)
        .unwrap_or_default();
    say!(
        "  v{} {:?} {} {} version {}",
        decision.version,
        decision.colour(),
        lutong_kernel::Timestamp::from_micros(at),
        decision.rule_set,
        decision.rule_set_version
    );
    for citation in &decision.citations {
        let reason = citation.reason.clone().unwrap_or_default();
        let sources: Vec<_> = citation
            .facts
            .iter()
            .map(|fact| format!("{} ({})", fact.kind, fact.source))
            .collect();
        say!(
            "    {}: {} {}; {}",
            citation.rule_id,
            reason.zh,
            reason.en,
            sources.join(", ")
        );
    }
}
