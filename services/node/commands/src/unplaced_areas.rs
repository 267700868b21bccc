//! `unplaced-areas`: rows of notices that name a place which only an officer can tell.

use clap::{Args, Subcommand};
use serde_json::json;

use lutong_client::Failure;
use lutong_client::noun::{Act, Listing, Noun, Query, Show, at, constant, text, word};

const NOUN: Noun = Noun {
    collection: "unplaced-areas",
    many: "unplaced_areas",
    one: "unplaced_area",
    columns: &[
        ("名称", "NAME", |one| text(&one["name"])),
        ("状态", "STATE", |one| {
            word(&one["state"], "UNPLACED_AREA_STATE")
        }),
        ("等级", "LEVEL", |one| word(&one["level"], "RISK_LEVEL")),
        ("待定原因", "WHY", |one| {
            word(&one["reason"], "PLACEMENT_REASON")
        }),
        ("起", "FROM", |one| at(&one["start_time"])),
        ("止", "UNTIL", |one| at(&one["end_time"])),
        ("确定为", "PLACED AS", |one| {
            let placement = &one["placement"];
            let placed = format!(
                "{} {}",
                text(&placement["division"]),
                text(&placement["community"])
            );
            placed.trim().to_owned()
        }),
        // Some are a paragraph long.
        ("地点", "PLACE", |one| {
            format!("{} {}", text(&one["place"]), text(&one["community"]))
        }),
    ],
    details: |_| {},
};

#[derive(Debug, Subcommand)]
pub enum UnplacedAreas {
    /// Those that wait for an officer.
    List(List),
    /// One of them.
    Show(Show),
    /// Say where one lies (health officer).
    Place(Place),
}

#[derive(Debug, Args)]
pub struct List {
    /// waiting, placed or lapsed: those that no notice lists any more.
    #[arg(long, default_value = "waiting")]
    state: String,
    /// In whatever state.
    #[arg(long, conflicts_with = "state")]
    all: bool,
    #[command(flatten)]
    listing: Listing,
}

#[derive(Debug, Args)]
pub struct Place {
    /// Code of the county or street.
    #[arg(long)]
    division: String,
    /// The place within it; without it, all of it.
    #[arg(long, default_value = "")]
    community: String,
    #[command(flatten)]
    act: Act,
}

impl UnplacedAreas {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => {
                let state = constant("UNPLACED_AREA_STATE", &list.state);
                let filters = Query::default().with("state", (!list.all).then_some(state));
                NOUN.list(&list.listing, filters).await.map(drop)
            }
            Self::Show(show) => NOUN.show(&show.name, &show.shown).await.map(drop),
            Self::Place(place) => {
                let mut body = place.act.body();
                body["division"] = json!(place.division);
                body["community"] = json!(place.community);
                NOUN.act(&place.act, "place", body).await
            }
        }
    }
}
