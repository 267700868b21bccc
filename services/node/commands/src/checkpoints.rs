//! `checkpoints`: the registered doors of a district.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use lutong_client::Failure;
use lutong_client::noun::{ActArgs, ChangeArgs, ListArgs, Noun, Query, Show, at, constant, text, word};
use lutong_client::output::in_language;

const NOUN: Noun = Noun {
    collection: "checkpoints",
    many: "checkpoints",
    one: "checkpoint",
    columns: &[
        ("名称", "NAME", |one| text(&one["name"])),
        ("状态", "STATE", |one| word(&one["state"], "CHECKPOINT_STATE")),
        ("类别", "KIND", |one| word(&one["kind"], "CHECKPOINT_KIND")),
        ("区划", "DIVISION", |one| text(&one["division"])),
        ("场所", "PLACE", |one| text(&one["place_name"])),
        ("最近联系", "HEARD", |one| at(&one["heard_time"])),
        ("失联", "SILENT", |one| silent(one)),
    ],
    details: |_| {},
};

/// Whether nothing was heard of a door or a device for too long.
pub fn silent(one: &Value) -> String {
    if one["silent"] == json!(true) {
        in_language("是", "yes").to_owned()
    } else {
        String::new()
    }
}

#[derive(Debug, Subcommand)]
pub enum Checkpoints {
    /// List the doors of the account's division, newest first; `--silent` lists those that were not heard of.
    List(List),
    /// Show one door.
    Show(Show),
    /// Register a door.
    Create(Create),
    /// End a door and its devices.
    End(ActArgs),
}

#[derive(Debug, Args)]
pub struct List {
    /// Only this state: active or ended.
    #[arg(long)]
    state: Option<String>,
    /// Only this kind: community, restaurant, mall, hospital, hotel, transport, culture-and-tourism or office-building.
    #[arg(long)]
    kind: Option<String>,
    /// Only this division, within the account's own.
    #[arg(long)]
    division: Option<String>,
    /// Only those of which nothing was heard for too long.
    #[arg(long)]
    silent: bool,
    #[command(flatten)]
    page: ListArgs,
}

#[derive(Debug, Args)]
pub struct Create {
    /// Its kind: community, restaurant, mall, hospital, hotel, transport, culture-and-tourism or office-building.
    #[arg(long)]
    kind: String,
    /// The county or street in which it lies.
    #[arg(long)]
    division: String,
    /// What the place is called.
    #[arg(long)]
    place_name: String,
    #[command(flatten)]
    change: ChangeArgs,
}

impl Checkpoints {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => NOUN.show(&show.name, &show.call).await.map(drop),
            Self::Create(create) => create.run().await,
            Self::End(act) => NOUN.act(&act, "end", act.body()).await,
        }
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let state = self.state.map(|state| constant("CHECKPOINT_STATE", &state));
        let kind = self.kind.map(|kind| constant("CHECKPOINT_KIND", &kind));
        let filters = Query::default()
            .with("state", state)
            .with("kind", kind)
            .with("division", self.division)
            .with("silent", self.silent.then_some("true"));
        NOUN.list(&self.page, filters).await.map(drop)
    }
}

impl Create {
    async fn run(self) -> Result<(), Failure> {
        let body = json!({
            "kind": constant("CHECKPOINT_KIND", &self.kind),
            "division": self.division,
            "place_name": self.place_name,
        });
        let answer = self.change.post("/v1/checkpoints", body).await?;
        NOUN.say(&answer, self.change.call.json);
        Ok(())
    }
}
