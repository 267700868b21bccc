//! `decisions`: past decisions about a subject, and their replay.

use clap::{Args, Subcommand};
use lutong_proto::types::v1::PurposeCode;
use serde_json::Value;

use lutong_client::Failure;
use lutong_client::api::segment;
use lutong_client::noun::{CallArgs, ListArgs, Noun, Query, at, items, localised, text, word};
use lutong_client::output::in_language;
use lutong_client::why::Why;

const NOUN: Noun = Noun {
    collection: "decisions",
    many: "decisions",
    one: "decision",
    columns: &[
        ("名称", "NAME", |one| text(&one["name"])),
        ("颜色", "COLOUR", |one| word(&one["colour"], "COLOUR")),
        ("判定时间", "DECIDED", |one| at(&one["evaluate_time"])),
        ("规则集", "RULE SET", |one| {
            format!("{}.{}", text(&one["rule_set"]), text(&one["rule_set_version"]))
        }),
        ("规则", "RULES", |one| {
            let rules = items(one, "citations").iter();
            let rules: Vec<_> = rules.map(|one| text(&one["rule_id"])).collect();
            rules.join(", ")
        }),
    ],
    details: |one| {
        for citation in items(one, "citations") {
            let facts = items(citation, "facts").iter();
            let facts: Vec<_> = facts
                .map(|fact| format!("{} ({})", text(&fact["kind"]), text(&fact["source"])))
                .collect();
            say!(
                "  {}: {}; {}",
                text(&citation["rule_id"]),
                localised(&citation["reason"]),
                facts.join(", ")
            );
        }
    },
};

#[derive(Debug, Subcommand)]
pub enum Decisions {
    /// List the decisions about a subject, newest first (auditor).
    List(List),
    /// Replay a past decision from what was known then, and compare it bit for bit.
    Replay(Replay),
}

#[derive(Debug, Args)]
pub struct List {
    /// The subject id.
    subject: String,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    listing: ListArgs,
}

#[derive(Debug, Args)]
pub struct Replay {
    /// Its name as printed by `list`: `subjects/…/decisions/…`.
    name: String,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    call: CallArgs,
}

impl Decisions {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => {
                let path = format!("/v1/audit/subjects/{}/decisions", segment(&list.subject));
                let filters = Query::default().purpose(&list.why, PurposeCode::Audit);
                NOUN.list_at(&path, &list.listing, filters).await.map(drop)
            }
            Self::Replay(replay) => replay.run().await,
        }
    }
}

impl Replay {
    async fn run(self) -> Result<(), Failure> {
        let name: Vec<_> = self.name.split('/').map(segment).collect();
        let path = format!("/v1/audit/{}:replay", name.join("/"));
        let query = Query::default().purpose(&self.why, PurposeCode::Audit);
        let answer = self.call.get(&query.of(&path)).await?;
        let is_identical = answer["identical"] == true;
        if self.call.json {
            say!("{answer}");
        } else {
            say_both(&answer);
            if is_identical {
                tell!("一致", "identical");
            } else {
                tell!("不一致", "DIFFERENT");
            }
        }
        if is_identical {
            Ok(())
        } else {
            Err(Failure::Failed)
        }
    }
}

fn say_both(answer: &Value) {
    for (zh, en, name) in [("存储", "stored", "stored"), ("重放", "replayed", "replayed")] {
        say!("{}:", in_language(zh, en));
        let decision = serde_json::json!({"decision": answer[name]});
        NOUN.say(&decision, false);
    }
}
