//! `admin`: accounts of staff and feeds, in identity's own database. What is changed here ends the account's sessions at every
//! gateway within seconds.

mod rights;
mod show;

use std::io::Write as _;
use std::sync::Arc;

use clap::{Args, Subcommand};
use lutong_chassis::entropy::Entropy;
use lutong_chassis::wall_clock::WallClock;
use lutong_identity::Accounts;
use lutong_identity::domain::account::AccountId;
use lutong_kernel::ServiceName;
use lutong_node::keys::MeshKeys;
use lutong_node::one_process;
use serde_json::json;

use super::Failure;
use super::data::{DataFolder, Opened};
use rights::Rights;

/// Accounts read at once.
const PAGE: u64 = 500;

#[derive(Debug, Subcommand)]
pub enum Admin {
    /// Add an account.
    Add(Given),
    /// Give an account other roles, another division and another grant, in place of those that it has.
    Change(Given),
    /// Stop an account: it signs in no more, and its sessions and imports end.
    Disable(Named),
    /// Let a stopped account sign in again.
    Enable(Named),
    /// Staff and feeds, and whoever is disabled.
    List(List),
    /// One account, and what was changed of it.
    Show(Show),
}

#[derive(Debug, Args)]
pub struct Given {
    /// As the identity provider knows it.
    account: String,
    #[command(flatten)]
    rights: Rights,
    #[command(flatten)]
    folder: DataFolder,
}

#[derive(Debug, Args)]
pub struct Named {
    /// As the identity provider knows it.
    account: String,
    #[command(flatten)]
    folder: DataFolder,
}

#[derive(Debug, Args)]
pub struct List {
    /// Citizens too.
    #[arg(long)]
    citizens: bool,
    /// A line of JSON an account.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folder: DataFolder,
}

#[derive(Debug, Args)]
pub struct Show {
    /// As the identity provider knows it.
    account: String,
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folder: DataFolder,
}

fn input(error: impl std::fmt::Display) -> Failure {
    Failure::Input(error.to_string())
}

/// Also a name that is reserved now: whoever has it must be able to be stopped.
fn named(text: &str) -> Result<AccountId, Failure> {
    AccountId::stored(text).map_err(|wrong| input(wrong.en))
}

/// Who changes accounts, as well as this machine knows: the user that runs the command.
fn operator() -> String {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").map_or_else(
        |_| "unknown user".to_owned(),
        |process| format!("uid {}", process.uid()),
    )
}

async fn open(folder: &DataFolder) -> Result<Accounts, Failure> {
    let Opened {
        config,
        storage,
        keys,
    } = folder.open(ServiceName::Identity)?;
    let mesh_keys = MeshKeys::open(&keys, &Entropy)?;
    let mut foundation =
        one_process::foundation(&config, Arc::new(WallClock), Arc::new(Entropy), &mesh_keys)?;
    if !config.storage.url.expose().is_empty() {
        foundation.keys = keys;
    }
    Ok(lutong_identity::open_accounts(&foundation, &storage).await?)
}

/// Prints a line; `false` when nobody reads on.
fn say(line: &str) -> bool {
    writeln!(std::io::stdout(), "{line}").is_ok()
}

impl Admin {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Add(given) => {
                let account = given.rights.account(&given.account)?;
                let told = account.describe();
                open(&given.folder).await?.add(account, &operator()).await?;
                say(&format!("{} added: {told}", given.account));
            }
            Self::Change(given) => {
                let account = given.rights.account(&given.account)?;
                let told = account.describe();
                open(&given.folder).await?.update(account, &operator()).await?;
                say(&format!("{} changed: {told}; its sessions end", given.account));
            }
            Self::Disable(one) => set_disabled(&one, true).await?,
            Self::Enable(one) => set_disabled(&one, false).await?,
            Self::List(list) => list.run().await?,
            Self::Show(show) => show.run().await?,
        }
        Ok(())
    }
}

async fn set_disabled(one: &Named, disabled: bool) -> Result<(), Failure> {
    let id = named(&one.account)?;
    let accounts = open(&one.folder).await?;
    let changed = accounts.set_disabled(id, disabled, &operator()).await?;
    let told = match (disabled, changed) {
        (true, true) => "disabled: its sessions end",
        (true, false) => "was disabled already",
        (false, true) => "enabled: it signs in anew",
        (false, false) => "was enabled already",
    };
    say(&format!("{} {told}", one.account));
    Ok(())
}

impl List {
    async fn run(&self) -> Result<(), Failure> {
        let accounts = open(&self.folder).await?;
        let mut after = String::new();
        loop {
            let page = accounts.list(&after, self.citizens, PAGE).await?;
            for stored in &page {
                let line = if self.json {
                    show::json(stored).to_string()
                } else {
                    show::line(stored)
                };
                if !say(&line) {
                    return Ok(());
                }
            }
            let Some(last) = page.last().filter(|_| page.len() as u64 == PAGE) else {
                return Ok(());
            };
            last.account.id.as_str().clone_into(&mut after);
        }
    }
}

impl Show {
    async fn run(&self) -> Result<(), Failure> {
        let (stored, changes) = open(&self.folder).await?.show(&named(&self.account)?).await?;
        if self.json {
            let changes: Vec<_> = changes.iter().map(show::change_json).collect();
            say(&json!({"account": show::json(&stored), "changes": changes}).to_string());
            return Ok(());
        }
        let mut lines = std::iter::once(show::line(&stored)).chain(changes.iter().map(show::change_line));
        // Nobody reads on: the rest is not said.
        lines.all(|line| say(&line));
        Ok(())
    }
}
