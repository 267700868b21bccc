//! Prints accounts as tables and as JSON.

use lutong_identity::{Account, AccountChange, StoredAccount};
use lutong_kernel::{Desk, DivisionCode};
use lutong_proto::policy::Role;
use lutong_transport::access::FeedGrant;
use serde_json::{Value, json};

use lutong_client::noun::word;
use lutong_client::output::in_language;

pub fn table(accounts: &[StoredAccount]) {
    let heading = [
        in_language("账号", "ACCOUNT"),
        in_language("状态", "STATE"),
        in_language("角色", "ROLES"),
        in_language("区划", "DIVISION"),
        in_language("岗位", "DESKS"),
        in_language("数据源", "FEED"),
    ];
    let row = |stored: &StoredAccount| {
        let state = if stored.disabled {
            in_language("停用", "disabled")
        } else {
            in_language("启用", "enabled")
        };
        let account = &stored.account;
        vec![
            account.id.as_str().to_owned(),
            state.to_owned(),
            roles(account),
            division(account),
            desks(account),
            account.feed.as_ref().map(feed).unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = accounts.iter().map(row).collect();
    lutong_client::output::table(&heading, &rows);
}

/// Prints the changes of one account.
pub fn changes(changes: &[AccountChange]) {
    let heading = [
        in_language("时间", "TIME"),
        in_language("变更", "CHANGE"),
        in_language("办理人", "BY"),
        in_language("内容", "WHAT"),
    ];
    let row = |change: &AccountChange| {
        vec![
            change.at.to_rfc3339(),
            change.action.into_str().to_owned(),
            change.by.clone(),
            change.detail.clone(),
        ]
    };
    let rows: Vec<_> = changes.iter().map(row).collect();
    lutong_client::output::table(&heading, &rows);
}

/// The rights of an account, in one line.
pub fn rights(account: &Account) -> String {
    let parts = [
        roles(account),
        division(account),
        desks(account),
        account.feed.as_ref().map(feed).unwrap_or_default(),
    ];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("; ")
}

fn roles(account: &Account) -> String {
    let name = |role: Role| word(&json!(role.as_str_name()), "ROLE");
    let roles: Vec<_> = account.roles.iter().map(name).collect();
    roles.join(",")
}

fn division(account: &Account) -> String {
    match account.division {
        None => String::new(),
        Some(DivisionCode::SHANDONG) => in_language("全省", "province-wide").to_owned(),
        Some(division) => division.to_string(),
    }
}

fn desks(account: &Account) -> String {
    let desks: Vec<_> = account.desks.iter().map(Desk::into_str).collect();
    desks.join(",")
}

fn feed(feed: &FeedGrant) -> String {
    let divisions: Vec<_> = feed.divisions.iter().map(ToString::to_string).collect();
    let reach = if divisions.is_empty() {
        in_language("全省", "province-wide").to_owned()
    } else {
        divisions.join(",")
    };
    format!("{} ({reach}): {}", feed.source, feed.kinds.join(","))
}

pub fn json(stored: &StoredAccount) -> Value {
    let account = &stored.account;
    let roles: Vec<_> = account.roles.iter().map(|role| role.as_str_name()).collect();
    let feed = account.feed.as_ref().map(|feed| {
        let divisions: Vec<_> = feed.divisions.iter().map(ToString::to_string).collect();
        json!({"source": feed.source, "kinds": feed.kinds, "divisions": divisions})
    });
    json!({
        "account_id": account.id.as_str(),
        "roles": roles,
        "division": account.division.map(|division| division.to_string()),
        "desks": account.desks.iter().map(Desk::into_str).collect::<Vec<_>>(),
        "feed": feed,
        "version": account.version,
        "disabled": stored.disabled,
    })
}

pub fn change_json(change: &AccountChange) -> Value {
    json!({
        "sequence": change.sequence,
        "version": change.version,
        "time": change.at.to_rfc3339(),
        "by": change.by,
        "action": change.action.into_str(),
        "detail": change.detail,
    })
}
