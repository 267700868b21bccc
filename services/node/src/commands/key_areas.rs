//! `key-areas`: divisions managed as key areas, which one officer proposes and another approves.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::Failure;
use super::api::{id_of, segment};
use super::client::{Repeatable, Target};
use crate::output::{complain, in_language, table};

#[derive(Debug, Subcommand)]
pub enum KeyAreas {
    /// Key areas and proposals of them.
    List(List),
    /// One of them.
    Show(Show),
    /// Propose one; another officer approves it.
    Propose(Propose),
    /// Bring a proposal of another officer into force.
    Approve(Act),
    /// Refuse a proposal of another officer.
    Reject(Act),
    /// Take an own proposal back.
    Withdraw(Act),
    /// End one before its time.
    End(Act),
}

#[derive(Debug, Args)]
pub struct List {
    /// How many at the most.
    #[arg(long, default_value_t = 50)]
    page_size: u32,
    /// The next page, as the page before says.
    #[arg(long)]
    page_token: Option<String>,
    /// The API's JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub struct Show {
    /// `key-areas/…`, or only what follows the slash.
    key_area: String,
    /// The API's JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// What a key area is declared by.
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
    /// From when on: `2022-11-26T00:00:00+08:00`.
    #[arg(long)]
    from: String,
    /// Until before this instant, if that is planned.
    #[arg(long, alias = "to")]
    until: Option<String>,
    #[arg(long, value_enum)]
    legal_basis: Basis,
    #[command(flatten)]
    sent: Sent,
}

#[derive(Debug, Args)]
pub struct Act {
    /// `key-areas/…`, or only what follows the slash.
    key_area: String,
    /// Only while it is as it was when its etag was this.
    #[arg(long)]
    etag: Option<String>,
    #[command(flatten)]
    sent: Sent,
}

/// What every change carries.
#[derive(Debug, Args)]
struct Sent {
    #[command(flatten)]
    repeatable: Repeatable,
    /// The API's JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl KeyAreas {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::Propose(propose) => propose.run().await,
            Self::Approve(act) => act.run("approve").await,
            Self::Reject(act) => act.run("reject").await,
            Self::Withdraw(act) => act.run("withdraw").await,
            Self::End(act) => act.run("end").await,
        }
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let mut path = format!("/v1/key-areas?page_size={}", self.page_size);
        if let Some(token) = &self.page_token {
            path.push_str(&format!("&page_token={}", segment(token)));
        }
        let answer = self.target.api().await?.get(&path).await?;
        if self.json {
            say!("{answer}");
            return Ok(());
        }
        let listed = answer["key_areas"].as_array().map_or(&[][..], Vec::as_slice);
        table(&heading(), &listed.iter().map(row).collect::<Vec<_>>());
        let next = answer["next_page_token"].as_str().unwrap_or_default();
        if !next.is_empty() {
            let more = in_language("下一页", "next page");
            complain(format_args!("{more}: --page-token {next}"));
        }
        Ok(())
    }
}

impl Show {
    async fn run(self) -> Result<(), Failure> {
        let answer = self.target.api().await?.get(&path_of(&self.key_area)).await?;
        tell(&answer, self.json);
        Ok(())
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
        self.sent.send("/v1/key-areas", body).await
    }
}

impl Act {
    async fn run(self, verb: &str) -> Result<(), Failure> {
        let path = format!("{}:{verb}", path_of(&self.key_area));
        let body = self.etag.map_or_else(|| json!({}), |etag| json!({"etag": etag}));
        self.sent.send(&path, body).await
    }
}

impl Sent {
    async fn send(self, path: &str, mut body: Value) -> Result<(), Failure> {
        body["request_id"] = json!(self.repeatable.request_id());
        let answer = self.target.api().await?.post(path, &body).await?;
        tell(&answer, self.json);
        Ok(())
    }
}

fn path_of(name: &str) -> String {
    format!("/v1/key-areas/{}", segment(id_of("key-areas", name)))
}

fn tell(answer: &Value, json: bool) {
    if json {
        say!("{answer}");
        return;
    }
    table(&heading(), &[row(&answer["key_area"])]);
    let effect = &answer["effect"];
    if effect.is_object() {
        say!("{}", super::areas::round_json(effect));
    }
}

fn heading() -> [&'static str; 7] {
    [
        in_language("名称", "NAME"),
        in_language("状态", "STATE"),
        in_language("区划", "DIVISION"),
        in_language("起", "FROM"),
        in_language("止", "UNTIL"),
        in_language("提出人", "PROPOSER"),
        in_language("批准人", "APPROVER"),
    ]
}

fn row(one: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let state = text(&one["state"]).replace("KEY_AREA_STATE_", "").to_lowercase();
    vec![
        text(&one["name"]),
        state,
        text(&one["division"]),
        text(&one["start_time"]),
        text(&one["end_time"]),
        text(&one["approval"]["proposer"]),
        text(&one["approval"]["approver"]),
    ]
}
