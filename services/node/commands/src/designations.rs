//! `designations`: people managed as high or medium risk by decision of two officers.

use clap::{Args, Subcommand, ValueEnum};
use lutong_proto::types::v1::PurposeCode;
use serde_json::json;

use lutong_client::Failure;
use lutong_client::noun::{
    CallArgs, ChangeArgs, Noun, PersonalActArgs, PersonalListArgs, PersonalShow, Query, at, constant, items,
    text, word,
};
use lutong_client::output::{in_language, table};
use lutong_client::why::Why;

const NOUN: Noun = Noun {
    collection: "designations",
    many: "designations",
    one: "designation",
    columns: &[
        ("名称", "NAME", |one| text(&one["name"])),
        ("状态", "STATE", |one| word(&one["state"], "DESIGNATION_STATE")),
        ("等级", "LEVEL", |one| word(&one["level"], "DESIGNATION_LEVEL")),
        ("起", "FROM", |one| at(&one["start_time"])),
        ("止", "UNTIL", |one| at(&one["end_time"])),
        ("提出人", "PROPOSER", |one| text(&one["approval"]["proposer"])),
        ("批准人", "APPROVER", |one| text(&one["approval"]["approver"])),
    ],
    details: |_| {},
};

#[derive(Debug, Subcommand)]
pub enum Designations {
    /// List those of the account's division, newest first; `--state proposed` lists what waits for a second officer.
    List(List),
    /// Show one designation.
    Show(PersonalShow),
    /// Count them by division and legal basis; public.
    Count(Count),
    /// Propose a designation; another officer approves it.
    Propose(Propose),
    /// Approve a proposal of another officer.
    Approve(PersonalActArgs),
    /// Reject a proposal of another officer.
    Reject(PersonalActArgs),
    /// Withdraw one's own proposal.
    Withdraw(PersonalActArgs),
    /// End a designation early.
    End(PersonalActArgs),
}

#[derive(Debug, Args)]
pub struct List {
    /// Only this state: proposed, approved, rejected, withdrawn, ended, expired or retracted.
    #[arg(long)]
    state: Option<String>,
    /// Only this division, within the account's own.
    #[arg(long)]
    division: Option<String>,
    #[command(flatten)]
    page: PersonalListArgs,
}

#[derive(Debug, Args)]
pub struct Count {
    #[command(flatten)]
    call: CallArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Level {
    High,
    Medium,
}

#[derive(Debug, Args)]
pub struct Propose {
    /// The subject id.
    #[arg(long)]
    subject: String,
    #[arg(long, value_enum)]
    level: Level,
    /// Start, RFC 3339.
    #[arg(long)]
    from: String,
    /// End (exclusive), RFC 3339.
    #[arg(long)]
    until: String,
    /// The legal basis: picl-39, picl-41, picl-42, fhql-12 or erl-49.
    #[arg(long)]
    legal_basis: String,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    change: ChangeArgs,
}

impl Designations {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => {
                let state = list.state.map(|state| constant("DESIGNATION_STATE", &state));
                let filters = Query::default()
                    .with("state", state)
                    .with("division", list.division)
                    .purpose(&list.page.why, PurposeCode::Management);
                NOUN.list(&list.page.listing, filters).await.map(drop)
            }
            Self::Show(show) => NOUN.show_personal(&show, PurposeCode::Management).await.map(drop),
            Self::Count(count) => count.run().await,
            Self::Propose(propose) => propose.run().await,
            Self::Approve(act) => send(act, "approve").await,
            Self::Reject(act) => send(act, "reject").await,
            Self::Withdraw(act) => send(act, "withdraw").await,
            Self::End(act) => send(act, "end").await,
        }
    }
}

async fn send(action: PersonalActArgs, verb: &str) -> Result<(), Failure> {
    let body = action.body(PurposeCode::Management);
    NOUN.act(&action.act, verb, body).await
}

impl Count {
    async fn run(self) -> Result<(), Failure> {
        let api = self.call.target.api_of_anybody().await?;
        let answer = api.get("/v1/designations:count").await?;
        if self.call.json {
            say!("{answer}");
            return Ok(());
        }
        let cells = |one: &serde_json::Value| {
            let basis = &one["legal_basis"]["code"];
            vec![text(&one["division"]), text(basis), text(&one["count"])]
        };
        let rows: Vec<_> = items(&answer, "counts").iter().map(cells).collect();
        let heading = [
            in_language("区划", "DIVISION"),
            in_language("依据", "LEGAL BASIS"),
            in_language("件数", "COUNT"),
        ];
        table(&heading, &rows);
        Ok(())
    }
}

impl Propose {
    async fn run(self) -> Result<(), Failure> {
        let level = match self.level {
            Level::High => "DESIGNATION_LEVEL_HIGH",
            Level::Medium => "DESIGNATION_LEVEL_MEDIUM",
        };
        let body = json!({
            "subject_id": self.subject,
            "level": level,
            "start_time": self.from,
            "end_time": self.until,
            "legal_basis": constant("LEGAL_BASIS_CODE", &self.legal_basis),
            "purpose": self.why.json(PurposeCode::Management),
        });
        let answer = self.change.post("/v1/designations", body).await?;
        NOUN.say(&answer, self.change.call.json);
        Ok(())
    }
}
