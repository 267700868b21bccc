//! `rule-sets list|announce|preview|…`: changing the rules of a running mesh.

use std::path::PathBuf;

use clap::Args;
use lutong_risk_engine::rule_set::MAX_DOCUMENT;
use serde_json::{Value, json};

use lutong_client::Failure;
use lutong_client::noun::{
    ActArgs, ChangeArgs, ListArgs, Noun, Query, WaitArgs, at, constant, items, text, word,
};
use lutong_client::waiting::Host;

/// Maximum number of divisions printed.
const DIVISIONS: usize = 20;

pub const NOUN: Noun = Noun {
    collection: "rule-sets",
    many: "rule_sets",
    one: "rule_set",
    columns: &[
        ("名称", "NAME", |one| text(&one["name"])),
        ("状态", "STATE", |one| word(&one["state"], "RULE_SET_STATE")),
        ("生效", "EFFECTIVE", |one| at(&one["effective_time"])),
        ("公布人", "AUTHOR", |one| text(&one["approval"]["proposer"])),
        ("批准人", "APPROVER", |one| text(&one["approval"]["approver"])),
        ("至多变更", "AT MOST", |one| text(&one["expected_changes"])),
        ("试算变更", "PREVIEW", |one| text(&one["preview"]["changed"])),
    ],
    details,
};

#[derive(Debug, Args)]
pub struct List {
    /// Only this state: announced, approved, active, paused, rejected or withdrawn.
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    listing: ListArgs,
}

#[derive(Debug, Args)]
pub struct Announce {
    /// The rule set (TOML); its effective_from must lie in the future.
    document: PathBuf,
    /// Its decision cases (lutong-decision-cases/1).
    cases: PathBuf,
    /// Maximum number of people who may change colour; if more would, the version is paused.
    #[arg(long)]
    expected_changes: i64,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
pub struct Preview {
    #[command(flatten)]
    act: ActArgs,
    #[command(flatten)]
    wait: WaitArgs,
}

#[derive(Debug, Args)]
pub struct Resume {
    /// The new maximum number of people who may change colour.
    #[arg(long)]
    expected_changes: i64,
    #[command(flatten)]
    act: ActArgs,
}

impl List {
    pub async fn run(self) -> Result<(), Failure> {
        let state = self.state.map(|state| constant("RULE_SET_STATE", &state));
        let filters = Query::default().with("state", state);
        NOUN.list(&self.listing, filters).await.map(drop)
    }
}

impl Announce {
    pub async fn run(self) -> Result<(), Failure> {
        let body = json!({
            "document": super::read(&self.document, MAX_DOCUMENT)?,
            "cases": super::read(&self.cases, MAX_DOCUMENT)?,
            "expected_changes": self.expected_changes,
        });
        let answer = self.change.post("/v1/rule-sets", body).await?;
        NOUN.say(&answer, self.change.call.json);
        Ok(())
    }
}

impl Preview {
    pub async fn run(self) -> Result<(), Failure> {
        let path = format!("{}:preview", NOUN.path(&self.act.name));
        let sent = (&self.act.change, self.wait);
        let answer = NOUN.begin(Host::RiskRules, &path, self.act.body(), sent).await;
        answer.map(drop)
    }
}

impl Resume {
    pub async fn run(self) -> Result<(), Failure> {
        let mut body = self.act.body();
        body["expected_changes"] = json!(self.expected_changes);
        NOUN.act(&self.act, "resume", body).await
    }
}

fn details(version: &Value) {
    for (zh, en, run) in [
        ("试算", "preview", &version["preview"]),
        ("生效前核对", "guard", &version["guard"]),
    ] {
        if run.is_object() {
            say_run(lutong_client::output::in_language(zh, en), run);
        }
    }
}

fn say_run(what: &str, run: &Value) {
    if !run["finish_time"].is_string() {
        tell!("{what}：进行中", "{what}: in progress");
        return;
    }
    let (changed, seen) = (text(&run["changed"]), text(&run["seen"]));
    tell!(
        "{what}：{seen} 人中将有 {changed} 人变更颜色",
        "{what}: {changed} of {seen} would change colour"
    );
    let change = |one: &Value| {
        let colour = |name: &str| word(&one[name], "COLOUR");
        let count = text(&one["count"]);
        format!("{} → {}: {count}", colour("before"), colour("after"))
    };
    for one in items(run, "changes") {
        let rules = items(one, "rules").iter();
        let rules: Vec<_> = rules
            .map(|rule| format!("{} {}", text(&rule["rule_id"]), text(&rule["count"])))
            .collect();
        say!("  {} ({})", change(one), rules.join(", "));
    }
    let divisions = items(run, "divisions");
    for one in divisions.iter().take(DIVISIONS) {
        let (division, change) = (text(&one["division"]), change(one));
        if division.is_empty() {
            tell!("  居住地不明：{change}", "  unknown residence: {change}");
        } else {
            tell!(
                "  居住在 {division}：{change}",
                "  living in {division}: {change}"
            );
        }
    }
    if let Some(more) = divisions.len().checked_sub(DIVISIONS).filter(|more| *more > 0) {
        tell!(
            "  另有 {more} 个区划，见 --json",
            "  and {more} more divisions (--json lists all)"
        );
    }
}
