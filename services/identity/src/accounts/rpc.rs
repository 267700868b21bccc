//! `AccountService`: parse, call, map.

use lutong_chassis::skin::{Cursor, Following, Query, foreign_cursor};
use lutong_kernel::{Fault, FaultCode};
use lutong_proto::identity::v1 as wire;
use lutong_proto::time;
use lutong_skin::identity::v1::AccountHandler;
use lutong_transport::access::{FeedGrant, NoPermit};
use lutong_transport::reply;

use super::domain::{Account, AccountChange, AccountId};
use super::service::Accounts;

pub struct AccountRpc(pub Accounts);

impl AccountHandler for AccountRpc {
    async fn get_account(
        &self,
        _: Query<NoPermit>,
        message: wire::GetAccountRequest,
    ) -> Result<wire::GetAccountResponse, Fault> {
        let id = AccountId::parse(&message.account_id).map_err(reply::wrong)?;
        let account = self.0.get(id).await?;
        Ok(wire::GetAccountResponse {
            account: Some(account.into()),
        })
    }

    async fn list_account_changes(
        &self,
        call: Following<NoPermit>,
        _: wire::ListAccountChangesRequest,
    ) -> Result<wire::ListAccountChangesResponse, Fault> {
        let after = sequence(&call.from)?;
        let head = self.0.last_change().await?;
        if after > head {
            return Err(replaced());
        }
        let changes = self.0.changes(after, call.from.size as u64).await?;
        let last = changes.last().map_or(after, |change| change.sequence);
        Ok(wire::ListAccountChangesResponse {
            changes: changes.into_iter().map(change).collect(),
            next_cursor: call.from.at(&last.to_be_bytes())?,
            head_sequence: head.max(last),
        })
    }

    async fn get_feed(
        &self,
        _: Query<NoPermit>,
        message: wire::GetFeedRequest,
    ) -> Result<wire::GetFeedResponse, Fault> {
        let feed = self.0.feed(&message.source).await?;
        Ok(wire::GetFeedResponse {
            feed: Some(self::feed(feed)),
        })
    }
}

/// The sequence after which a follower reads on.
fn sequence(from: &Cursor) -> Result<i64, Fault> {
    let Some(bytes) = from.after.as_deref() else {
        return Ok(0);
    };
    let bytes = bytes.try_into().map_err(|_| foreign_cursor())?;
    Ok(i64::from_be_bytes(bytes))
}

fn replaced() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "LOG_REPLACED",
        "账号变更记录已被另一份替换，请从头读取",
        "these changes took the place of those that the cursor is of: read from the beginning",
    )
}

fn change(change: AccountChange) -> wire::AccountChange {
    wire::AccountChange {
        sequence: change.sequence,
        account_id: change.account,
        version: change.version,
        create_time: Some(time::from_micros(change.at.micros())),
    }
}

fn feed(feed: FeedGrant) -> wire::FeedGrant {
    wire::FeedGrant {
        source: feed.source,
        kinds: feed.kinds,
        divisions: feed.divisions.iter().map(ToString::to_string).collect(),
    }
}

impl From<Account> for wire::Account {
    fn from(account: Account) -> Self {
        let Account {
            id,
            roles,
            subject,
            division,
            feed,
            version,
        } = account;
        Self {
            account_id: id.as_str().to_owned(),
            subject_id: subject.map(|subject| subject.to_string()).unwrap_or_default(),
            roles: roles.iter().map(i32::from).collect(),
            division: division.map(|division| division.to_string()).unwrap_or_default(),
            feed: feed.map(self::feed),
            version,
        }
    }
}
