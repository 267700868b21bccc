//! The services' audit logs.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Args;
use lutong_kernel::{LocalDay, ServiceName, Timestamp};
use lutong_proto::audit::v1::{AuditBreak, AuditHead, AuditRecord};
use lutong_proto::types::v1::PurposeCode;
use lutong_proto::{declaration, identity, risk_rules, time};
use serde_json::{Value, json};

use crate::commands::Failure;
use crate::commands::client::{Calls, Target, failed, from_json, to_json, when};
use crate::commands::why::Why;

/// The services that record calls.
const RECORDING: [ServiceName; 3] = [
    ServiceName::Identity,
    ServiceName::Declaration,
    ServiceName::RiskRules,
];

#[derive(Debug, Args)]
pub struct List {
    /// Of one service: identity, declaration or risk-rules; none: of all.
    #[arg(value_parser = recording)]
    service: Option<ServiceName>,
    /// Recorded at this instant or later: RFC 3339, or a day.
    #[arg(long, value_parser = instant)]
    from: Option<Timestamp>,
    /// Recorded before this instant.
    #[arg(long, value_parser = instant)]
    until: Option<Timestamp>,
    /// Calls of this account.
    #[arg(long)]
    by: Option<String>,
    /// Calls of this RPC, for example MergeSubjects.
    #[arg(long)]
    rpc: Option<String>,
    /// Calls about this id: a subject, a source, a division, a rule set.
    #[arg(long)]
    about: Option<String>,
    /// Calls with this outcome, for example PERMISSION_DENIED.
    #[arg(long)]
    outcome: Option<String>,
    /// Records at the most, the newest.
    #[arg(long, default_value_t = 50)]
    most: usize,
    /// Records older than a list before: what its last line said; needs a service.
    #[arg(long, requires = "service")]
    page_token: Option<String>,
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    target: Target,
}

fn recording(text: &str) -> Result<ServiceName, String> {
    let named = RECORDING.into_iter().find(|service| service.as_str() == text);
    named.ok_or_else(|| "is one of identity, declaration, risk-rules: the others record no call".to_owned())
}

fn instant(text: &str) -> Result<Timestamp, String> {
    let day = || LocalDay::parse(text).map(LocalDay::start);
    Timestamp::parse(text)
        .or_else(|_| day())
        .map_err(|error| error.to_string())
}

/// Records with the token of the page after them.
type Page = (Vec<AuditRecord>, String);

/// The three services' own audit RPCs, which differ in their package alone.
macro_rules! ask {
    ($calls:expr, $service:expr, $rpc:ident, $request:ident { $($field:ident: $value:expr),* $(,)? }) => {
        match $service {
            ServiceName::Identity => ask!(@ $calls, identity, $rpc, $request { $($field: $value),* }),
            ServiceName::Declaration => ask!(@ $calls, declaration, $rpc, $request { $($field: $value),* }),
            _ => ask!(@ $calls, risk_rules, $rpc, $request { $($field: $value),* }),
        }
    };
    (@ $calls:expr, $package:ident, $rpc:ident, $request:ident { $($field:ident: $value:expr),* }) => {{
        let mut client = $package::v1::audit_service_client::AuditServiceClient::new($calls.clone());
        let request = $package::v1::$request { $($field: $value),* };
        let answer = client.$rpc(request).await.map_err(|status| failed(&status))?;
        answer.into_inner().into()
    }};
}

macro_rules! pages {
    ($($package:ident),+) => {$(
        impl From<$package::v1::ListAuditRecordsResponse> for Answered<Page> {
            fn from(answer: $package::v1::ListAuditRecordsResponse) -> Self {
                Self((answer.records, answer.next_page_token))
            }
        }

        impl From<$package::v1::VerifyAuditLogResponse> for Answered<Checked> {
            fn from(answer: $package::v1::VerifyAuditLogResponse) -> Self {
                Self(Checked {
                    intact: answer.intact,
                    breaks: answer.breaks,
                    sealed_days: answer.sealed_days,
                    head: answer.head,
                    next_page_token: answer.next_page_token,
                })
            }
        }
    )+};
}

struct Answered<T>(T);

struct Checked {
    intact: i64,
    breaks: Vec<AuditBreak>,
    sealed_days: i64,
    head: Option<AuditHead>,
    next_page_token: String,
}

pages!(identity, declaration, risk_rules);

impl List {
    pub async fn run(self) -> Result<(), Failure> {
        let calls = self.target.calls().await?;
        let services = self.service.map_or(RECORDING.to_vec(), |service| vec![service]);
        let (mut records, mut next) = (Vec::new(), String::new());
        for service in services {
            let found = self.of(&calls, service).await?;
            records.extend(found.0);
            next = found.1;
        }
        if self.service.is_none() {
            next.clear();
            records.sort_by_key(|record| std::cmp::Reverse(record.record_time.as_ref().map(time::to_micros)));
            records.truncate(self.most);
        }
        if self.json {
            let records: Vec<_> = records
                .iter()
                .map(|one| to_json("lutong.audit.v1.AuditRecord", one))
                .collect();
            say!("{}", json!({"records": records, "next_page_token": next}));
            return Ok(());
        }
        records.iter().for_each(say);
        if !next.is_empty() {
            say!("还有更早的记录 there are older ones: --page-token {next}");
        }
        Ok(())
    }

