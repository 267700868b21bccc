//! Who signs in, and as what.

use futures::FutureExt as _;
use lutong_chassis::storage::Database;
use lutong_kernel::{Fault, FaultCode};

use crate::domain::account::{Account, AccountId};
use crate::store;

/// The accounts of a store; cheap to clone.
#[derive(Debug, Clone)]
pub struct Accounts(Database);

impl Accounts {
    pub const fn new(database: Database) -> Self {
        Self(database)
    }

    /// The account behind a sign-in; one that nobody has seen is a citizen's.
    pub async fn get(&self, id: AccountId) -> Result<Account, Fault> {
        match store::accounts::find(self.0.reader(), &id).await? {
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

    /// Adds a staff or feed account.
    pub async fn add(&self, account: Account) -> Result<(), Fault> {
        let name = account.id.as_str().to_owned();
        let added = self.0.write(move |transaction| {
            async move { store::accounts::insert(transaction, &account).await }.boxed()
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
}
