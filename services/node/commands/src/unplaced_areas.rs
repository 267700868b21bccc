//! `unplaced-areas`: rows of notices whose location an officer has to determine.

use clap::{Args, Subcommand};
use serde_json::json;

use lutong_client::Failure;
use lutong_client::noun::{ActArgs, ListArgs, Noun, Query, Show, at, constant, text, word};

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
        // Last, because some are a paragraph long.
        ("地点", "PLACE", |one| {
            format!("{} {}", text(&one["place"]), text(&one["community"]))
        }),
    ],
    details: |_| {},
};

#[derive(Debug, Subcommand)]
pub enum UnplacedAreas {
    /// List the rows that wait for an officer.
    List(List),
    /// Show one row.
    Show(Show),
    /// Determine the location of a row (health officer).
    Place(Place),
}

#[derive(Debug, Args)]
pub struct List {
    /// Only this state: waiting, placed, or lapsed (no longer listed by a notice).
    #[arg(long, default_value = "waiting")]
    state: String,
    /// Rows in any state.
    #[arg(long, conflicts_with = "state")]
    all: bool,
    #[command(flatten)]
    listing: ListArgs,
}

#[derive(Debug, Args)]
pub struct Place {
    /// Code of the county or street.
    #[arg(long)]
    division: String,
    /// The community within it; default: the whole division.
    #[arg(long, default_value = "")]
    community: String,
    #[command(flatten)]
    act: ActArgs,
}

impl UnplacedAreas {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => {
                let state = constant("UNPLACED_AREA_STATE", &list.state);
                let filters = Query::default().with("state", (!list.all).then_some(state));
                NOUN.list(&list.listing, filters).await.map(drop)
            }
            Self::Show(show) => NOUN.show(&show.name, &show.call).await.map(drop),
            Self::Place(place) => {
                let mut body = place.act.body();
                body["division"] = json!(place.division);
                body["community"] = json!(place.community);
                NOUN.act(&place.act, "place", body).await
            }
        }
    }
}
