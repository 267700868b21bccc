//! `rollbacks`: undoing what a feed reported, proposed by one supervisor and approved by another.

use clap::{Args, Subcommand};
use lutong_proto::types::v1::PurposeCode;
use serde_json::{Value, json};

use lutong_client::Failure;
use lutong_client::noun::{ActFor, Listing, Noun, Query, Sent, Show, Wait, at, constant, items, text, word};
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
    /// Rollbacks of feeds in one's division, the newest first; `--state proposed`: what waits for a second account.
    List(List),
    /// One of them.
    Show(Show),
    /// Propose to undo a span, and count what that would change.
    Propose(Propose),
    /// Approve what another account proposed: it is undone.
    Approve(Approve),
    /// Refuse what another account proposed.
    Reject(ActFor),
    /// Take one's own proposal back.
    Withdraw(ActFor),
}

#[derive(Debug, Args)]
pub struct List {
    /// proposed, approved, rejected, withdrawn or done.
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    listing: Listing,
}

#[derive(Debug, Args)]
pub struct Propose {
    /// The feed.
    source: String,
    /// From this instant of recording on (RFC 3339).
    #[arg(long)]
    from: String,
    /// Until before this one.
    #[arg(long)]
    until: String,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Only count.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    sent: Sent,
}

#[derive(Debug, Args)]
pub struct Approve {
    #[command(flatten)]
    action: ActFor,
    #[command(flatten)]
    wait: Wait,
}

impl Rollbacks {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => {
                let state = list.state.map(|state| constant("ROLLBACK_STATE", &state));
                let filters = Query::default().with("state", state);
                NOUN.list(&list.listing, filters).await.map(drop)
            }
            Self::Show(show) => NOUN.show(&show.name, &show.shown).await.map(drop),
            Self::Propose(propose) => propose.run().await,
            Self::Approve(Approve { action, wait }) => {
                let path = format!("{}:approve", NOUN.path(&action.act.name));
                let body = action.body(PurposeCode::DataCorrection);
                let sent = (&action.act.sent, wait);
                NOUN.begin(Host::RiskRules, &path, body, sent).await.map(drop)
            }
            Self::Reject(act) => send(act, "reject").await,
            Self::Withdraw(act) => send(act, "withdraw").await,
        }
    }
}

async fn send(action: ActFor, verb: &str) -> Result<(), Failure> {
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
        let answer = self.sent.post("/v1/rollbacks", body).await?;
        NOUN.say(&answer, self.sent.shown.json);
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
            "would touch {subjects} people, retract {retracted} facts, state {restated} anew"
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
                "  colours of the first {tried} only"
            );
        }
    }
    if one["outcome"].is_object() {
        let count = |name| count("outcome", name);
        let (subjects, retracted) = (count("subjects"), count("retracted"));
        let (restated, redecided) = (count("restated"), count("redecided"));
        tell!(
            "已办：涉及 {subjects} 人，撤回 {retracted} 条，恢复 {restated} 条，重新判定 {redecided} 人",
            "done: {subjects} people touched, {retracted} facts retracted, {restated} stated anew, {redecided} people decided about anew"
        );
    }
}
