//! `history-verifications`: verification of the subjects' chains of decisions.

use clap::{Args, Subcommand};
use lutong_proto::types::v1::PurposeCode;
use serde_json::{Value, json};

use lutong_client::Failure;
use lutong_client::noun::{ChangeArgs, ListArgs, Noun, Query, Show, WaitArgs, at, items, text, word};
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
    /// List verifications, newest first.
    List(ListArgs),
    /// Show one verification; fails if a chain is broken.
    Show(Show),
    /// Verify all subjects' decisions, or one subject's, and wait for the end; fails if a chain is broken.
    Start(Start),
}

#[derive(Debug, Args)]
pub struct Start {
    /// Only the decisions about this subject.
    #[arg(long)]
    subject: Option<String>,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    change: ChangeArgs,
}

impl HistoryVerifications {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => NOUN.list(&list, Query::default()).await.map(drop),
            Self::Show(show) => fail_if_broken(&NOUN.show(&show.name, &show.call).await?),
            Self::Start(start) => {
                let body = json!({
                    "subject_id": start.subject.unwrap_or_default(),
                    "purpose": start.why.json(PurposeCode::Audit),
                });
                let path = "/v1/history-verifications";
                let sent = (&start.change, start.wait);
                fail_if_broken(&NOUN.begin(Host::RiskRules, path, body, sent).await?)
            }
        }
    }
}

/// Verifies all subjects' chains and waits for the end.
pub async fn verify_everyone(purpose: Value, sent: &ChangeArgs) -> Result<Value, Failure> {
    let body = json!({"purpose": purpose});
    let sent = (sent, WaitArgs { detach: false });
    let path = "/v1/history-verifications";
    let (answer, ended) = NOUN.complete(Host::RiskRules, path, body, sent).await?;
    waiting::ended_well(ended.as_ref())?;
    Ok(answer)
}

pub fn say(answer: &Value) {
    NOUN.say(answer, false);
}

pub fn fail_if_broken(answer: &Value) -> Result<(), Failure> {
    match answer["history_verification"]["broken"].as_str() {
        None | Some("0") => Ok(()),
        Some(_) => Err(Failure::Failed),
    }
}
