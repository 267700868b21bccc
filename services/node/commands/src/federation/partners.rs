//! `federation partners`: how far other provinces and the national platform are believed.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use lutong_client::Failure;
use lutong_client::noun::{ActArgs, ListArgs, Noun, Query, Show, at, constant, text, word};

const NOUN: Noun = Noun {
    collection: "partners",
    many: "partners",
    one: "partner",
    columns: &[
        ("名称", "NAME", |one| text(&one["name"])),
        ("地区", "PARTNER", |one| text(&one["display_name"])),
        ("状态", "STATE", |one| word(&one["state"], "PARTNER_STATE")),
        ("拟变更为", "PROPOSED", |one| {
            word(&one["proposed_state"], "PARTNER_STATE")
        }),
        ("提出人", "PROPOSER", |one| text(&one["approval"]["proposer"])),
        ("批准人", "APPROVER", |one| text(&one["approval"]["approver"])),
        ("移除时间", "REMOVED", |one| at(&one["remove_time"])),
    ],
    details: |_| {},
};

#[derive(Debug, Subcommand)]
pub enum Partners {
    /// List partners, also those that are on no trust list now.
    List(List),
    /// Show one partner.
    Show(Show),
    /// Propose another state of a partner; another operator approves it.
    Propose(Propose),
    /// Approve the state that another operator proposed.
    Approve(ActArgs),
    /// Put a proposed state away.
    Reject(ActArgs),
}

#[derive(Debug, Args)]
pub struct List {
    /// Only this state: test, pilot, live, suspended or damaged.
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    listing: ListArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    Test,
    Pilot,
    Live,
    Suspended,
}

#[derive(Debug, Args)]
pub struct Propose {
    #[command(flatten)]
    act: ActArgs,
    /// The state to move it to.
    #[arg(long, value_enum)]
    state: State,
    /// Why: whoever approves it reads this.
    #[arg(long)]
    reason: String,
}

impl Partners {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => {
                let state = list.state.map(|state| constant("PARTNER_STATE", &state));
                let filters = Query::default().with("state", state);
                NOUN.list(&list.listing, filters).await.map(drop)
            }
            Self::Show(show) => NOUN.show(&show.name, &show.call).await.map(drop),
            Self::Propose(propose) => {
                let mut body = propose.act.body();
                body["proposed_state"] = json!(match propose.state {
                    State::Test => "PARTNER_STATE_TEST",
                    State::Pilot => "PARTNER_STATE_PILOT",
                    State::Live => "PARTNER_STATE_LIVE",
                    State::Suspended => "PARTNER_STATE_SUSPENDED",
                });
                body["reason"] = json!(propose.reason);
                NOUN.act(&propose.act, "propose", body).await
            }
            Self::Approve(act) => NOUN.act(&act, "approve", act.body()).await,
            Self::Reject(act) => NOUN.act(&act, "reject", act.body()).await,
        }
    }
}
