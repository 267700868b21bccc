//! `operations`: what the mesh does by itself for longer than an answer may take.

use std::io::IsTerminal as _;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::Failure;
use super::api::{Api, id_of, segment};
use super::noun::{Listing, Noun, Query, Sent, Show, at, constant, localised, text, word};

const POLL: Duration = Duration::from_millis(200);

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

/// The service that does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Host {
    RiskRules,
    Declaration,
}

impl Host {
    const fn as_str(self) -> &'static str {
        match self {
            Self::RiskRules => "risk-rules",
            Self::Declaration => "declaration",
        }
    }

    fn path(self, name: &str) -> String {
        let id = segment(id_of("operations", name));
        format!("/v1/{}/operations/{id}", self.as_str())
    }
}

#[derive(Debug, Subcommand)]
pub enum Operations {
    /// One's own, the newest first.
    List(List),
    /// One of them.
    Show(Show),
    /// Stop one before its end.
    Cancel(Cancel),
    /// Wait for the end of one.
    Watch(Show),
}

#[derive(Debug, Args)]
pub struct List {
    /// Pulls are the declaration service's; everything else is of risk-rules.
    #[arg(long, value_enum, default_value_t = Host::RiskRules)]
    service: Host,
    /// queued, running, succeeded, failed or cancelled.
    #[arg(long)]
    state: Option<String>,
    /// bring-into-force, recompare, preview-rule-set, roll-back, verify-history or pull.
    #[arg(long)]
    kind: Option<String>,
    #[command(flatten)]
    listing: Listing,
}

#[derive(Debug, Args)]
pub struct Cancel {
    /// As `list` names it, or only what follows the last slash.
    name: String,
    #[command(flatten)]
    sent: Sent,
}

impl Operations {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => {
                let (_, answer) = find(&show.shown.target.api().await?, &show.name).await?;
                NOUN.say(&answer, show.shown.json);
                Ok(())
            }
            Self::Cancel(cancel) => {
                let api = cancel.sent.shown.target.api().await?;
                let (host, _) = find(&api, &cancel.name).await?;
                let path = format!("{}:cancel", host.path(&cancel.name));
                let answer = cancel.sent.post(&path, json!({})).await?;
                NOUN.say(&answer, cancel.sent.shown.json);
                Ok(())
            }
            Self::Watch(watch) => {
                let api = watch.shown.target.api().await?;
                let (host, _) = find(&api, &watch.name).await?;
                let ended = follow(&api, host, &watch.name).await?;
                NOUN.say(&ended, watch.shown.json);
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

/// An operation, whichever service does it: nobody who waits for one needs to know.
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
            // It is in neither; whoever may not ask the second is told about the first.
            Err(_) => Err(failure),
        },
        Err(failure) => Err(failure),
    }
}

/// Follows an operation to its end, with a bar on a terminal; how it stands then.
pub async fn follow(api: &Api, host: Host, name: &str) -> Result<Value, Failure> {
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::new(0)
    } else {
        ProgressBar::hidden()
    };
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {elapsed}") {
        bar.set_style(style);
    }
    loop {
        let answer = api.get(&host.path(name)).await?;
        let operation = &answer["operation"];
        let count = |name: &str| text(&operation["progress"][name]).parse().unwrap_or_default();
        bar.set_length(count("total"));
        bar.set_position(count("done"));
        let state = word(&operation["state"], "OPERATION_STATE");
        if !["queued", "running"].contains(&state.as_str()) {
            bar.finish_and_clear();
            return Ok(answer);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// One that was waited for and did not succeed is a failure.
pub fn ended_well(answer: Option<&Value>) -> Result<(), Failure> {
    let Some(operation) = answer.map(|answer| &answer["operation"]) else {
        return Ok(());
    };
    match word(&operation["state"], "OPERATION_STATE").as_str() {
        "succeeded" => Ok(()),
        _ => Err(Failure::Because(trouble(operation))),
    }
}

fn trouble(operation: &Value) -> String {
    let (name, state) = (
        text(&operation["name"]),
        word(&operation["state"], "OPERATION_STATE"),
    );
    let error = &operation["error"];
    if !error.is_object() {
        return format!("{name}: {state}");
    }
    format!(
        "{name}: {state}: {}: {}",
        text(&error["reason"]),
        localised(&error["message"])
    )
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
