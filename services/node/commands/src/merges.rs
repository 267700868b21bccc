//! `merges`: which subjects are one person.

use clap::{Args, Subcommand};
use lutong_proto::types::v1::PurposeCode;
use serde_json::{Value, json};

use lutong_client::Failure;
use lutong_client::noun::{ActFor, Listing, Noun, Query, Sent, Show, at, constant, text, word};
use lutong_client::why::Why;

const NOUN: Noun = Noun {
    collection: "merges",
    many: "merges",
    one: "merge",
    columns: &[
        ("名称", "NAME", |one| text(&one["name"])),
        ("状态", "STATE", |one| word(&one["state"], "MERGE_STATE")),
        ("主体", "SUBJECT", |one| text(&one["subject_id"])),
        ("并入", "INTO", |one| text(&one["into_subject_id"])),
        ("时间", "TIME", |one| at(&one["create_time"])),
        ("办理人", "BY", |one| text(&one["creator"])),
        ("依据", "REASON", |one| text(&one["reason"])),
    ],
    details: |one| {
        let (at, by) = (at(&one["undo_time"]), text(&one["undoer"]));
        if !at.is_empty() {
            let reason = text(&one["undo_reason"]);
            tell!("已撤销：{at}，{by}：{reason}", "undone: {at}, by {by}: {reason}");
        }
    },
};

#[derive(Debug, Subcommand)]
pub enum Merges {
    /// Merges of people in the account's division, the newest first.
    List(List),
    /// One merge.
    Show(Show),
    /// Two subjects are one person: what is known of one holds for both.
    Create(Create),
    /// The two are not one person after all.
    Undo(Undo),
}

#[derive(Debug, Args)]
pub struct List {
    /// That touch this subject.
    #[arg(long)]
    subject: Option<String>,
    /// in-force or undone.
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    listing: Listing,
}

/// A subject is named by its id, or as `@FILE` with a document in JSON: a number on a command line would be seen by others.
#[derive(Debug, Args)]
pub struct Create {
    /// The one that is merged.
    subject: String,
    /// The one that it is merged into.
    into: String,
    /// How it is known; nothing personal.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    sent: Sent,
}

#[derive(Debug, Args)]
pub struct Undo {
    /// How it is known; nothing personal.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    action: ActFor,
}

impl Merges {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => {
                let state = list.state.map(|state| constant("MERGE_STATE", &state));
                let filters = Query::default()
                    .with("subject_id", list.subject)
                    .with("state", state);
                NOUN.list(&list.listing, filters).await.map(drop)
            }
            Self::Show(show) => NOUN.show(&show.name, &show.shown).await.map(drop),
            Self::Create(create) => create.run().await,
            Self::Undo(undo) => {
                let mut body = undo.action.body(PurposeCode::DataCorrection);
                body["reason"] = json!(undo.reason);
                NOUN.act(&undo.action.act, "undo", body).await
            }
        }
    }
}

impl Create {
    async fn run(self) -> Result<(), Failure> {
        let body = json!({
            "subject": reference(&self.subject)?,
            "into": reference(&self.into)?,
            "reason": self.reason,
            "purpose": self.why.json(PurposeCode::DataCorrection),
        });
        let answer = self.sent.post("/v1/merges", body).await?;
        NOUN.say(&answer, self.sent.shown.json);
        Ok(())
    }
}

fn reference(text: &str) -> Result<Value, Failure> {
    let Some(file) = text.strip_prefix('@') else {
        return Ok(json!({"subject_id": text}));
    };
    let wrong = |error: &dyn std::fmt::Display| Failure::Input(format!("{file}: {error}"));
    let document = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
    let document: Value = serde_json::from_str(&document).map_err(|error| wrong(&error))?;
    Ok(json!({"document": document}))
}
