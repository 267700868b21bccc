//! `rules announce|preview|approve|reject|withdraw|resume|list|show`: changing the rules of a running mesh.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use lutong_kernel::Timestamp;
use lutong_proto::risk_rules::v1::rule_set_service_client::RuleSetServiceClient;
use lutong_proto::risk_rules::v1::{
    AnnounceRuleSetRequest, ApproveRuleSetRequest, GetRuleSetRequest, ListRuleSetsRequest,
    ListRuleSetsResponse, PreviewRuleSetRequest, RejectRuleSetRequest, ResumeRuleSetRequest, RuleSet,
    WithdrawRuleSetRequest,
};
use lutong_proto::time;
use lutong_proto::types::v1::Colour;
use lutong_risk_rules::domain::rule_set::MAX_DOCUMENT;
use tonic::Status;

use super::super::Failure;
use super::super::client::{Calls, Target, failed, new_request_id, to_json};

/// Between two looks at a preview.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Where, who, and how to say it.
#[derive(Debug, Args)]
struct Asking {
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// One version.
#[derive(Debug, Args)]
struct Named {
    /// The document's id.
    rule_set: String,
    /// The document's version.
    version: String,
}

impl Named {
    fn name(&self) -> String {
        format!("rule-sets/{}.{}", self.rule_set, self.version)
    }
}

#[derive(Debug, Args)]
pub struct Announce {
    /// The rule set (TOML); its effective_from lies in the future.
    document: PathBuf,
    /// The decision cases that prove it (lutong-decision-cases/1).
    cases: PathBuf,
    /// People who may change colour by it at the most; more of them pause it.
    #[arg(long)]
    expected_changes: i64,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub struct Preview {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub struct Approve {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub struct Resume {
    #[command(flatten)]
    named: Named,
    /// The new bound of people who may change colour.
    #[arg(long)]
    expected_changes: i64,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub struct Reject {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub struct Withdraw {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    asking: Asking,
}

impl Asking {
    async fn client(&self) -> Result<RuleSetServiceClient<Calls>, Failure> {
        Ok(RuleSetServiceClient::new(self.target.clone().calls().await?))
    }

    fn say(&self, rule_sets: Vec<RuleSet>) {
        if self.json {
            let all = ListRuleSetsResponse {
                rule_sets,
                next_page_token: String::new(),
            };
            say!("{}", to_json("lutong.risk_rules.v1.ListRuleSetsResponse", &all));
            return;
        }
        rule_sets.iter().for_each(print);
    }

    fn say_this(&self, version: &RuleSet) {
        if self.json {
            say!("{}", to_json("lutong.risk_rules.v1.RuleSet", version));
        } else {
            print(version);
        }
    }

    fn say_one(&self, answer: Result<Option<RuleSet>, Status>) -> Result<(), Failure> {
        let version = answer.map_err(|status| failed(&status))?.unwrap_or_default();
        self.say_this(&version);
        Ok(())
    }
}

impl Announce {
    pub async fn run(self) -> Result<(), Failure> {
        let sent = AnnounceRuleSetRequest {
            request_id: new_request_id(),
            document: super::read(&self.document, MAX_DOCUMENT)?,
            cases: super::read(&self.cases, MAX_DOCUMENT)?,
            expected_changes: self.expected_changes,
        };
        let answer = self.asking.client().await?.announce_rule_set(sent).await;
        self.asking
            .say_one(answer.map(|answer| answer.into_inner().rule_set))
    }
}

impl Preview {
    /// Begins a preview and waits for what it counts.
    pub async fn run(self) -> Result<(), Failure> {
        let mut client = self.asking.client().await?;
        let name = self.named.name();
        let begin = PreviewRuleSetRequest {
            request_id: new_request_id(),
            name: name.clone(),
            etag: String::new(),
        };
        client
            .preview_rule_set(begin)
            .await
            .map_err(|status| failed(&status))?;
        loop {
            let get = GetRuleSetRequest { name: name.clone() };
            let answer = client.get_rule_set(get).await.map_err(|status| failed(&status))?;
            let stands = answer.into_inner().rule_set.unwrap_or_default();
            if stands
                .preview
                .as_ref()
                .is_some_and(|run| run.finish_time.is_some())
            {
                self.asking.say_this(&stands);
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Approve {
    pub async fn run(self) -> Result<(), Failure> {
        let sent = ApproveRuleSetRequest {
            request_id: new_request_id(),
            name: self.named.name(),
            etag: String::new(),
        };
        let answer = self.asking.client().await?.approve_rule_set(sent).await;
        self.asking
            .say_one(answer.map(|answer| answer.into_inner().rule_set))
    }
}

impl Resume {
    pub async fn run(self) -> Result<(), Failure> {
        let sent = ResumeRuleSetRequest {
            request_id: new_request_id(),
            name: self.named.name(),
            etag: String::new(),
            expected_changes: self.expected_changes,
        };
        let answer = self.asking.client().await?.resume_rule_set(sent).await;
        self.asking
            .say_one(answer.map(|answer| answer.into_inner().rule_set))
    }
}

impl Reject {
    pub async fn run(self) -> Result<(), Failure> {
        let sent = RejectRuleSetRequest {
            request_id: new_request_id(),
            name: self.named.name(),
            etag: String::new(),
        };
        let answer = self.asking.client().await?.reject_rule_set(sent).await;
        self.asking
            .say_one(answer.map(|answer| answer.into_inner().rule_set))
    }
}

impl Withdraw {
    pub async fn run(self) -> Result<(), Failure> {
        let sent = WithdrawRuleSetRequest {
            request_id: new_request_id(),
            name: self.named.name(),
            etag: String::new(),
        };
        let answer = self.asking.client().await?.withdraw_rule_set(sent).await;
        self.asking
            .say_one(answer.map(|answer| answer.into_inner().rule_set))
    }
}

impl Show {
    pub async fn run(self) -> Result<(), Failure> {
        let asked = GetRuleSetRequest {
            name: self.named.name(),
        };
        let answer = self.asking.client().await?.get_rule_set(asked).await;
        self.asking
            .say_one(answer.map(|answer| answer.into_inner().rule_set))
    }
}

impl List {
    pub async fn run(self) -> Result<(), Failure> {
        let mut client = self.asking.client().await?;
        let (mut versions, mut page_token) = (Vec::new(), String::new());
        loop {
            let page = ListRuleSetsRequest {
                page_token,
                ..ListRuleSetsRequest::default()
            };
            let answer = client
                .list_rule_sets(page)
                .await
                .map_err(|status| failed(&status))?;
            let answer = answer.into_inner();
            versions.extend(answer.rule_sets);
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                self.asking.say(versions);
                return Ok(());
            }
        }
    }
}

/// Divisions that a person is shown.
const DIVISIONS: usize = 20;

fn state(version: &RuleSet) -> String {
    let name = version.state().as_str_name().to_lowercase();
    name.trim_start_matches("rule_set_state_").to_owned()
}

fn colour(colour: Colour) -> String {
    let name = colour.as_str_name().to_lowercase();
    name.trim_start_matches("colour_").to_owned()
}

fn instant(at: Option<&prost_types::Timestamp>) -> Option<String> {
    Some(Timestamp::from_micros(time::to_micros(at?)).to_rfc3339())
}

fn print(version: &RuleSet) {
    let said = |text: &str| if text.is_empty() { "-" } else { text }.to_owned();
    let approval = version.approval.clone().unwrap_or_default();
    say!(
        "{} {}: {}, effective {}, author {}, approver {}, at most {} changes",
        version.document_id,
        version.version,
        state(version),
        instant(version.effective_time.as_ref()).unwrap_or_default(),
        said(&approval.proposer),
        said(&approval.approver),
        version.expected_changes
    );
    for (what, run) in [("preview", &version.preview), ("guard", &version.guard)] {
        let Some(run) = run else { continue };
        if run.finish_time.is_none() {
            say!("  {what}: under way");
            continue;
        }
        say!("  {what}: {} of {} would change colour", run.changed, run.seen);
        for change in &run.changes {
            let rules: Vec<_> = change
                .rules
                .iter()
                .map(|one| format!("{} {}", one.rule_id, one.count))
                .collect();
            let (before, after) = (colour(change.before()), colour(change.after()));
            say!("    {before} → {after}: {} ({})", change.count, rules.join(", "));
        }
        for one in run.divisions.iter().take(DIVISIONS) {
            let division = if one.division.is_empty() {
                "not known"
            } else {
                &one.division
            };
            let (before, after) = (colour(one.before()), colour(one.after()));
            say!("    living in {division}: {before} → {after}: {}", one.count);
        }
        if run.divisions.len() > DIVISIONS {
            say!("    and {} more, with --json", run.divisions.len() - DIVISIONS);
        }
    }
}
