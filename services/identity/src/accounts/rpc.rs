//! `AccountService`: parse, call, map.

use lutong_chassis::skin::{Cursor, Following, Query, foreign_cursor};
use lutong_kernel::{Channel, Fault, Secret};
use lutong_proto::identity::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1 as types;
use lutong_skin::identity::v1::AccountHandler;
use lutong_transport::access::{FeedGrant, NoPermit};
use lutong_transport::reply;

use super::domain::{Account, AccountChange, AccountId};
use super::service::Accounts;
use crate::fault;
use crate::registrations::channel_accounts::{ChannelAccounts, VerifiedIdentity};

pub struct AccountRpc {
    pub accounts: Accounts,
    pub channels: ChannelAccounts,
}

impl AccountHandler for AccountRpc {
    async fn get_account(
        &self,
        _: Query<NoPermit>,
        message: wire::GetAccountRequest,
    ) -> Result<wire::GetAccountResponse, Fault> {
        let id = AccountId::parse(&message.account_id).map_err(reply::wrong)?;
        let account = self.accounts.get(id).await?;
        Ok(wire::GetAccountResponse {
            account: Some(account.into()),
        })
    }

    async fn open_account(
        &self,
        _: Query<NoPermit>,
        message: wire::OpenAccountRequest,
    ) -> Result<wire::OpenAccountResponse, Fault> {
        let channel = channel(message.channel())?;
        let verified = message.verified.map(|verified| VerifiedIdentity {
            full_name: Secret::new(verified.full_name),
            resident_id: Secret::new(verified.resident_id),
            mobile: Secret::new(verified.mobile),
        });
        let account = self.channels.open(channel, &message.outside_id, verified).await?;
        Ok(wire::OpenAccountResponse {
            account: Some(account.into()),
        })
    }

    async fn list_account_changes(
        &self,
        call: Following<NoPermit>,
        _: wire::ListAccountChangesRequest,
    ) -> Result<wire::ListAccountChangesResponse, Fault> {
        let after = sequence(&call.from)?;
        let head = self.accounts.last_change().await?;
        if after > head {
            return Err(fault::account_changes_replaced());
        }
        let changes = self.accounts.changes(after, call.from.size as u64).await?;
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
        let feed = self.accounts.feed(&message.source).await?;
        Ok(wire::GetFeedResponse {
            feed: Some(self::feed(feed)),
        })
    }
}

/// The channel of the contract; the contract's bounds refuse one that is unspecified.
fn channel(channel: types::Channel) -> Result<Channel, Fault> {
    match channel {
        types::Channel::Unspecified => Err(Fault::internal("a channel passed the bounds of the contract")),
        types::Channel::Wechat => Ok(Channel::WeChat),
        types::Channel::WechatMini => Ok(Channel::WeChatMini),
        types::Channel::Alipay => Ok(Channel::Alipay),
        types::Channel::Aishandong => Ok(Channel::AiShandong),
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
            desks,
            version,
        } = account;
        Self {
            account_id: id.as_str().to_owned(),
            subject_id: subject.map(|subject| subject.to_string()).unwrap_or_default(),
            roles: roles.iter().map(i32::from).collect(),
            division: division.map(|division| division.to_string()).unwrap_or_default(),
            feed: feed.map(self::feed),
            version,
            desks: desks.iter().map(|desk| desk.into_str().to_owned()).collect(),
        }
    }
}
