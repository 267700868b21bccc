//! Waiting for long-running operations.

use std::io::IsTerminal as _;
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::answers::{localised, text, word};
use super::api::{Api, id_of, segment};
use crate::Failure;

const POLL: Duration = Duration::from_millis(200);

/// The service that runs an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Host {
    RiskRules,
    Declaration,
}

impl Host {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RiskRules => "risk-rules",
            Self::Declaration => "declaration",
        }
    }

    pub fn path(self, name: &str) -> String {
        let id = segment(id_of("operations", name));
        format!("/v1/{}/operations/{id}", self.as_str())
    }
}

/// A progress bar on a terminal; hidden elsewhere.
pub fn bar(total: u64) -> ProgressBar {
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::new(total)
    } else {
        ProgressBar::hidden()
    };
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {elapsed}") {
        bar.set_style(style);
    }
    bar
}

/// Waits for the end of an operation, with a progress bar on a terminal; returns its final state.
pub async fn follow(api: &Api, host: Host, name: &str) -> Result<Value, Failure> {
    let bar = bar(0);
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

/// Fails if the operation was waited for and did not succeed.
pub fn ended_well(answer: Option<&Value>) -> Result<(), Failure> {
    let Some(operation) = answer.map(|answer| &answer["operation"]) else {
        return Ok(());
    };
    match word(&operation["state"], "OPERATION_STATE").as_str() {
        "succeeded" => Ok(()),
        _ => Err(Failure::Because(trouble(operation))),
    }
}

/// Describes an operation that did not succeed.
pub fn trouble(operation: &Value) -> String {
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
