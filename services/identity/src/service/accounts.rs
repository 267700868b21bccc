//! Who signs in, and as what; what operators change of it.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_kernel::{Clock, Fault, FaultCode};
use lutong_storage::Database;
use lutong_transport::access::FeedGrant;
use sea_orm::DatabaseTransaction;

use crate::domain::account::{Account, AccountId, Action, Change};
use crate::store::account_changes::{self, NewChange};
use crate::store::accounts::{self, StoredAccount};

/// The accounts of a store; cheap to clone.
#[derive(Debug, Clone)]
pub struct Accounts {
    database: Database,
    clock: Arc<dyn Clock>,
}

impl Accounts {
    pub const fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }

    /// The account behind a sign-in; one that nobody has seen is a citizen's.
    pub async fn get(&self, id: AccountId) -> Result<Account, Fault> {
        match accounts::find(self.database.reader(), &id).await? {
            None => Ok(Account::citizen(id)),
            Some(stored) if stored.disabled => Err(Fault::new(
                FaultCode::PermissionDenied,
                "ACCOUNT_DISABLED",
                "该账号已停用",
                "this account is disabled",
            )),
            Some(stored) => Ok(stored.account),
        }
    }

    /// Adds a staff or feed account. `by` says which operator.
    pub async fn add(&self, account: Account, by: &str) -> Result<(), Fault> {
        account.check().map_err(|wrong| Fault::invalid(vec![wrong]))?;
        let account = Account {
            version: 1,
            ..account
        };
        let name = account.id.as_str().to_owned();
        let change = self.change(by, Action::Added, &account);
        let added = self.database.write(move |transaction| {
            async move {
                account_changes::lock(transaction).await?;
                let added = accounts::insert(transaction, &account).await?;
                if added {
                    account_changes::insert(transaction, change).await?;
                }
                Ok::<_, Fault>(added)
            }
            .boxed()
        });
        if added.await? {
            return Ok(());
        }
        Err(Fault::new(
            FaultCode::AlreadyExists,
            "ACCOUNT_EXISTS",
            format!("账号{name}已存在"),
            format!("there is an account {name} already"),
        ))
    }

    /// Gives an account other roles, another division and another grant. Its sessions end.
    pub async fn update(&self, wanted: Account, by: &str) -> Result<(), Fault> {
        wanted.check().map_err(|wrong| Fault::invalid(vec![wrong]))?;
        let (this, by) = (self.clone(), by.to_owned());
        let updated = self.database.write(move |transaction| {
            async move {
                let stored = held(transaction, &wanted.id).await?;
                let account = Account {
                    version: stored.account.version + 1,
                    subject: stored.account.subject,
                    ..wanted
                };
                accounts::update(transaction, &account, stored.disabled).await?;
                let change = this.change(&by, Action::Changed, &account);
                account_changes::insert(transaction, change).await?;
                Ok::<_, Fault>(())
            }
            .boxed()
        });
        updated.await
    }

    /// Disables or enables an account. Its sessions end either way; doing it again changes nothing: `false`.
    pub async fn set_disabled(&self, id: AccountId, disabled: bool, by: &str) -> Result<bool, Fault> {
        let (this, by) = (self.clone(), by.to_owned());
        let set = self.database.write(move |transaction| {
            async move {
                let stored = held(transaction, &id).await?;
                if stored.disabled == disabled {
                    return Ok::<_, Fault>(false);
                }
                let account = Account {
                    version: stored.account.version + 1,
                    ..stored.account
                };
                accounts::update(transaction, &account, disabled).await?;
                let action = if disabled {
                    Action::Disabled
                } else {
                    Action::Enabled
                };
                account_changes::insert(transaction, this.change(&by, action, &account)).await?;
                Ok(true)
            }
            .boxed()
        });
        set.await
    }

    /// An account with everything that operators changed of it, the latest first.
    pub async fn show(&self, id: &AccountId) -> Result<(StoredAccount, Vec<Change>), Fault> {
        let reader = self.database.reader();
        let found = accounts::find(reader, id).await?.ok_or_else(not_found)?;
        Ok((found, account_changes::of(reader, id).await?))
    }

    /// Accounts after an id, in order; of citizens only those that are disabled, unless `citizens`.
    pub async fn list(&self, after: &str, citizens: bool, limit: u64) -> Result<Vec<StoredAccount>, Fault> {
        Ok(accounts::list(self.database.reader(), after, citizens, limit).await?)
    }

    /// Changes after a sequence, in order.
    pub async fn changes(&self, after: i64, limit: u64) -> Result<Vec<Change>, Fault> {
        Ok(account_changes::after(self.database.reader(), after, limit).await?)
    }

    /// The newest sequence; 0 while nothing was changed.
    pub async fn last_change(&self) -> Result<i64, Fault> {
        Ok(account_changes::last(self.database.reader()).await?)
    }

    /// Everything that accounts of this feed may report together, disabled ones too.
    pub async fn feed(&self, source: &str) -> Result<FeedGrant, Fault> {
        let grants = accounts::grants(self.database.reader(), source).await?;
        together(grants).ok_or_else(|| {
            Fault::new(
                FaultCode::NotFound,
                "FEED_NOT_FOUND",
                "没有登记该数据源",
                "no such feed is registered",
            )
        })
    }

    fn change(&self, by: &str, action: Action, account: &Account) -> NewChange {
        NewChange {
            account: account.id.as_str().to_owned(),
            version: account.version,
            at: self.clock.now(),
            by: by.to_owned(),
            action,
            detail: account.describe(),
        }
    }
}

/// The account, once nobody else changes accounts.
async fn held(transaction: &DatabaseTransaction, id: &AccountId) -> Result<StoredAccount, Fault> {
    account_changes::lock(transaction).await?;
    accounts::find(transaction, id).await?.ok_or_else(not_found)
}

/// One that may name every place makes the whole so.
fn together(grants: Vec<FeedGrant>) -> Option<FeedGrant> {
    let is_whole = grants.iter().any(|grant| grant.divisions.is_empty());
    let mut all = grants.into_iter().reduce(|mut all, grant| {
        all.kinds.extend(grant.kinds);
        all.divisions.extend(grant.divisions);
        all
    })?;
    if is_whole {
        all.divisions.clear();
    }
    all.kinds.sort_unstable();
    all.kinds.dedup();
    all.divisions.sort_unstable();
    all.divisions.dedup();
    Some(all)
}

fn not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "ACCOUNT_NOT_FOUND",
        "没有该账号",
        "there is no such account",
    )
}
