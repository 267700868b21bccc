//! `complaints`: the cases that staff handle, the orders of the hotline 12345 in bulk, and the public numbers.

mod act;
mod export;
mod import;
mod numbers;
mod orders;

use clap::{Args, Subcommand};
use lutong_proto::types::v1::PurposeCode;
use serde_json::Value;

use lutong_client::Failure;
use lutong_client::noun::{
    CallArgs, Noun, PersonalListArgs, PersonalShow, Query, at, constant, items, text, word,
};
use lutong_client::output::{in_language, table};

pub const NOUN: Noun = Noun {
    collection: "cases",
    many: "cases",
    one: "case",
    columns: &[
        ("工单", "CASE", |one| text(&one["case_id"])),
        ("状态", "STATE", |one| word(&one["state"], "COMPLAINT_STATE")),
        ("类别", "KIND", |one| word(&one["case_kind"], "CASE_KIND")),
        ("区划", "DIVISION", |one| text(&one["division"])),
        ("承办", "DESK", |one| text(&one["desk"])),
        ("承办人", "ASSIGNEE", |one| text(&one["assignee"])),
        ("热线编号", "HOTLINE", |one| text(&one["hotline_number"])),
        ("时限", "DUE", due),
    ],
    details,
};

/// When the last of its clocks that runs is due.
fn due(case: &Value) -> String {
    let clocks = case["clocks"].as_array().map_or(&[][..], Vec::as_slice);
    let running = clocks.iter().rfind(|clock| clock["stop_time"].is_null());
    running.map(|clock| at(&clock["due_time"])).unwrap_or_default()
}

/// What was written, where the answer has it.
fn details(case: &Value) {
    for kind in ["feedback", "appeal", "place"] {
        let written = &case[kind];
        if let Some(place) = written["place"].as_str() {
            tell!("场所：{place}", "place: {place}");
        }
        if let Some(text) = written["text"].as_str() {
            say!("{text}");
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Complaints {
    /// List the cases that the account reaches, those due first.
    List(List),
    /// Show one case with its log.
    Show(PersonalShow),
    /// Act on a case: assign, take, ask, answer, return, extend, reopen, merge, revisit, close.
    #[command(subcommand)]
    Act(act::Act),
    /// Import orders of the hotline 12345 (NDJSON, or CSV); each line has its own outcome.
    Import(import::Import),
    /// Export how the orders stand that the account reaches (NDJSON, or CSV); nothing of who called.
    Export(export::Export),
    /// What happened to complaints in a month, by division and kind; public.
    Numbers(numbers::Numbers),
}

#[derive(Debug, Args)]
pub struct List {
    /// Only this state: filed, assigned, taken-up, waiting, answered, returned, reopened, merged or closed.
    #[arg(long)]
    state: Option<String>,
    /// Only this kind: feedback, appeal or place.
    #[arg(long)]
    kind: Option<String>,
    /// Only this division, within the account's own.
    #[arg(long)]
    division: Option<String>,
    /// Only what is due before this instant, RFC 3339.
    #[arg(long)]
    due_before: Option<String>,
    /// Only what is assigned to the account.
    #[arg(long)]
    mine: bool,
    #[command(flatten)]
    page: PersonalListArgs,
}

impl Complaints {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => run_show(&show).await,
            Self::Act(act) => act.run().await,
            Self::Import(import) => import.run().await,
            Self::Export(export) => export.run().await,
            Self::Numbers(numbers) => numbers.run().await,
        }
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let state = self.state.map(|state| constant("COMPLAINT_STATE", &state));
        let kind = self.kind.map(|kind| constant("CASE_KIND", &kind));
        let filters = Query::default()
            .with("state", state)
            .with("case_kind", kind)
            .with("division", self.division)
            .with("due_before", self.due_before)
            .with("assigned_to_me", self.mine.then_some("true"))
            .purpose(&self.page.why, PurposeCode::ComplaintReview);
        NOUN.list(&self.page.listing, filters).await.map(drop)
    }
}

async fn run_show(show: &PersonalShow) -> Result<(), Failure> {
    NOUN.show_personal(show, PurposeCode::ComplaintReview).await?;
    if show.show.call.json {
        return Ok(());
    }
    let log = Query::default()
        .with("page_size", Some("1000"))
        .purpose(&show.why, PurposeCode::ComplaintReview)
        .of(&format!("{}/events", NOUN.path(&show.show.name)));
    let answer = show.show.call.get(&log).await?;
    say_log(items(&answer, "events"));
    Ok(())
}

fn say_log(events: &[Value]) {
    let heading = [
        in_language("时间", "TIME"),
        in_language("事项", "EVENT"),
        in_language("经办", "BY"),
        in_language("状态", "STATE"),
        in_language("内容", "TEXT"),
    ];
    let row = |one: &Value| {
        vec![
            at(&one["create_time"]),
            text(&one["event"]),
            text(&one["actor"]),
            word(&one["to_state"], "COMPLAINT_STATE"),
            // A line of a table.
            text(&one["text"]).replace(['\r', '\n', '\t'], " "),
        ]
    };
    let rows: Vec<_> = events.iter().map(row).collect();
    table(&heading, &rows);
}

/// Sends a query again for each page of a list, and gives each entry to `each`.
async fn every(
    call: &CallArgs,
    path: &str,
    many: &str,
    query: impl Fn() -> Query,
    mut each: impl FnMut(&Value) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let api = call.target.api().await?;
    let mut token = String::new();
    loop {
        let page = query()
            .with("page_size", Some("500"))
            .with("page_token", Some(&token).filter(|token| !token.is_empty()));
        let answer = api.get(&page.of(path)).await?;
        for one in items(&answer, many) {
            each(one)?;
        }
        token = text(&answer["next_page_token"]);
        if token.is_empty() {
            return Ok(());
        }
    }
}
