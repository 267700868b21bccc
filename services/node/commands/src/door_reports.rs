//! `door-reports`: yellow and red codes at doors, for the officers of the district.

use clap::{Args, Subcommand};
use lutong_proto::types::v1::PurposeCode;
use serde_json::{Value, json};

use crate::checkpoint_devices::checkpoint;
use lutong_client::Failure;
use lutong_client::noun::{
    ActArgs, CallArgs, ListArgs, Noun, PersonalShow, Query, Show, at, constant, items, text, word,
};

const NOUN: Noun = Noun {
    collection: "door-reports",
    many: "door_reports",
    one: "door_report",
    columns: &[
        ("名称", "NAME", |one| text(&one["name"])),
        ("状态", "STATE", |one| word(&one["state"], "DOOR_REPORT_STATE")),
        ("颜色", "COLOUR", |one| word(&one["colour"], "COLOUR")),
        ("区划", "DIVISION", |one| text(&one["division"])),
        ("场所", "PLACE", |one| text(&one["place_name"])),
        ("扫描", "SCANNED", |one| at(&one["last_scan_time"])),
        ("次数", "SCANS", |one| text(&one["scan_count"])),
        ("值守", "STAFF", |one| text(&one["staff"])),
        ("接报", "ACKNOWLEDGED BY", |one| text(&one["acknowledger"])),
        ("时限", "DUE", |one| at(&one["clocks"][0]["due_time"])),
    ],
    details: |_| {},
};

/// Seconds that one call of `watch` waits: less than what a call of this program may take.
const WAIT_S: &str = "10";

#[derive(Debug, Subcommand)]
pub enum DoorReports {
    /// List the reports of the account's division, newest first.
    List(List),
    /// Show one report, without the person.
    Show(Show),
    /// Show whom a report is about; the person reads in their ledger that it was asked.
    Inspect(PersonalShow),
    /// Take an open report.
    Acknowledge(ActArgs),
    /// Close a report that was acknowledged.
    Close(Close),
    /// Print each report as it comes or changes, one a line as JSON, until interrupted.
    Watch(Watch),
}

#[derive(Debug, Args)]
pub struct List {
    /// Only this state: open, acknowledged or closed.
    #[arg(long)]
    state: Option<String>,
    /// Only this division, within the account's own.
    #[arg(long)]
    division: Option<String>,
    /// Only of this door.
    #[arg(long)]
    checkpoint: Option<String>,
    /// Only open ones that are due before this instant, RFC 3339.
    #[arg(long)]
    due_before: Option<String>,
    #[command(flatten)]
    page: ListArgs,
}

#[derive(Debug, Args)]
pub struct Close {
    /// What came of it: transferred, mistaken or not-found.
    #[arg(long)]
    outcome: String,
    #[command(flatten)]
    act: ActArgs,
}

#[derive(Debug, Args)]
pub struct Watch {
    /// Only this division, within the account's own.
    #[arg(long)]
    division: Option<String>,
    /// Go on after this cursor, which `list --json` gives as `watch_cursor`. Default: from now on.
    #[arg(long)]
    cursor: Option<String>,
    /// Stop after so many reports.
    #[arg(long)]
    count: Option<u64>,
    #[command(flatten)]
    call: CallArgs,
}

impl DoorReports {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => NOUN.show(&show.name, &show.call).await.map(drop),
            Self::Inspect(show) => inspect(&show).await,
            Self::Acknowledge(act) => NOUN.act(&act, "acknowledge", act.body()).await,
            Self::Close(close) => {
                let mut body = close.act.body();
                body["outcome"] = json!(constant("DOOR_REPORT_OUTCOME", &close.outcome));
                NOUN.act(&close.act, "close", body).await
            }
            Self::Watch(watch) => watch.run().await,
        }
    }
}

async fn inspect(shown: &PersonalShow) -> Result<(), Failure> {
    let query = Query::default().purpose(&shown.why, PurposeCode::Management);
    let path = format!("{}:inspect", NOUN.path(&shown.show.name));
    let answer = shown.show.call.get(&query.of(&path)).await?;
    NOUN.say(&answer, shown.show.call.json);
    if !shown.show.call.json {
        let subject = text(&answer["subject_id"]);
        tell!("人员：{subject}", "person: {subject}");
    }
    Ok(())
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let state = self.state.map(|state| constant("DOOR_REPORT_STATE", &state));
        let filters = Query::default()
            .with("state", state)
            .with("division", self.division)
            .with("checkpoint", self.checkpoint.map(checkpoint))
            .with("due_before", self.due_before);
        NOUN.list(&self.page, filters).await.map(drop)
    }
}

impl Watch {
    async fn run(self) -> Result<(), Failure> {
        let api = self.call.target.api().await?;
        let path = format!("/v1/{}", NOUN.collection);
        let begun = Query::default().with("page_size", Some("1"));
        let mut cursor = match self.cursor {
            Some(cursor) => cursor,
            None => text(&api.get(&begun.of(&path)).await?["watch_cursor"]),
        };
        let mut left = self.count.unwrap_or(u64::MAX);
        while left > 0 {
            let query = Query::default()
                .with("division", self.division.as_ref())
                .with("cursor", Some(&cursor))
                .with("wait_s", Some(WAIT_S));
            let answer: Value = api.get(&query.of(&path)).await?;
            for report in items(&answer, NOUN.many) {
                if left == 0 {
                    break;
                }
                say!("{report}");
                left -= 1;
            }
            cursor = text(&answer["watch_cursor"]);
        }
        Ok(())
    }
}
