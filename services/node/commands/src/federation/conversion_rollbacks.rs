//! `federation conversions rollback`: what a partner said within a period is no longer believed.

use clap::{Args, Subcommand};
use serde_json::json;

use lutong_client::Failure;
use lutong_client::noun::{ActArgs, ChangeArgs, ListArgs, Noun, Query, Show, at, constant, text, word};

const NOUN: Noun = Noun {
    collection: "conversion-rollbacks",
    many: "conversion_rollbacks",
    one: "conversion_rollback",
    columns: &[
        // A dry run has no name.
        ("名称", "NAME", |one| match text(&one["name"]) {
            name if name.is_empty() => "-".to_owned(),
            name => name,
        }),
        ("状态", "STATE", |one| {
            word(&one["state"], "CONVERSION_ROLLBACK_STATE")
        }),
        ("来源", "PARTNER", |one| text(&one["partner_id"])),
        ("签名公钥", "KEY", |one| text(&one["key_id"])),
        ("起", "FROM", |one| at(&one["start_time"])),
        ("止", "UNTIL", |one| at(&one["end_time"])),
        ("转码数", "CONVERSIONS", |one| text(&one["conversions"])),
        ("提出人", "PROPOSER", |one| text(&one["approval"]["proposer"])),
        ("批准人", "APPROVER", |one| text(&one["approval"]["approver"])),
        ("原因", "REASON", |one| text(&one["reason"])),
    ],
    details: |_| {},
};

#[derive(Debug, Subcommand)]
pub enum ConversionRollbacks {
    /// List rollbacks, the newest first; `--state proposed` lists what waits for a second operator.
    List(List),
    /// Show one rollback.
    Show(Show),
    /// Propose a rollback, and count what it concerns; another operator approves it.
    Propose(Propose),
    /// Approve a rollback that another operator proposed.
    Approve(ActArgs),
    /// Put a proposed rollback away.
    Reject(ActArgs),
}

#[derive(Debug, Args)]
pub struct List {
    /// Only this state: proposed, approved, done or rejected.
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    listing: ListArgs,
}

#[derive(Debug, Args)]
pub struct Propose {
    /// The partner: two digits.
    partner: String,
    /// Start of the period: when codes were converted or changes taken in, by our clock (RFC 3339).
    #[arg(long)]
    from: String,
    /// End of the period (exclusive), not later than now.
    #[arg(long)]
    until: String,
    /// Only what was signed with this key of the partner: its key id.
    #[arg(long)]
    signed_with: Option<String>,
    /// Why: whoever approves it reads this.
    #[arg(long)]
    reason: String,
    /// Only count, without proposing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

impl ConversionRollbacks {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => {
                let state = list.state;
                let state = state.map(|state| constant("CONVERSION_ROLLBACK_STATE", &state));
                let filters = Query::default().with("state", state);
                NOUN.list(&list.listing, filters).await.map(drop)
            }
            Self::Show(show) => NOUN.show(&show.name, &show.call).await.map(drop),
            Self::Propose(propose) => propose.run().await,
            Self::Approve(act) => NOUN.act(&act, "approve", act.body()).await,
            Self::Reject(act) => NOUN.act(&act, "reject", act.body()).await,
        }
    }
}

impl Propose {
    async fn run(self) -> Result<(), Failure> {
        let body = json!({
            "partner_id": self.partner,
            "key_id": self.signed_with.unwrap_or_default(),
            "start_time": self.from,
            "end_time": self.until,
            "reason": self.reason,
            "validate_only": self.dry_run,
        });
        let answer = self.change.post("/v1/conversion-rollbacks", body).await?;
        NOUN.say(&answer, self.change.call.json);
        Ok(())
    }
}
