//! `history-verifications`: whether every subject's chain of decisions is as it was made.

use clap::{Args, Subcommand};
use lutong_proto::types::v1::PurposeCode;
use serde_json::{Value, json};

use lutong_client::Failure;
use lutong_client::noun::{Listing, Noun, Query, Sent, Show, Wait, at, items, text, word};
use lutong_client::waiting::{self, Host};
use lutong_client::why::Why;

const NOUN: Noun = Noun {
    collection: "history-verifications",
    many: "history_verifications",
    one: "history_verification",
    columns: &[
        ("名称", "NAME", |one| text(&one["name"])),
        ("状态", "STATE", |one| {
            word(&one["state"], "HISTORY_VERIFICATION_STATE")
        }),
        ("人数", "SUBJECTS", |one| text(&one["subjects"])),
        ("完好", "INTACT", |one| text(&one["intact"])),
        ("已依法删除", "ERASED", |one| text(&one["erased"])),
        ("异常", "BROKEN", |one| text(&one["broken"])),
        ("开始", "BEGUN", |one| at(&one["create_time"])),
        ("结束", "ENDED", |one| at(&one["finish_time"])),
    ],
    details: |one| {
        for broken in items(one, "breaks") {
            let kind = word(&broken["kind"], "HISTORY_BREAK_KIND");
            say!(
                "{} v{}: {kind}",
                text(&broken["subject_id"]),
                text(&broken["version"])
            );
        }
    },
};

#[derive(Debug, Subcommand)]
pub enum HistoryVerifications {
    /// Those that auditors began, the newest first.
    List(Listing),
    /// One of them; fails when something is broken.
    Show(Show),
    /// Check everybody's decisions, or one subject's, and wait for the end; fails when something is broken.
    Start(Start),
}

#[derive(Debug, Args)]
pub struct Start {
    /// The decisions about one subject only.
    #[arg(long)]
    subject: Option<String>,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    sent: Sent,
}

impl HistoryVerifications {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => NOUN.list(&list, Query::default()).await.map(drop),
            Self::Show(show) => judge(&NOUN.show(&show.name, &show.shown).await?),
            Self::Start(start) => {
                let body = json!({
                    "subject_id": start.subject.unwrap_or_default(),
                    "purpose": start.why.json(PurposeCode::Audit),
                });
                let path = "/v1/history-verifications";
                let sent = (&start.sent, start.wait);
                judge(&NOUN.begin(Host::RiskRules, path, body, sent).await?)
            }
        }
    }
}

/// Everybody's, to its end.
pub async fn everybodys(purpose: Value, sent: &Sent) -> Result<Value, Failure> {
    let body = json!({"purpose": purpose});
    let sent = (sent, Wait { detach: false });
    let path = "/v1/history-verifications";
    let (answer, ended) = NOUN.complete(Host::RiskRules, path, body, sent).await?;
    waiting::ended_well(ended.as_ref())?;
    Ok(answer)
}

pub fn say(answer: &Value) {
    NOUN.say(answer, false);
}

pub fn judge(answer: &Value) -> Result<(), Failure> {
    match answer["history_verification"]["broken"].as_str() {
        None | Some("0") => Ok(()),
        Some(_) => Err(Failure::Failed),
    }
}
