//! `key-areas`: divisions managed as key areas, proposed by one officer and approved by another.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use lutong_client::Failure;
use lutong_client::noun::{ActArgs, ChangeArgs, ListArgs, Noun, Query, Show, at, constant, text, word};

const NOUN: Noun = Noun {
    collection: "key-areas",
    many: "key_areas",
    one: "key_area",
    columns: &[
        ("名称", "NAME", |one| text(&one["name"])),
        ("状态", "STATE", |one| word(&one["state"], "KEY_AREA_STATE")),
        ("区划", "DIVISION", |one| text(&one["division"])),
        ("起", "FROM", |one| at(&one["start_time"])),
        ("止", "UNTIL", |one| at(&one["end_time"])),
        ("提出人", "PROPOSER", |one| text(&one["approval"]["proposer"])),
        ("批准人", "APPROVER", |one| text(&one["approval"]["approver"])),
    ],
    details: |_| {},
};

#[derive(Debug, Subcommand)]
pub enum KeyAreas {
    /// List key areas and proposals; `--state proposed` lists what waits for a second officer.
    List(List),
    /// Show one key area.
    Show(Show),
    /// Propose a key area; another officer approves it.
    Propose(Propose),
    /// Approve a proposal of another officer.
    Approve(ActArgs),
    /// Reject a proposal of another officer.
    Reject(ActArgs),
    /// Withdraw one's own proposal.
    Withdraw(ActArgs),
    /// End a key area early.
    End(ActArgs),
}

#[derive(Debug, Args)]
pub struct List {
    /// Only this state: proposed, approved, rejected, withdrawn, ended or expired.
    #[arg(long)]
    state: Option<String>,
    /// Only this division, within the account's own.
    #[arg(long)]
    division: Option<String>,
    #[command(flatten)]
    listing: ListArgs,
}

/// The legal basis of a key area.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Basis {
    /// Law on the Prevention and Treatment of Infectious Diseases, article 42.
    EmergencyMeasures,
    /// The same, article 43.
    EpidemicArea,
    /// A notice of the joint prevention and control mechanism.
    JointMechanism,
}

#[derive(Debug, Args)]
pub struct Propose {
    /// Code of the division.
    #[arg(long)]
    division: String,
    /// Start: `2022-11-26T00:00:00+08:00`.
    #[arg(long)]
    from: String,
    /// Planned end (exclusive), if any.
    #[arg(long, alias = "to")]
    until: Option<String>,
    #[arg(long, value_enum)]
    legal_basis: Basis,
    #[command(flatten)]
    change: ChangeArgs,
}

impl KeyAreas {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => {
                let state = list.state.map(|state| constant("KEY_AREA_STATE", &state));
                let filters = Query::default()
                    .with("state", state)
                    .with("division", list.division);
                NOUN.list(&list.listing, filters).await.map(drop)
            }
            Self::Show(show) => NOUN.show(&show.name, &show.call).await.map(drop),
            Self::Propose(propose) => propose.run().await,
            Self::Approve(act) => NOUN.act(&act, "approve", act.body()).await,
            Self::Reject(act) => NOUN.act(&act, "reject", act.body()).await,
            Self::Withdraw(act) => NOUN.act(&act, "withdraw", act.body()).await,
            Self::End(act) => NOUN.act(&act, "end", act.body()).await,
        }
    }
}

impl Propose {
    async fn run(self) -> Result<(), Failure> {
        let basis = match self.legal_basis {
            Basis::EmergencyMeasures => "LEGAL_BASIS_CODE_PICL_42",
            Basis::EpidemicArea => "LEGAL_BASIS_CODE_PICL_43",
            Basis::JointMechanism => "LEGAL_BASIS_CODE_JOINT_MECHANISM",
        };
        let mut body = json!({
            "division": self.division,
            "start_time": self.from,
            "legal_basis": basis,
        });
        if let Some(until) = self.until {
            body["end_time"] = json!(until);
        }
        let answer = self.change.post("/v1/key-areas", body).await?;
        NOUN.say(&answer, self.change.call.json);
        Ok(())
    }
}
