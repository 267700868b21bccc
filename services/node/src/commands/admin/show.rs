//! Accounts for people and for machines.

use lutong_identity::StoredAccount;
use lutong_identity::domain::account::Change;
use serde_json::{Value, json};

/// One line of a list.
pub fn line(stored: &StoredAccount) -> String {
    let state = if stored.disabled { "disabled" } else { "enabled" };
    let account = &stored.account;
    format!("{:<24} {state:<9} {}", account.id.as_str(), account.describe())
}

/// One change, as a line.
pub fn change_line(change: &Change) -> String {
    let (at, by) = (change.at.to_rfc3339(), &change.by);
    format!("  {at} {} by {by}: {}", change.action.as_str(), change.detail)
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
        "feed": feed,
        "version": account.version,
        "disabled": stored.disabled,
    })
}

pub fn change_json(change: &Change) -> Value {
    json!({
        "sequence": change.sequence,
        "version": change.version,
        "time": change.at.to_rfc3339(),
        "by": change.by,
        "action": change.action.as_str(),
        "detail": change.detail,
    })
}
