//! `designations`: others to be managed as high or medium risk, by two officers.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::Failure;
use super::api::{id_of, segment};
use super::client::{Repeatable, Target};
use super::why::Why;
use crate::output::{complain, in_language, table};
use lutong_proto::types::v1::PurposeCode;

#[derive(Debug, Subcommand)]
pub enum Designations {
    /// Those of one's division, the newest first; `--state proposed`: what waits for the second officer.
    List(List),
    /// One of them.
    Show(Show),
    /// How many there are of each division and legal basis; for everybody.
    Count(Count),
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
    /// proposed, approved, rejected, withdrawn, ended, expired or retracted.
    #[arg(long)]
    state: Option<String>,
    /// A division of one's own.
    #[arg(long)]
    division: Option<String>,
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
    /// `designations/…`, or only what follows the slash.
    designation: String,
    /// The API's JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub struct Count {
    /// The API's JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Level {
    High,
    Medium,
}

#[derive(Debug, Args)]
pub struct Propose {
    /// Whom it is about.
    #[arg(long)]
    subject: String,
    #[arg(long, value_enum)]
    level: Level,
    /// From when on, RFC 3339.
    #[arg(long)]
    from: String,
    /// Until before this instant.
    #[arg(long)]
    until: String,
    /// picl-39, picl-41, picl-42, fhql-12 or erl-49.
    #[arg(long)]
    legal_basis: String,
    #[command(flatten)]
    sent: Sent,
}

#[derive(Debug, Args)]
pub struct Act {
    /// `designations/…`, or only what follows the slash.
    designation: String,
    /// Only while it is as it was when its etag was this.
    #[arg(long)]
    etag: Option<String>,
    #[command(flatten)]
    sent: Sent,
}

/// What every change carries.
#[derive(Debug, Args)]
pub struct Sent {
    #[command(flatten)]
    repeatable: Repeatable,
    #[command(flatten)]
    why: Why,
    /// The API's JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Designations {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::Count(count) => count.run().await,
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
        let mut path = format!("/v1/designations?page_size={}", self.page_size);
        if let Some(state) = &self.state {
            path.push_str(&format!(
                "&state={}",
                segment(&constant("DESIGNATION_STATE", state))
            ));
        }
        if let Some(division) = &self.division {
            path.push_str(&format!("&division={}", segment(division)));
        }
        if let Some(token) = &self.page_token {
            path.push_str(&format!("&page_token={}", segment(token)));
        }
        let answer = self.target.api().await?.get(&path).await?;
        if self.json {
            say!("{answer}");
            return Ok(());
        }
        let rows: Vec<Vec<String>> = items(&answer, "designations").iter().map(row).collect();
        table(&heading(), &rows);
        if let Some(next) = answer["next_page_token"]
            .as_str()
            .filter(|token| !token.is_empty())
        {
            let more = in_language("下一页", "next page");
            complain(format_args!("{more}: --page-token {next}"));
        }
        Ok(())
    }
}

impl Show {
    async fn run(self) -> Result<(), Failure> {
        let path = format!(
            "/v1/designations/{}",
            segment(id_of("designations", &self.designation))
        );
        let answer = self.target.api().await?.get(&path).await?;
        tell(&answer, self.json);
        Ok(())
    }
}

impl Count {
    async fn run(self) -> Result<(), Failure> {
        let answer = self
            .target
            .api_of_anybody()
            .await?
            .get("/v1/designations:count")
            .await?;
        if self.json {
            say!("{answer}");
            return Ok(());
        }
        let rows: Vec<Vec<String>> = items(&answer, "counts")
            .iter()
            .map(|one| {
                vec![
                    text(&one["division"]),
                    text(&one["legal_basis"]["code"]),
                    text(&one["count"]),
                ]
            })
            .collect();
        let heading = ["区划", "依据", "件数"];
        let english = ["DIVISION", "LEGAL BASIS", "COUNT"];
        table(&in_both(heading, english), &rows);
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
        });
        self.sent.send("/v1/designations", body).await
    }
}

impl Act {
    async fn run(self, verb: &str) -> Result<(), Failure> {
        let path = format!(
            "/v1/designations/{}:{verb}",
            segment(id_of("designations", &self.designation))
        );
        let body = self
            .etag
            .as_ref()
            .map_or_else(|| json!({}), |etag| json!({"etag": etag}));
        self.sent.send(&path, body).await
    }
}

impl Sent {
    async fn send(self, path: &str, mut body: Value) -> Result<(), Failure> {
        let purpose = self.why.purpose(PurposeCode::Management);
        body["request_id"] = json!(self.repeatable.request_id());
        body["purpose"] = json!({"code": purpose.code().as_str_name(), "reference": purpose.reference});
        let answer = self.target.api().await?.post(path, &body).await?;
        tell(&answer, self.json);
        Ok(())
    }
}

fn tell(answer: &Value, json: bool) {
    if json {
        say!("{answer}");
    } else {
        table(&heading(), &[row(&answer["designation"])]);
    }
}

fn heading() -> [&'static str; 6] {
    in_both(
        ["名称", "状态", "等级", "起", "止", "提出人"],
        ["NAME", "STATE", "LEVEL", "FROM", "UNTIL", "PROPOSER"],
    )
}

fn in_both<const N: usize>(zh: [&'static str; N], en: [&'static str; N]) -> [&'static str; N] {
    let mut chosen = en;
    for (one, zh) in chosen.iter_mut().zip(zh) {
        *one = in_language(zh, one);
    }
    chosen
}

fn row(one: &Value) -> Vec<String> {
    let last = |value: &Value, prefix: &str| text(value).replace(prefix, "").to_lowercase();
    vec![
        text(&one["name"]),
        last(&one["state"], "DESIGNATION_STATE_"),
        last(&one["level"], "DESIGNATION_LEVEL_"),
        text(&one["start_time"]),
        text(&one["end_time"]),
        text(&one["approval"]["proposer"]),
    ]
}

fn items<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    answer[name].as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(String::new, str::to_owned)
}

/// `picl-39` is `LEGAL_BASIS_CODE_PICL_39`.
fn constant(prefix: &str, word: &str) -> String {
    format!("{prefix}_{}", word.to_uppercase().replace('-', "_"))
}
