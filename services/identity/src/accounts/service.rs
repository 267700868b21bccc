//! Looks up accounts for a sign-in, and changes them for operators.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_kernel::{Clock, Fault};
use lutong_storage::Database;
use lutong_transport::access::FeedGrant;
use sea_orm::DatabaseTransaction;

use super::domain::{Account, AccountAction, AccountChange, AccountId};
use super::store::account_changes::{self, NewChange};
use super::store::{self, StoredAccount};
use crate::fault;

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

    /// The account of a sign-in. An id without a row is that of a citizen.
    pub async fn get(&self, id: AccountId) -> Result<Account, Fault> {
        match store::find(self.database.reader(), &id).await? {
            None => Ok(Account::citizen(id)),
            Some(stored) if stored.disabled => Err(fault::account_disabled()),
            Some(stored) => Ok(stored.account),
        }
    }

    /// Adds a staff or feed account. `by` names the operator.
    pub async fn add(&self, account: Account, by: &str) -> Result<(), Fault> {
        self.add_all(vec![account], by).await
    }

    /// Adds staff or feed accounts, all of them or none.
    pub async fn add_all(&self, added: Vec<Account>, by: &str) -> Result<(), Fault> {
        let mut rows = Vec::with_capacity(added.len());
        for account in added {
            account.check().map_err(|wrong| Fault::invalid(vec![wrong]))?;
            let account = Account {
                version: 1,
                ..account
            };
            let change = self.change(by, AccountAction::Added, &account);
            rows.push((account, change));
        }
        let added = self.database.write(move |transaction| {
            async move {
                account_changes::lock(transaction).await?;
                for (account, change) in rows {
                    if !store::insert(transaction, &account).await? {
                        return Err(fault::account_exists(account.id.as_str()));
                    }
                    account_changes::insert(transaction, change).await?;
                }
                Ok::<_, Fault>(())
            }
            .boxed()
        });
        added.await
    }

    /// Replaces the roles, the division and the grant of an account. Its sessions end.
    pub async fn update(&self, wanted: Account, by: &str) -> Result<(), Fault> {
        wanted.check().map_err(|wrong| Fault::invalid(vec![wrong]))?;
        let (this, by) = (self.clone(), by.to_owned());
        let updated = self.database.write(move |transaction| {
            async move {
                let stored = lock_account(transaction, &wanted.id).await?;
                let account = Account {
                    version: stored.account.version + 1,
                    subject: stored.account.subject,
                    ..wanted
                };
                store::update(transaction, &account, stored.disabled).await?;
                let change = this.change(&by, AccountAction::Changed, &account);
                account_changes::insert(transaction, change).await?;
                Ok::<_, Fault>(())
            }
            .boxed()
        });
        updated.await
    }

    /// Disables or enables an account; its sessions end. Returns `false` when the account is in that state already.
    pub async fn set_disabled(&self, id: AccountId, disabled: bool, by: &str) -> Result<bool, Fault> {
        let (this, by) = (self.clone(), by.to_owned());
        let set = self.database.write(move |transaction| {
            async move {
                let stored = lock_account(transaction, &id).await?;
                if stored.disabled == disabled {
                    return Ok::<_, Fault>(false);
                }
                let account = Account {
                    version: stored.account.version + 1,
                    ..stored.account
                };
                store::update(transaction, &account, disabled).await?;
                let action = if disabled {
                    AccountAction::Disabled
                } else {
                    AccountAction::Enabled
                };
                account_changes::insert(transaction, this.change(&by, action, &account)).await?;
                Ok(true)
            }
            .boxed()
        });
        set.await
    }

    /// An account and its changes, the latest first.
    pub async fn show(&self, id: &AccountId) -> Result<(StoredAccount, Vec<AccountChange>), Fault> {
        let reader = self.database.reader();
        let found = store::find(reader, id)
            .await?
            .ok_or_else(fault::account_not_found)?;
        Ok((found, account_changes::of(reader, id).await?))
    }

    /// Accounts after an id, in order. Enabled citizens are listed only with `citizens`.
    pub async fn list(&self, after: &str, citizens: bool, limit: u64) -> Result<Vec<StoredAccount>, Fault> {
        Ok(store::list(self.database.reader(), after, citizens, limit).await?)
    }

    /// Changes after a sequence, in order.
    pub async fn changes(&self, after: i64, limit: u64) -> Result<Vec<AccountChange>, Fault> {
        Ok(account_changes::after(self.database.reader(), after, limit).await?)
    }

    /// The newest sequence; 0 before the first change.
    pub async fn last_change(&self) -> Result<i64, Fault> {
        Ok(account_changes::last(self.database.reader()).await?)
    }

    /// The union of the grants of this feed's accounts, disabled accounts included.
    pub async fn feed(&self, source: &str) -> Result<FeedGrant, Fault> {
        let grants = store::grants(self.database.reader(), source).await?;
        union_of(grants).ok_or_else(fault::feed_not_found)
    }

    fn change(&self, by: &str, action: AccountAction, account: &Account) -> NewChange {
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

/// Locks the accounts and reads one.
async fn lock_account(transaction: &DatabaseTransaction, id: &AccountId) -> Result<StoredAccount, Fault> {
    account_changes::lock(transaction).await?;
    store::find(transaction, id)
        .await?
        .ok_or_else(fault::account_not_found)
}

/// The union of grants. A grant without divisions covers the whole province, and so does a union with it.
fn union_of(grants: Vec<FeedGrant>) -> Option<FeedGrant> {
    let covers_province = grants.iter().any(|grant| grant.divisions.is_empty());
    let mut all = grants.into_iter().reduce(|mut all, grant| {
        all.kinds.extend(grant.kinds);
        all.divisions.extend(grant.divisions);
        all
    })?;
    if covers_province {
        all.divisions.clear();
    }
    all.kinds.sort_unstable();
    all.kinds.dedup();
    all.divisions.sort_unstable();
    all.divisions.dedup();
    Some(all)
}
