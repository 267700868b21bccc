//! `operations`: long-running operations.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use lutong_client::Failure;
use lutong_client::api::Api;
use lutong_client::noun::{ChangeArgs, ListArgs, Noun, Query, Show, at, constant, text, word};
use lutong_client::waiting::{Host, ended_well, follow, trouble};

const NOUN: Noun = Noun {
    collection: "operations",
    many: "operations",
    one: "operation",
    columns: &[
        ("名称", "NAME", |one| text(&one["name"])),
        ("种类", "KIND", |one| word(&one["kind"], "OPERATION_KIND")),
        ("状态", "STATE", |one| word(&one["state"], "OPERATION_STATE")),
        ("进度", "PROGRESS", progress),
        ("开始", "BEGUN", |one| at(&one["create_time"])),
        ("结束", "ENDED", |one| at(&one["finish_time"])),
        ("对象", "TARGET", |one| text(&one["target"])),
    ],
    details: |one| {
        if one["error"].is_object() {
            say!("{}", trouble(one));
        }
    },
};

#[derive(Debug, Subcommand)]
pub enum Operations {
    /// List one's own operations, newest first.
    List(List),
    /// Show one operation.
    Show(Show),
    /// Cancel an operation.
    Cancel(Cancel),
    /// Wait for the end of an operation.
    Watch(Show),
}

#[derive(Debug, Args)]
pub struct List {
    /// The service that runs them: declaration runs pulls, risk-rules everything else.
    #[arg(long, value_enum, default_value_t = Host::RiskRules)]
    service: Host,
    /// Only this state: queued, running, succeeded, failed or cancelled.
    #[arg(long)]
    state: Option<String>,
    /// Only this kind: bring-into-force, recompare, preview-rule-set, roll-back, verify-history or pull.
    #[arg(long)]
    kind: Option<String>,
    #[command(flatten)]
    listing: ListArgs,
}

#[derive(Debug, Args)]
pub struct Cancel {
    /// Its name as printed by `list`, or the part after the last slash.
    name: String,
    #[command(flatten)]
    change: ChangeArgs,
}

impl Operations {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => {
                let (_, answer) = find(&show.call.target.api().await?, &show.name).await?;
                NOUN.say(&answer, show.call.json);
                Ok(())
            }
            Self::Cancel(cancel) => {
                let api = cancel.change.call.target.api().await?;
                let (host, _) = find(&api, &cancel.name).await?;
                let path = format!("{}:cancel", host.path(&cancel.name));
                let answer = cancel.change.post(&path, json!({})).await?;
                NOUN.say(&answer, cancel.change.call.json);
                Ok(())
            }
            Self::Watch(watch) => {
                let api = watch.call.target.api().await?;
                let (host, _) = find(&api, &watch.name).await?;
                let ended = follow(&api, host, &watch.name).await?;
                NOUN.say(&ended, watch.call.json);
                ended_well(Some(&ended))
            }
        }
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let said = |prefix, word: &Option<String>| word.as_ref().map(|word| constant(prefix, word));
        let filters = Query::default()
            .with("state", said("OPERATION_STATE", &self.state))
            .with("kind", said("OPERATION_KIND", &self.kind));
        let path = format!("/v1/{}/operations", self.service.as_str());
        NOUN.list_at(&path, &self.listing, filters).await.map(drop)
    }
}

/// Finds an operation in whichever service runs it.
async fn find(api: &Api, name: &str) -> Result<(Host, Value), Failure> {
    let elsewhere = |failure: &Failure| {
        let said = match failure {
            Failure::Because(said) | Failure::Input(said) => said.as_str(),
            Failure::Failed => "",
        };
        said.starts_with("OPERATION_NOT_FOUND")
    };
    match api.get(&Host::RiskRules.path(name)).await {
        Ok(answer) => Ok((Host::RiskRules, answer)),
        Err(failure) if elsewhere(&failure) => match api.get(&Host::Declaration.path(name)).await {
            Ok(answer) => Ok((Host::Declaration, answer)),
            // In neither service, or the caller may not ask the second one: report the first error.
            Err(_) => Err(failure),
        },
        Err(failure) => Err(failure),
    }
}

fn progress(operation: &Value) -> String {
    let progress = &operation["progress"];
    let total = text(&progress["total"]);
    let total = if total.is_empty() { "?" } else { &total };
    match text(&progress["done"]) {
        done if done.is_empty() => String::new(),
        done => format!("{done}/{total}"),
    }
}
