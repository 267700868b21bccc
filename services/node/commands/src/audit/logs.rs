//! `audit verify`: verifies the services' audit logs.

use std::path::Path;

use lutong_kernel::ServiceName;
use serde_json::{Value, json};

use super::{RECORDING, heads};
use lutong_client::Failure;
use lutong_client::api::Api;
use lutong_client::noun::{Query, items, text, word};
use lutong_client::output::{in_language, table};

/// The result of verifying one service's audit log.
pub struct Log {
    pub service: ServiceName,
    intact: u64,
    breaks: Vec<Value>,
    sealed_days: Value,
    /// Null if nothing was recorded yet.
    pub head: Value,
}

/// Verifies the log of every service against the heads in a file, and writes the new heads to it if all are intact.
pub async fn check(api: &Api, file: Option<&Path>) -> Result<Vec<Log>, Failure> {
    let known = file.map(heads::read).transpose()?.unwrap_or_default();
    let mut logs = Vec::new();
    for service in RECORDING {
        logs.push(Log::check(api, service, known.get(service.as_str())).await?);
    }
    if let Some(path) = file.filter(|_| logs.iter().all(Log::is_intact)) {
        let ends = logs.iter().filter(|log| log.head.is_object());
        heads::write(path, &ends.map(|log| (log.service.as_str(), &log.head)).collect())?;
    }
    Ok(logs)
}

impl Log {
    async fn check(api: &Api, service: ServiceName, known: Option<&Value>) -> Result<Self, Failure> {
        let mut log = Self {
            service,
            intact: 0,
            breaks: Vec::new(),
            sealed_days: Value::Null,
            head: Value::Null,
        };
        let mut token = None;
        loop {
            let query = known_head(known)
                .with("page_size", Some("1000"))
                .with("page_token", token.as_ref());
            let path = format!("/v1/audit/{}/chain", service.as_str());
            let page = api.get(&query.of(&path)).await?;
            log.intact += text(&page["intact"]).parse::<u64>().unwrap_or_default();
            log.breaks.extend_from_slice(items(&page, "breaks"));
            match page["next_page_token"].as_str() {
                Some(next) if !next.is_empty() => token = Some(next.to_owned()),
                _ => {
                    log.sealed_days = page["sealed_days"].clone();
                    log.head = page["head"].clone();
                    return Ok(log);
                }
            }
        }
    }

    pub fn is_intact(&self) -> bool {
        self.breaks.is_empty()
    }

    /// The answers of all pages merged into one, with the service.
    pub fn json(&self) -> Value {
        let mut answer = json!({
            "service": self.service.as_str(),
            "intact": self.intact.to_string(),
            "breaks": self.breaks,
            "sealed_days": self.sealed_days,
        });
        if self.head.is_object() {
            answer["head"] = self.head.clone();
        }
        answer
    }
}

/// A head as query parameters.
fn known_head(head: Option<&Value>) -> Query {
    let fields = head.and_then(Value::as_object).into_iter().flatten();
    fields.fold(Query::default(), |query, (name, value)| {
        query.with(&format!("known_head.{name}"), Some(text(value)))
    })
}

pub fn say(logs: &[Log]) {
    let heading = [
        in_language("审计日志", "AUDIT LOG"),
        in_language("完好", "INTACT"),
        in_language("异常", "BROKEN"),
        in_language("已封存天数", "DAYS SEALED"),
        in_language("末端", "HEAD"),
    ];
    let row = |log: &Log| {
        vec![
            log.service.to_string(),
            log.intact.to_string(),
            log.breaks.len().to_string(),
            text(&log.sealed_days),
            format!("{} {}", text(&log.head["sequence"]), text(&log.head["entry"])),
        ]
    };
    table(&heading, &logs.iter().map(row).collect::<Vec<_>>());
    for log in logs {
        for one in &log.breaks {
            let kind = word(&one["kind"], "AUDIT_BREAK_KIND");
            say!(
                "{} #{} {}: {kind}",
                log.service,
                text(&one["sequence"]),
                text(&one["day"])
            );
        }
    }
}
