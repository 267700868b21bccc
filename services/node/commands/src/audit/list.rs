//! `audit list`: recorded calls.

use clap::Args;
use lutong_kernel::{LocalDay, ServiceName, Timestamp};
use lutong_proto::types::v1::PurposeCode;
use serde_json::{Value, json};

use super::RECORDING;
use lutong_client::Failure;
use lutong_client::api::Api;
use lutong_client::noun::{CallArgs, Page, Query, at, items, say_next, text, word};
use lutong_client::output::{complain, in_language, table};
use lutong_client::why::Why;

#[derive(Debug, Args)]
pub struct List {
    /// Records of one service: identity, declaration or risk-rules; default: the newest of all.
    #[arg(value_parser = recording)]
    service: Option<ServiceName>,
    /// Recorded at or after this instant: RFC 3339, or a day.
    #[arg(long, value_parser = instant)]
    from: Option<Timestamp>,
    /// Recorded before this instant.
    #[arg(long, value_parser = instant)]
    until: Option<Timestamp>,
    /// Calls of this account.
    #[arg(long)]
    by: Option<String>,
    /// Calls of this RPC, for example CreateMerge.
    #[arg(long)]
    rpc: Option<String>,
    /// Calls about this id: a subject, a source, a division, a rule set.
    #[arg(long)]
    about: Option<String>,
    /// Calls with this outcome, for example PERMISSION_DENIED.
    #[arg(long)]
    outcome: Option<String>,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    page: Page,
    #[command(flatten)]
    call: CallArgs,
}

fn recording(text: &str) -> Result<ServiceName, String> {
    let named = RECORDING.into_iter().find(|service| service.as_str() == text);
    named.ok_or_else(|| {
        lang!(
            "只能是 identity、declaration、risk-rules 之一：其他服务不记录调用",
            "is one of identity, declaration, risk-rules: the others record no call"
        )
    })
}

fn instant(text: &str) -> Result<Timestamp, String> {
    let day = || LocalDay::parse(text).map(LocalDay::start);
    Timestamp::parse(text)
        .or_else(|_| day())
        .map_err(|error| error.to_string())
}

impl List {
    pub async fn run(self) -> Result<(), Failure> {
        if self.page.page_token.is_some() && self.service.is_none() {
            return Err(Failure::Input(lang!(
                "--page-token 属于一个服务的记录：请写明服务",
                "--page-token belongs to the records of one service: name the service"
            )));
        }
        let api = self.call.target.api().await?;
        let answer = match self.service {
            Some(service) => self.page_of(&api, service).await?,
            None => self.newest_of_all(&api).await?,
        };
        if self.call.json {
            say!("{answer}");
            return Ok(());
        }
        say(items(&answer, "records"));
        say_next(&answer);
        Ok(())
    }

    async fn page_of(&self, api: &Api, service: ServiceName) -> Result<Value, Failure> {
        let query = Query::default()
            .with("start_time", self.from.map(Timestamp::to_rfc3339))
            .with("end_time", self.until.map(Timestamp::to_rfc3339))
            .with("account", self.by.as_ref())
            .with("rpc", self.rpc.as_ref())
            .with("object", self.about.as_ref())
            .with("outcome", self.outcome.as_ref())
            .purpose(&self.why, PurposeCode::Audit)
            .page(&self.page);
        let path = format!("/v1/audit/{}/records", service.as_str());
        api.get(&query.of(&path)).await
    }

    /// The newest records of all services, in the form of one page without a next page, since page tokens are per
    /// service.
    async fn newest_of_all(&self, api: &Api) -> Result<Value, Failure> {
        let mut records = Vec::new();
        let mut has_more = false;
        for service in RECORDING {
            let page = self.page_of(api, service).await?;
            has_more |= page["next_page_token"] != "";
            records.extend_from_slice(items(&page, "records"));
        }
        let time = |record: &Value| {
            let at = Timestamp::parse(record["record_time"].as_str().unwrap_or_default());
            at.map(Timestamp::micros).unwrap_or_default()
        };
        records.sort_by_key(|record| std::cmp::Reverse(time(record)));
        let most = usize::try_from(self.page.page_size).unwrap_or(usize::MAX);
        if has_more || records.len() > most {
            complain(format_args!(
                "{}",
                in_language(
                    "还有更早的记录：写明服务可逐页查看",
                    "there are older records: name a service to page through them"
                )
            ));
        }
        records.truncate(most);
        Ok(json!({"records": records, "next_page_token": ""}))
    }
}

fn say(records: &[Value]) {
    let heading = [
        in_language("时间", "TIME"),
        in_language("账号", "ACCOUNT"),
        in_language("角色", "ROLES"),
        in_language("调用", "RPC"),
        in_language("结果", "OUTCOME"),
        in_language("原因", "REASON"),
        in_language("目的", "PURPOSE"),
        in_language("对象", "ABOUT"),
    ];
    let row = |record: &Value| {
        let roles: Vec<_> = items(record, "roles")
            .iter()
            .map(|role| word(role, "ROLE"))
            .collect();
        let objects: Vec<_> = items(record, "objects")
            .iter()
            .map(|object| format!("{}={}", text(&object["field"]), text(&object["value"])))
            .collect();
        let rpc = text(&record["rpc"]);
        vec![
            at(&record["record_time"]),
            text(&record["account"]),
            roles.join(","),
            rpc.trim_start_matches("lutong.").replace(".v1.", " "),
            text(&record["outcome"]),
            text(&record["reason"]),
            text(&record["purpose"]),
            objects.join(" "),
        ]
    };
    let rows: Vec<_> = records.iter().map(row).collect();
    table(&heading, &rows);
    for record in records {
        let count = text(&record["unrecorded_refusals"]);
        if !["", "0"].contains(&count.as_str()) {
            let at = at(&record["record_time"]);
            tell!(
                "{at} 之前有 {count} 次拒绝未逐条记录",
                "{count} refusals before {at} were not recorded one by one"
            );
        }
    }
}
