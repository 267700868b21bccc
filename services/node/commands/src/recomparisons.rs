//! `recomparisons`: comparison of every stored decision with the facts.

use clap::{Args, Subcommand};
use lutong_proto::types::v1::PurposeCode;
use serde_json::{Value, json};

use lutong_client::Failure;
use lutong_client::noun::{ChangeArgs, ListArgs, Noun, Query, Show, WaitArgs, at, items, text, word};
use lutong_client::waiting::Host;
use lutong_client::why::Why;

const NOUN: Noun = Noun {
    collection: "recomparisons",
    many: "recomparisons",
    one: "recomparison",
    columns: &[
        ("名称", "NAME", |one| text(&one["name"])),
        ("状态", "STATE", |one| word(&one["state"], "RECOMPARISON_STATE")),
        ("日期", "DATE", |one| text(&one["run_date"])),
        ("应比对", "EXPECTED", |one| text(&one["expected"])),
        ("已比对", "SEEN", |one| text(&one["seen"])),
        ("分区", "PARTS", |one| {
            format!("{}/{}", text(&one["parts_done"]), text(&one["parts"]))
        }),
        ("结束", "ENDED", |one| at(&one["finish_time"])),
    ],
    details: |run| {
        for one in items(run, "colours") {
            say!("{}: {}", word(&one["colour"], "COLOUR"), text(&one["count"]));
        }
        for one in items(run, "findings") {
            say!("{}: {}", finding(one), text(&one["count"]));
        }
    },
};

/// The subjects whose decision differed.
const FINDINGS: Noun = Noun {
    collection: "findings",
    many: "findings",
    one: "finding",
    columns: &[
        ("主体", "SUBJECT", |one| text(&one["subject_id"])),
        ("发现", "FINDING", finding),
        ("判定", "DECISION", |one| text(&one["decision"])),
    ],
    details: |_| {},
};

#[derive(Debug, Subcommand)]
pub enum Recomparisons {
    /// List runs, newest first.
    List(ListArgs),
    /// Show one run, or `latest`; fails if it is incomplete or found a mismatch.
    Show(Show),
    /// Start a run and wait for its end; fails like `show`.
    Start(Start),
    /// List the findings of a run.
    Inspect(Inspect),
}

#[derive(Debug, Args)]
pub struct Start {
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
pub struct Inspect {
    /// Its name as printed by `list`, the part after the slash, or `latest`.
    name: String,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    listing: ListArgs,
}

impl Recomparisons {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => NOUN.list(&list, Query::default()).await.map(drop),
            Self::Show(show) => fail_if_incomplete(&NOUN.show(&show.name, &show.call).await?),
            Self::Start(Start { wait, change }) => {
                let sent = (&change, wait);
                let path = "/v1/recomparisons";
                fail_if_incomplete(&NOUN.begin(Host::RiskRules, path, json!({}), sent).await?)
            }
            Self::Inspect(inspect) => {
                let path = format!("{}/findings", NOUN.path(&inspect.name));
                let filters = Query::default().purpose(&inspect.why, PurposeCode::Operation);
                let found = FINDINGS.list_at(&path, &inspect.listing, filters).await;
                found.map(drop)
            }
        }
    }
}

/// Fails unless the run is complete without a mismatch, or still running.
fn fail_if_incomplete(answer: &Value) -> Result<(), Failure> {
    let run = &answer["recomparison"];
    let is_good = ["complete", "running"].contains(&&*word(&run["state"], "RECOMPARISON_STATE"));
    let is_wrong = |one: &Value| one["kind"] == "FINDING_KIND_MISMATCH";
    if !is_good || items(run, "findings").iter().any(is_wrong) {
        return Err(Failure::Failed);
    }
    Ok(())
}

fn finding(one: &Value) -> String {
    let colour = |name: &str| word(&one[name], "COLOUR");
    let kind = word(&one["kind"], "FINDING_KIND");
    format!("{kind} {} → {}", colour("before"), colour("after"))
}
