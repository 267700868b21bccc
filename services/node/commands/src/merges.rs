//! `merges`: merges of subjects that are the same person.

use clap::{Args, Subcommand};
use lutong_proto::types::v1::PurposeCode;
use serde_json::{Value, json};

use lutong_client::Failure;
use lutong_client::noun::{
    ChangeArgs, Noun, PersonalActArgs, PersonalListArgs, PersonalShow, Query, at, constant, text, word,
};
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
    /// List merges of people in the account's division, newest first.
    List(List),
    /// Show one merge.
    Show(PersonalShow),
    /// Merge two subjects that are the same person: facts about one apply to both.
    Create(Create),
    /// Undo a merge.
    Undo(Undo),
}

#[derive(Debug, Args)]
pub struct List {
    /// Only merges of this subject.
    #[arg(long)]
    subject: Option<String>,
    /// Only this state: in-force or undone.
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    page: PersonalListArgs,
}

/// A subject is given by its id, or as `@FILE` with a document in JSON, because other users of the machine can see a
/// command line.
#[derive(Debug, Args)]
pub struct Create {
    /// The subject to merge.
    subject: String,
    /// The subject to merge it into.
    into: String,
    /// How it is known; nothing personal.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
pub struct Undo {
    /// How it is known; nothing personal.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    action: PersonalActArgs,
}

impl Merges {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => {
                let state = list.state.map(|state| constant("MERGE_STATE", &state));
                let filters = Query::default()
                    .with("subject_id", list.subject)
                    .with("state", state)
                    .purpose(&list.page.why, PurposeCode::DataCorrection);
                NOUN.list(&list.page.listing, filters).await.map(drop)
            }
            Self::Show(show) => NOUN
                .show_personal(&show, PurposeCode::DataCorrection)
                .await
                .map(drop),
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
        let answer = self.change.post("/v1/merges", body).await?;
        NOUN.say(&answer, self.change.call.json);
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
