//! `accounts`: accounts of staff and feeds, in identity's own database. A change ends the account's sessions at every
//! gateway within seconds.

mod import;
mod rights;
mod show;

use std::sync::Arc;

use clap::{Args, Subcommand};
use lutong_composition::keys::MeshKeys;
use lutong_composition::one_process;
use lutong_identity::{Account, AccountId, Accounts as Stored};
use lutong_kernel::ServiceName;
use lutong_operating::entropy::Entropy;
use lutong_operating::wall_clock::WallClock;
use serde_json::json;

use super::data::{DataFolder, ServiceData};
use lutong_client::Failure;
use lutong_client::noun::{Page, say_next};
use lutong_client::output::in_language;
use rights::Rights;

#[derive(Debug, Subcommand)]
pub enum Accounts {
    /// List staff, feeds and disabled accounts.
    List(List),
    /// Show one account and its changes.
    Show(Show),
    /// Add an account.
    Add(SetRights),
    /// Add the accounts of a file, all or none: one per line, with the arguments of `accounts add`; `#` starts a
    /// comment.
    Import(import::Import),
    /// Replace an account's roles, division and grant.
    Change(SetRights),
    /// Disable an account: it can no longer sign in, and its sessions and imports end.
    Disable(NamedAccount),
    /// Enable a disabled account.
    Enable(NamedAccount),
}

#[derive(Debug, Args)]
pub struct SetRights {
    /// As the identity provider knows it.
    account: String,
    #[command(flatten)]
    rights: Rights,
    #[command(flatten)]
    folder: DataFolder,
}

#[derive(Debug, Args)]
pub struct NamedAccount {
    /// As the identity provider knows it.
    account: String,
    #[command(flatten)]
    folder: DataFolder,
}

#[derive(Debug, Args)]
pub struct List {
    /// Include citizens.
    #[arg(long)]
    citizens: bool,
    #[command(flatten)]
    page: Page,
    /// For machines.
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

/// Also accepts a name that is reserved now, so that an existing account of that name can be disabled.
fn named(text: &str) -> Result<AccountId, Failure> {
    AccountId::stored(text).map_err(|wrong| input(in_language(&wrong.zh, &wrong.en)))
}

/// Who changes accounts, as far as this machine knows: the user that runs the command.
fn operator() -> String {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").map_or_else(
        |_| "unknown user".to_owned(),
        |process| format!("uid {}", process.uid()),
    )
}

async fn open(folder: &DataFolder) -> Result<Stored, Failure> {
    let ServiceData {
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

impl Accounts {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::Add(given) => given.add().await,
            Self::Import(import) => import.run().await,
            Self::Change(given) => given.change().await,
            Self::Disable(one) => one.set_disabled(true).await,
            Self::Enable(one) => one.set_disabled(false).await,
        }
    }
}

impl SetRights {
    fn account(&self) -> Result<(Account, String), Failure> {
        let account = self.rights.account(&self.account)?;
        let rights = show::rights(&account);
        Ok((account, rights))
    }

    async fn add(self) -> Result<(), Failure> {
        let (account, rights) = self.account()?;
        open(&self.folder).await?.add(account, &operator()).await?;
        let name = self.account;
        tell!("{name} 已添加：{rights}", "{name} added: {rights}");
        Ok(())
    }

    async fn change(self) -> Result<(), Failure> {
        let (account, rights) = self.account()?;
        open(&self.folder).await?.update(account, &operator()).await?;
        let name = self.account;
        tell!(
            "{name} 已变更：{rights}；其会话结束",
            "{name} changed: {rights}; its sessions end"
        );
        Ok(())
    }
}

impl NamedAccount {
    async fn set_disabled(self, disabled: bool) -> Result<(), Failure> {
        let id = named(&self.account)?;
        let accounts = open(&self.folder).await?;
        let changed = accounts.set_disabled(id, disabled, &operator()).await?;
        let name = self.account;
        match (disabled, changed) {
            (true, true) => tell!("{name} 已停用：其会话结束", "{name} disabled: its sessions end"),
            (true, false) => tell!("{name} 此前已停用", "{name} was disabled already"),
            (false, true) => tell!(
                "{name} 已启用：可重新登录",
                "{name} enabled: it can sign in again"
            ),
            (false, false) => tell!("{name} 此前已启用", "{name} was enabled already"),
        }
        Ok(())
    }
}

impl List {
    async fn run(&self) -> Result<(), Failure> {
        let accounts = open(&self.folder).await?;
        // The page token is the last account of the previous page.
        let after = self.page.page_token.as_deref().unwrap_or_default();
        let size = u64::from(self.page.page_size);
        let mut page = accounts.list(after, self.citizens, size + 1).await?;
        let has_more = page.len() as u64 > size;
        page.truncate(self.page.page_size.try_into().unwrap_or(usize::MAX));
        let next = page.last().filter(|_| has_more);
        let next = next.map_or("", |last| last.account.id.as_str());
        let all: Vec<_> = page.iter().map(show::json).collect();
        let answer = json!({"accounts": all, "next_page_token": next});
        if self.json {
            say!("{answer}");
        } else {
            show::table(&page);
            say_next(&answer);
        }
        Ok(())
    }
}

impl Show {
    async fn run(&self) -> Result<(), Failure> {
        let (stored, changes) = open(&self.folder).await?.show(&named(&self.account)?).await?;
        if self.json {
            let changes: Vec<_> = changes.iter().map(show::change_json).collect();
            say!("{}", json!({"account": show::json(&stored), "changes": changes}));
        } else {
            show::table(&[stored]);
            show::changes(&changes);
        }
        Ok(())
    }
}
