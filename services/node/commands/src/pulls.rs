//! `pulls`: databases that are pulled on a schedule.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use lutong_client::Failure;
use lutong_client::noun::{ChangeArgs, ListArgs, Noun, Query, Show, WaitArgs, at, items, localised, text};
use lutong_client::output::in_language;
use lutong_client::waiting::Host;

const NOUN: Noun = Noun {
    collection: "pulls",
    many: "pulls",
    one: "pull",
    columns: &[
        ("名称", "NAME", |one| text(&one["name"])),
        ("状态", "STATE", state),
        ("上次成功", "LAST SUCCESS", |one| {
            never(&one["last_success_time"])
        }),
        ("上次尝试", "LAST ATTEMPT", |one| {
            never(&one["last_attempt_time"])
        }),
        ("下次", "NEXT DUE", |one| never(&one["next_due_time"])),
        ("已收", "ACCEPTED", |one| text(&one["total_rows"]["accepted"])),
        ("未变", "UNCHANGED", |one| text(&one["total_rows"]["unchanged"])),
        ("拒收", "REFUSED", |one| text(&one["total_rows"]["refused"])),
        ("错误", "ERROR", |one| text(&one["last_error"]["reason"])),
    ],
    details,
};

#[derive(Debug, Subcommand)]
pub enum Pulls {
    /// List all pulls with their last success; fails if one is overdue.
    List(ListArgs),
    /// Show one pull: its cursor, last error and refused rows.
    Show(Show),
    /// Start an attempt now and wait for its end; fails if the attempt failed.
    Start(Start),
}

#[derive(Debug, Args)]
pub struct Start {
    /// Its name as printed by `list`, or the part after the slash.
    name: String,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    change: ChangeArgs,
}

impl Pulls {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => {
                let answer = NOUN.list(&list, Query::default()).await?;
                let pulls = items(&answer, NOUN.many);
                if pulls.is_empty() && !list.call.json {
                    tell!(
                        "没有配置定时拉取：[[declaration.pull]]",
                        "no source is configured: [[declaration.pull]]"
                    );
                }
                if pulls.iter().any(is_overdue) {
                    return Err(Failure::Failed);
                }
                Ok(())
            }
            Self::Show(show) => NOUN.show(&show.name, &show.call).await.map(drop),
            Self::Start(start) => start.run().await,
        }
    }
}

impl Start {
    async fn run(self) -> Result<(), Failure> {
        let path = format!("{}:start", NOUN.path(&self.name));
        let sent = (&self.change, self.wait);
        let answer = NOUN.begin(Host::Declaration, &path, json!({}), sent).await?;
        if !self.wait.detach && answer["pull"]["last_error"].is_object() {
            return Err(Failure::Failed);
        }
        Ok(())
    }
}

fn is_overdue(pull: &Value) -> bool {
    pull["clock"]["state"] == "CLOCK_STATE_OVERDUE"
}

fn state(pull: &Value) -> String {
    let is_running = pull["state"] == "PULL_STATE_RUNNING";
    let (zh, en) = match (is_overdue(pull), is_running, pull["last_error"].is_object()) {
        (true, ..) => ("超期", "OVERDUE"),
        (_, true, _) => ("进行中", "running"),
        (.., true) => ("失败，将重试", "failed, will retry"),
        _ => ("正常", "ok"),
    };
    in_language(zh, en).to_owned()
}

fn never(time: &Value) -> String {
    match at(time) {
        never if never.is_empty() => in_language("从未", "never").to_owned(),
        at => at,
    }
}

fn details(pull: &Value) {
    let (cursor, moved) = (text(&pull["cursor"]), never(&pull["cursor_time"]));
    tell!(
        "游标 {cursor:?}，前进于 {moved}",
        "cursor {cursor:?}, moved {moved}"
    );
    let last = |name: &str| text(&pull["last_page_rows"][name]);
    let (accepted, unchanged, refused) = (last("accepted"), last("unchanged"), last("refused"));
    tell!(
        "上一页：已收 {accepted}，未变 {unchanged}，拒收 {refused}",
        "last page: {accepted} accepted, {unchanged} unchanged, {refused} refused"
    );
    let error = &pull["last_error"];
    if error.is_object() {
        say!("{}: {}", text(&error["reason"]), localised(&error["message"]));
    }
    for one in items(pull, "refusals") {
        let (after, row) = (text(&one["after"]), text(&one["row"]));
        let (field, reason, at) = (text(&one["field"]), text(&one["reason"]), at(&one["create_time"]));
        tell!(
            "拒收：{after:?} 之后第 {row} 行：{field} {reason}（{at}）",
            "refused after {after:?} row {row}: {field} {reason} ({at})"
        );
    }
}
