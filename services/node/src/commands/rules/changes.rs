//! `rules announce|preview|approve|resume|cancel|list`: changing the rules of a running mesh.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use lutong_kernel::Timestamp;
use lutong_proto::risk_rules::v1::rule_set_service_client::RuleSetServiceClient;
use lutong_proto::risk_rules::v1::{
    AnnounceRuleSetRequest, ApproveRuleSetRequest, CancelRuleSetRequest, GetRuleSetRequest,
    ListRuleSetsRequest, PreviewRuleSetRequest, ResumeRuleSetRequest, RuleSetVersion, ShadowRun,
};
use lutong_proto::time;
use lutong_proto::types::v1::Colour;
use lutong_risk_rules::domain::rule_set::MAX_DOCUMENT;
use serde_json::{Value, json};
use tonic::Status;

use super::super::Failure;
use super::super::client::{Calls, Target, failed, new_request_id};

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
pub struct Cancel {
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

    fn say(&self, versions: &[RuleSetVersion]) {
        if self.json {
            let all: Vec<_> = versions.iter().map(machine).collect();
            say!("{}", json!({ "rule_sets": all }));
            return;
        }
        for version in versions {
            print(version);
        }
    }

    fn say_one(&self, answer: Result<Option<RuleSetVersion>, Status>) -> Result<(), Failure> {
        let version = answer.map_err(|status| failed(&status))?;
        self.say(&version.into_iter().collect::<Vec<_>>());
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
        let Named { rule_set, version } = self.named;
        let begin = PreviewRuleSetRequest {
            request_id: new_request_id(),
            rule_set: rule_set.clone(),
            version: version.clone(),
        };
        client
            .preview_rule_set(begin)
            .await
            .map_err(|status| failed(&status))?;
        loop {
            let get = GetRuleSetRequest {
                rule_set: rule_set.clone(),
                version: version.clone(),
            };
            let answer = client.get_rule_set(get).await.map_err(|status| failed(&status))?;
            let stands = answer.into_inner().rule_set.unwrap_or_default();
            if stands
                .preview
                .as_ref()
                .is_some_and(|run| run.finish_time.is_some())
            {
                self.asking.say(&[stands]);
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
            rule_set: self.named.rule_set,
            version: self.named.version,
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
            rule_set: self.named.rule_set,
            version: self.named.version,
            expected_changes: self.expected_changes,
        };
        let answer = self.asking.client().await?.resume_rule_set(sent).await;
        self.asking
            .say_one(answer.map(|answer| answer.into_inner().rule_set))
    }
}

impl Cancel {
    pub async fn run(self) -> Result<(), Failure> {
        let sent = CancelRuleSetRequest {
            request_id: new_request_id(),
            rule_set: self.named.rule_set,
            version: self.named.version,
        };
        let answer = self.asking.client().await?.cancel_rule_set(sent).await;
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
                page_size: 0,
                page_token,
            };
            let answer = client
                .list_rule_sets(page)
                .await
                .map_err(|status| failed(&status))?;
            let answer = answer.into_inner();
            versions.extend(answer.rule_sets);
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                self.asking.say(&versions);
                return Ok(());
            }
        }
    }
}

/// Divisions that a person is shown.
const DIVISIONS: usize = 20;

fn state(version: &RuleSetVersion) -> String {
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

fn machine(version: &RuleSetVersion) -> Value {
    json!({"rule_set": version.rule_set, "version": version.version, "state": state(version),
        "effective_time": instant(version.effective_time.as_ref()), "active_time": instant(version.active_time.as_ref()),
        "author": version.author, "approver": version.approver, "expected_changes": version.expected_changes,
        "preview": version.preview.as_ref().map(machine_run), "guard": version.guard.as_ref().map(machine_run)})
}

fn machine_run(run: &ShadowRun) -> Value {
    let changes: Vec<_> = run
        .changes
        .iter()
        .map(|change| {
            let rules: Vec<_> = change
                .rules
                .iter()
                .map(|one| json!({"rule": one.rule_id, "count": one.count}))
                .collect();
            json!({"before": colour(change.before()), "after": colour(change.after()), "count": change.count, "rules": rules})
        })
        .collect();
    let divisions: Vec<_> = run
        .divisions
        .iter()
        .map(|one| {
            json!({"division": one.division, "before": colour(one.before()), "after": colour(one.after()), "count": one.count})
        })
        .collect();
    json!({"evaluate_time": instant(run.evaluate_time.as_ref()), "finished": run.finish_time.is_some(), "seen": run.seen,
        "changed": run.changed, "changes": changes, "divisions": divisions})
}

fn print(version: &RuleSetVersion) {
    let said = |text: &str| if text.is_empty() { "-" } else { text }.to_owned();
    say!(
        "{} {}: {}, effective {}, author {}, approver {}, at most {} changes",
        version.rule_set,
        version.version,
        state(version),
        instant(version.effective_time.as_ref()).unwrap_or_default(),
        said(&version.author),
        said(&version.approver),
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
