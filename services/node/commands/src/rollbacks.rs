//! `rollbacks`: rollbacks of a feed's reports, proposed by one supervisor and approved by another.

use clap::{Args, Subcommand};
use lutong_proto::types::v1::PurposeCode;
use serde_json::{Value, json};

use lutong_client::Failure;
use lutong_client::noun::{
    ChangeArgs, ListArgs, Noun, PersonalActArgs, Query, Show, WaitArgs, at, constant, items, text, word,
};
use lutong_client::waiting::Host;
use lutong_client::why::Why;

const NOUN: Noun = Noun {
    collection: "rollbacks",
    many: "rollbacks",
    one: "rollback",
    columns: &[
        // A dry run has no name.
        ("名称", "NAME", |one| match text(&one["name"]) {
            name if name.is_empty() => "-".to_owned(),
            name => name,
        }),
        ("状态", "STATE", |one| word(&one["state"], "ROLLBACK_STATE")),
        ("数据源", "SOURCE", |one| text(&one["source"])),
        ("起", "FROM", |one| at(&one["start_time"])),
        ("止", "UNTIL", |one| at(&one["end_time"])),
        ("提出人", "PROPOSER", |one| text(&one["approval"]["proposer"])),
        ("批准人", "APPROVER", |one| text(&one["approval"]["approver"])),
        ("原因", "REASON", |one| text(&one["reason"])),
    ],
    details,
};

#[derive(Debug, Subcommand)]
pub enum Rollbacks {
    /// List rollbacks of feeds in the account's division, newest first; `--state proposed` lists what waits for
    /// approval.
    List(List),
    /// Show one rollback.
    Show(Show),
    /// Propose to roll back a period, and count what that would change.
    Propose(Propose),
    /// Approve a proposal of another account, which carries out the rollback.
    Approve(Approve),
    /// Reject a proposal of another account.
    Reject(PersonalActArgs),
    /// Withdraw one's own proposal.
    Withdraw(PersonalActArgs),
}

#[derive(Debug, Args)]
pub struct List {
    /// Only this state: proposed, approved, rejected, withdrawn or done.
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    listing: ListArgs,
}

#[derive(Debug, Args)]
pub struct Propose {
    /// The feed's registered name.
    source: String,
    /// Start of the period, by time of recording (RFC 3339).
    #[arg(long)]
    from: String,
    /// End of the period (exclusive).
    #[arg(long)]
    until: String,
    /// The reason.
    #[arg(long)]
    reason: String,
    /// Only count, without proposing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
pub struct Approve {
    #[command(flatten)]
    action: PersonalActArgs,
    #[command(flatten)]
    wait: WaitArgs,
}

impl Rollbacks {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => {
                let state = list.state.map(|state| constant("ROLLBACK_STATE", &state));
                let filters = Query::default().with("state", state);
                NOUN.list(&list.listing, filters).await.map(drop)
            }
            Self::Show(show) => NOUN.show(&show.name, &show.call).await.map(drop),
            Self::Propose(propose) => propose.run().await,
            Self::Approve(Approve { action, wait }) => {
                let path = format!("{}:approve", NOUN.path(&action.act.name));
                let body = action.body(PurposeCode::DataCorrection);
                let sent = (&action.act.change, wait);
                NOUN.begin(Host::RiskRules, &path, body, sent).await.map(drop)
            }
            Self::Reject(act) => send(act, "reject").await,
            Self::Withdraw(act) => send(act, "withdraw").await,
        }
    }
}

async fn send(action: PersonalActArgs, verb: &str) -> Result<(), Failure> {
    let body = action.body(PurposeCode::DataCorrection);
    NOUN.act(&action.act, verb, body).await
}

impl Propose {
    async fn run(self) -> Result<(), Failure> {
        let body = json!({
            "source": self.source,
            "start_time": self.from,
            "end_time": self.until,
            "reason": self.reason,
            "validate_only": self.dry_run,
            "purpose": self.why.json(PurposeCode::DataCorrection),
        });
        let answer = self.change.post("/v1/rollbacks", body).await?;
        NOUN.say(&answer, self.change.call.json);
        Ok(())
    }
}

fn details(one: &Value) {
    let count = |part: &str, name: &str| text(&one[part][name]);
    if one["preview"].is_object() {
        let count = |name| count("preview", name);
        let (subjects, retracted, restated) = (count("subjects"), count("retracted"), count("restated"));
        tell!(
            "将会涉及 {subjects} 人，撤回 {retracted} 条，恢复 {restated} 条",
            "would affect {subjects} people, retract {retracted} facts, restore {restated}"
        );
        for change in items(&one["preview"], "colour_changes") {
            let colour = |name: &str| word(&change[name], "COLOUR");
            say!(
                "  {} → {}: {}",
                colour("before"),
                colour("after"),
                text(&change["count"])
            );
        }
        let tried = count("tried_subjects");
        if tried != subjects {
            tell!(
                "  颜色仅试算了前 {tried} 人",
                "  colours evaluated for the first {tried} only"
            );
        }
    }
    if one["outcome"].is_object() {
        let count = |name| count("outcome", name);
        let (subjects, retracted) = (count("subjects"), count("retracted"));
        let (restated, redecided) = (count("restated"), count("redecided"));
        tell!(
            "已办：涉及 {subjects} 人，撤回 {retracted} 条，恢复 {restated} 条，重新判定 {redecided} 人",
            "done: {subjects} people affected, {retracted} facts retracted, {restated} restored, {redecided} people re-evaluated"
        );
    }
}