    async fn of(&self, calls: &Calls, service: ServiceName) -> Result<Page, Failure> {
        let mut records = Vec::new();
        let mut token = self.page_token.clone().unwrap_or_default();
        while records.len() < self.most {
            let size = (self.most - records.len()).min(1_000);
            let Answered((page, next)): Answered<Page> = ask!(
                calls,
                service,
                list_audit_records,
                ListAuditRecordsRequest {
                    start_time: self.from.map(|from| time::from_micros(from.micros())),
                    end_time: self.until.map(|until| time::from_micros(until.micros())),
                    account: self.by.clone().unwrap_or_default(),
                    rpc: self.rpc.clone().unwrap_or_default(),
                    object: self.about.clone().unwrap_or_default(),
                    outcome: self.outcome.clone().unwrap_or_default(),
                    page_size: i32::try_from(size).unwrap_or(1_000),
                    page_token: token.clone(),
                    purpose: Some(self.why.purpose(PurposeCode::Audit)),
                }
            );
            records.extend(page);
            token = next;
            if token.is_empty() {
                break;
            }
        }
        Ok((records, token))
    }
}

fn say(record: &AuditRecord) {
    let rpc = record.rpc.trim_start_matches("lutong.").replace(".v1.", " ");
    let roles: Vec<_> = record
        .roles
        .iter()
        .map(|role| role.trim_start_matches("ROLE_").to_lowercase().replace('_', "-"))
        .collect();
    let reason = if record.reason.is_empty() {
        String::new()
    } else {
        format!(" {}", record.reason)
    };
    say!(
        "{}  {} ({})  {rpc}  {}{reason}",
        when(record.record_time.as_ref()),
        record.account,
        roles.join(", "),
        record.outcome,
    );
    for object in &record.objects {
        say!("    {}: {}", object.field, object.value);
    }
    if !record.purpose.is_empty() {
        say!("    目的 purpose: {}", record.purpose);
    }
    if record.unrecorded_refusals > 0 {
        say!(
            "    此前未记录的拒绝 refusals not recorded before this: {}",
            record.unrecorded_refusals
        );
    }
}

/// How a service's audit log stands.
pub struct Log {
    service: ServiceName,
    intact: i64,
    breaks: Vec<AuditBreak>,
    sealed_days: i64,
    head: Option<AuditHead>,
}

/// Checks the log of every service against the ends in a file, and writes the new ends into it when all is well.
pub async fn check(calls: &Calls, heads: Option<&Path>) -> Result<Vec<Log>, Failure> {
    let known = heads.map(read_heads).transpose()?.unwrap_or_default();
    let mut logs = Vec::new();
    for service in RECORDING {
        logs.push(Log::check(calls, service, known.get(service.as_str())).await?);
    }
    if let Some(path) = heads.filter(|_| logs.iter().all(Log::is_intact)) {
        write_heads(path, &logs)?;
    }
    Ok(logs)
}

const HEAD: &str = "lutong.audit.v1.AuditHead";

fn read_heads(path: &Path) -> Result<BTreeMap<String, AuditHead>, Failure> {
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let wrong = |error: String| Failure::Input(format!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(path)?;
    let heads: BTreeMap<String, Value> =
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    heads
        .into_iter()
        .map(|(service, head)| Ok((service, from_json(HEAD, &head.to_string()).map_err(wrong)?)))
        .collect()
}

fn write_heads(path: &Path, logs: &[Log]) -> Result<(), Failure> {
    let heads: BTreeMap<_, _> = logs
        .iter()
        .filter_map(|log| Some((log.service.as_str(), to_json(HEAD, log.head.as_ref()?))))
        .collect();
    // Whole or not at all: a file that was cut off would prove nothing.
    let beside = path.with_extension("new");
    std::fs::write(&beside, serde_json::to_string_pretty(&heads)?)?;
    std::fs::rename(&beside, path)?;
    Ok(())
}

impl Log {
    async fn check(calls: &Calls, service: ServiceName, known: Option<&AuditHead>) -> Result<Self, Failure> {
        let mut log = Self {
            service,
            intact: 0,
            breaks: Vec::new(),
            sealed_days: 0,
            head: None,
        };
        let mut token = String::new();
        loop {
            let Answered(page): Answered<Checked> = ask!(
                calls,
                service,
                verify_audit_log,
                VerifyAuditLogRequest {
                    page_size: 1_000,
                    page_token: token,
                    known_head: known.cloned(),
                }
            );
            log.intact += page.intact;
            log.breaks.extend(page.breaks);
            if page.next_page_token.is_empty() {
                log.sealed_days = page.sealed_days;
                log.head = page.head;
                return Ok(log);
            }
            token = page.next_page_token;
        }
    }

    pub fn is_intact(&self) -> bool {
        self.breaks.is_empty()
    }

    pub fn json(&self) -> Value {
        let breaks: Vec<_> = self
            .breaks
            .iter()
            .map(|one| to_json("lutong.audit.v1.AuditBreak", one))
            .collect();
        json!({
            "service": self.service.as_str(),
            "intact": self.intact,
            "breaks": breaks,
            "sealed_days": self.sealed_days,
            "head": self.head.as_ref().map(|head| to_json(HEAD, head)),
        })
    }

    pub fn say(&self) {
        for one in &self.breaks {
            say!("{} #{} {}: {:?}", self.service, one.sequence, one.day, one.kind());
        }
        let head = self.head.clone().unwrap_or_default();
        say!(
            "{} 审计记录 audit records: {} 完好 intact, {} 异常 broken, {} 日已封存 days sealed, 末端 head {} {}",
            self.service,
            self.intact,
            self.breaks.len(),
            self.sealed_days,
            head.sequence,
            head.entry,
        );
    }
}
