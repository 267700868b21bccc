//! `facts pulls`, `facts pull`: the databases that are asked on a schedule.

use std::time::Duration;

use clap::Args;
use lutong_proto::declaration::v1::pull_service_client::PullServiceClient;
use lutong_proto::declaration::v1::{
    GetPullRequest, ListPullsRequest, ListPullsResponse, Pull, PullRows, PullState, StartPullRequest,
};
use lutong_proto::types::v1::ClockState;
use prost_types::Timestamp;

use crate::commands::Failure;
use crate::commands::client::{Calls, Target, failed, new_request_id, to_json, when};

const POLL: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
pub struct Pulls {
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub struct PullNow {
    /// As `facts pulls` names it.
    source: String,
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Pulls {
    /// Fails when a source is overdue.
    pub async fn run(self) -> Result<(), Failure> {
        let pulls = list(&mut PullServiceClient::new(self.target.calls().await?)).await?;
        let overdue = pulls.iter().any(is_overdue);
        if self.json {
            let answer = ListPullsResponse {
                pulls,
                next_page_token: String::new(),
            };
            say!("{}", to_json("lutong.declaration.v1.ListPullsResponse", &answer));
        } else if pulls.is_empty() {
            say!("没有配置定时拉取 no source is configured: [[declaration.pull]]");
        } else {
            pulls.iter().for_each(say);
        }
        if overdue { Err(Failure::Failed) } else { Ok(()) }
    }
}

impl PullNow {
    /// Fails when the attempt did.
    pub async fn run(self) -> Result<(), Failure> {
        let mut client = PullServiceClient::new(self.target.calls().await?);
        let request = StartPullRequest {
            request_id: new_request_id(),
            name: format!("pulls/{}", self.source),
        };
        let begun = client
            .start_pull(request)
            .await
            .map_err(|status| failed(&status))?;
        let begun = begun.into_inner().pull.unwrap_or_default();
        let pull = follow(&mut client, &begun).await?;
        if self.json {
            say!("{}", to_json("lutong.declaration.v1.Pull", &pull));
        } else {
            say(&pull);
        }
        match pull.last_error {
            None => Ok(()),
            Some(_) => Err(Failure::Failed),
        }
    }
}

async fn list(client: &mut PullServiceClient<Calls>) -> Result<Vec<Pull>, Failure> {
    let all = ListPullsRequest {
        page_size: 1_000,
        page_token: String::new(),
    };
    let answer = client.list_pulls(all).await;
    Ok(answer.map_err(|status| failed(&status))?.into_inner().pulls)
}

/// Until an attempt has ended that is under way now or begins from now on.
async fn follow(client: &mut PullServiceClient<Calls>, begun: &Pull) -> Result<Pull, Failure> {
    loop {
        let asked = GetPullRequest {
            name: begun.name.clone(),
        };
        let answer = client.get_pull(asked).await.map_err(|status| failed(&status))?;
        let pull = answer.into_inner().pull.unwrap_or_default();
        let is_running = |pull: &Pull| pull.state() == PullState::Running;
        let begins_anew = is_running(begun) || pull.last_attempt_time != begun.last_attempt_time;
        if begins_anew && !is_running(&pull) {
            return Ok(pull);
        }
        tokio::time::sleep(POLL).await;
    }
}

fn is_overdue(pull: &Pull) -> bool {
    let clock = pull.clock.as_ref();
    clock.is_some_and(|clock| clock.state() == ClockState::Overdue)
}

fn say(pull: &Pull) {
    let state = match (is_overdue(pull), pull.state(), &pull.last_error) {
        (true, ..) => "超期 OVERDUE",
        (_, PullState::Running, _) => "进行中 running",
        (.., Some(_)) => "失败，将重试 failed, to be tried again",
        _ => "正常 well",
    };
    say!("{}: {state}", pull.pull_id);
    let time = |at: &Option<Timestamp>| match when(at.as_ref()) {
        never if never.is_empty() => "never".to_owned(),
        at => at,
    };
    say!(
        "  上次成功 last success {}, 上次尝试 last attempt {}, 下次 next due {}",
        time(&pull.last_success_time),
        time(&pull.last_attempt_time),
        time(&pull.next_due_time)
    );
    say!(
        "  游标 cursor {:?}, 前进于 moved {}",
        pull.cursor,
        time(&pull.cursor_time)
    );
    say!(
        "  合计 in total {}; 上一页 last page {}",
        rows(pull.total_rows),
        rows(pull.last_page_rows)
    );
    if let Some(error) = &pull.last_error {
        let message = error.message.clone().unwrap_or_default();
        say!("  {}: {} {}", error.reason, message.zh, message.en);
    }
    for one in &pull.refusals {
        let at = when(one.create_time.as_ref());
        say!(
            "  拒收 refused after {:?} row {}: {} {} ({at})",
            one.after,
            one.row,
            one.field,
            one.reason
        );
    }
}

fn rows(rows: Option<PullRows>) -> String {
    let PullRows {
        accepted,
        unchanged,
        refused,
    } = rows.unwrap_or_default();
    format!("{accepted} accepted, {unchanged} unchanged, {refused} refused")
}
