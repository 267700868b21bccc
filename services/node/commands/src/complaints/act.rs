//! `complaints act`: what staff do with a case.

use clap::{Args, Subcommand, ValueEnum};
use lutong_proto::types::v1::PurposeCode;
use serde_json::{Value, json};

use super::NOUN;
use lutong_client::Failure;
use lutong_client::noun::PersonalActArgs;

#[derive(Debug, Subcommand)]
pub enum Act {
    /// Give a case to a division within the account's own, and there to an officer.
    Assign(Assign),
    /// Take a case up.
    Take(Bare),
    /// Ask the filer, another authority or another province.
    Ask(Ask),
    /// Answer a case; of a place with what was found.
    Answer(Answer),
    /// Return a case that is not one's own to the division above.
    Return(Reasoned),
    /// Extend the answer by working days.
    Extend(Extend),
    /// Reopen an answered or closed case.
    Reopen(Reasoned),
    /// Merge a case into another of its kind.
    Merge(Merge),
    /// Note what the filer said when asked whether it was solved.
    Revisit(Revisit),
    /// Close an answered case.
    Close(Reasoned),
}

#[derive(Debug, Args)]
pub struct Bare {
    #[command(flatten)]
    act: PersonalActArgs,
}

#[derive(Debug, Args)]
pub struct Reasoned {
    /// Why; for staff only.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    act: PersonalActArgs,
}

#[derive(Debug, Args)]
pub struct Assign {
    #[arg(long)]
    division: String,
    /// The account of an officer there.
    #[arg(long)]
    assignee: Option<String>,
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    act: PersonalActArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Whom {
    Filer,
    Authority,
    OtherProvince,
}

#[derive(Debug, Args)]
pub struct Ask {
    #[arg(long, value_enum, default_value = "filer")]
    whom: Whom,
    #[arg(long)]
    text: String,
    #[command(flatten)]
    act: PersonalActArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Finding {
    Confirmed,
    NotConfirmed,
}

#[derive(Debug, Args)]
pub struct Answer {
    /// The answer, shown to the filer.
    #[arg(long)]
    text: String,
    /// Of a place: whether what was reported is so.
    #[arg(long, value_enum)]
    finding: Option<Finding>,
    #[command(flatten)]
    act: PersonalActArgs,
}

#[derive(Debug, Args)]
pub struct Extend {
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..=10))]
    working_days: i32,
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    act: PersonalActArgs,
}

#[derive(Debug, Args)]
pub struct Merge {
    /// The case that goes on.
    #[arg(long)]
    into: String,
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    act: PersonalActArgs,
}

#[derive(Debug, Args)]
pub struct Revisit {
    /// The filer was really contacted.
    #[arg(long)]
    contacted: bool,
    /// It is solved.
    #[arg(long)]
    solved: bool,
    /// The filer is satisfied.
    #[arg(long)]
    satisfied: bool,
    /// What else was said; for staff only.
    #[arg(long)]
    text: Option<String>,
    #[command(flatten)]
    act: PersonalActArgs,
}

impl Act {
    pub async fn run(self) -> Result<(), Failure> {
        let (act, verb, fields) = self.parts();
        let mut body = act.body(PurposeCode::ComplaintReview);
        if let (Value::Object(body), Value::Object(fields)) = (&mut body, fields) {
            body.extend(fields);
        }
        NOUN.act(&act.act, verb, body).await
    }

    /// The case, the verb of its path, and the fields of its body.
    fn parts(self) -> (PersonalActArgs, &'static str, Value) {
        match self {
            Self::Take(Bare { act }) => (act, "take", json!({})),
            Self::Return(one) => (one.act, "return", json!({"reason": one.reason})),
            Self::Reopen(one) => (one.act, "reopen", json!({"reason": one.reason})),
            Self::Close(one) => (one.act, "close", json!({"reason": one.reason})),
            Self::Assign(one) => {
                let fields = json!({
                    "division": one.division,
                    "assignee": one.assignee.unwrap_or_default(),
                    "reason": one.reason.unwrap_or_default(),
                });
                (one.act, "assign", fields)
            }
            Self::Ask(one) => {
                let whom = match one.whom {
                    Whom::Filer => "WAITING_FOR_FILER",
                    Whom::Authority => "WAITING_FOR_AUTHORITY",
                    Whom::OtherProvince => "WAITING_FOR_OTHER_PROVINCE",
                };
                (one.act, "ask", json!({"waiting_for": whom, "text": one.text}))
            }
            Self::Answer(one) => {
                let mut fields = json!({"text": one.text});
                if let Some(finding) = one.finding {
                    fields["finding"] = json!(match finding {
                        Finding::Confirmed => "PLACE_FINDING_CONFIRMED",
                        Finding::NotConfirmed => "PLACE_FINDING_NOT_CONFIRMED",
                    });
                }
                (one.act, "answer", fields)
            }
            Self::Extend(one) => {
                let fields = json!({"working_days": one.working_days, "reason": one.reason});
                (one.act, "extend", fields)
            }
            Self::Merge(one) => {
                let into = if one.into.starts_with("cases/") {
                    one.into
                } else {
                    format!("cases/{}", one.into)
                };
                (one.act, "merge", json!({"into": into, "reason": one.reason}))
            }
            Self::Revisit(one) => {
                let said =
                    json!({"contacted": one.contacted, "solved": one.solved, "satisfied": one.satisfied});
                let fields = json!({"revisit": said, "text": one.text.unwrap_or_default()});
                (one.act, "revisit", fields)
            }
        }
    }
}
