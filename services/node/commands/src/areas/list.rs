//! `areas list`, `areas show`: risk areas.

use clap::Args;

use lutong_client::Failure;
use lutong_client::noun::{CallArgs, ListArgs, Noun, Query, at, constant, text, word};

const NOUN: Noun = Noun {
    collection: "areas",
    many: "areas",
    one: "area",
    columns: &[
        ("名称", "NAME", |one| text(&one["name"])),
        ("等级", "LEVEL", |one| word(&one["level"], "RISK_LEVEL")),
        ("区划", "DIVISION", |one| text(&one["division"])),
        ("起", "FROM", |one| at(&one["start_time"])),
        ("止", "UNTIL", |one| at(&one["end_time"])),
        ("范围", "COMMUNITY", |one| text(&one["community"])),
    ],
    details: |_| {},
};

#[derive(Debug, Args)]
pub struct List {
    /// Only areas within this division, for example `370200`.
    #[arg(long)]
    division: Option<String>,
    /// Only this level: key, high, medium or low.
    #[arg(long)]
    level: Option<String>,
    /// Include ended listings.
    #[arg(long)]
    all: bool,
    /// As known at this instant: `2022-11-26T12:00:00+08:00`.
    #[arg(long)]
    known_at: Option<String>,
    #[command(flatten)]
    listing: ListArgs,
}

#[derive(Debug, Args)]
pub struct Show {
    /// Its name as printed by `list`, or the part after the last slash.
    name: String,
    /// As known at this instant: `2022-11-26T12:00:00+08:00`.
    #[arg(long)]
    known_at: Option<String>,
    #[command(flatten)]
    call: CallArgs,
}

impl List {
    pub async fn run(self) -> Result<(), Failure> {
        let level = self.level.map(|level| constant("RISK_LEVEL", &level));
        let filters = Query::default()
            .with("division", self.division)
            .with("level", level)
            .with("open_only", (!self.all).then_some("true"))
            .with("known_time", self.known_at);
        NOUN.list(&self.listing, filters).await.map(drop)
    }
}

impl Show {
    pub async fn run(self) -> Result<(), Failure> {
        let query = Query::default().with("known_time", self.known_at);
        let answer = self.call.get(&query.of(&NOUN.path(&self.name))).await?;
        NOUN.say(&answer, self.call.json);
        Ok(())
    }
}
