//! What an account may do, asked of identity: at sign-in, and while the account has no person yet.

use std::time::Duration;

use lutong_channels::Recognised;
use lutong_kernel::{Channel, DivisionCode, Fault, FaultCode, Secret, ServiceName};
use lutong_proto::identity::v1::account_service_client::AccountServiceClient;
use lutong_proto::identity::v1::{Account, GetAccountRequest, OpenAccountRequest, VerifiedIdentity};
use lutong_proto::policy::Role;
use lutong_proto::types::v1 as types;
use lutong_transport::access::Principal;
use lutong_transport::access::{FeedGrant, Roles};
use lutong_transport::client::{Call, MeshChannel};
use lutong_transport::status;

/// How long identity may take: a person is waiting.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks identity in the gateway's own name.
#[derive(Debug, Clone)]
pub struct Accounts(Option<MeshChannel>);

impl Accounts {
    pub const fn new(identity: Option<MeshChannel>) -> Self {
        Self(identity)
    }

    /// The principal that an account is, and the account's version.
    pub async fn principal(&self, account_id: &str) -> Result<(Principal, i64), Fault> {
        let part = ServiceName::Identity.as_str();
        let Some(channel) = self.0.clone() else {
            return Err(Fault::unavailable(part));
        };
        let request = Call::background(PATIENCE).request(GetAccountRequest {
            account_id: account_id.to_owned(),
        });
        let answer = AccountServiceClient::new(channel)
            .get_account(request)
            .await
            .map_err(|error| status::to_fault(&error, part))?;
        bearer_of(answer.into_inner().account)
    }

    /// The principal of somebody whom a channel has recognised, and the version of their account, which is added when there is
    /// none yet.
    pub async fn open(&self, channel: Channel, recognised: Recognised) -> Result<(Principal, i64), Fault> {
        let part = ServiceName::Identity.as_str();
        let Some(mesh) = self.0.clone() else {
            return Err(Fault::unavailable(part));
        };
        let verified = recognised.verified.map(|verified| VerifiedIdentity {
            full_name: verified.full_name.into_inner(),
            resident_id: verified.resident_id.into_inner(),
            mobile: verified.mobile.map(Secret::into_inner).unwrap_or_default(),
        });
        let request = Call::background(PATIENCE).request(OpenAccountRequest {
            channel: wire_channel(channel).into(),
            outside_id: recognised.outside_id.into_inner(),
            verified,
        });
        let answer = AccountServiceClient::new(mesh)
            .open_account(request)
            .await
            .map_err(|error| status::to_fault(&error, part))?;
        bearer_of(answer.into_inner().account)
    }
}

const fn wire_channel(channel: Channel) -> types::Channel {
    match channel {
        // Nobody is recognised by them: accounts of the first are named, and identity has no accounts of devices.
        Channel::Development | Channel::Device => types::Channel::Unspecified,
        Channel::WeChat => types::Channel::Wechat,
        Channel::WeChatMini => types::Channel::WechatMini,
        Channel::Alipay => types::Channel::Alipay,
        Channel::AiShandong => types::Channel::Aishandong,
    }
}

fn bearer_of(account: Option<Account>) -> Result<(Principal, i64), Fault> {
    let version = account.as_ref().map_or(0, |account| account.version);
    let principal = account
        .and_then(principal_of)
        .map(|principal| (principal, version));
    principal.ok_or_else(|| Fault::internal("identity answered with an account that cannot be read"))
}

/// Whether identity did not answer, as opposed to refusing.
pub const fn is_away(fault: &Fault) -> bool {
    matches!(
        fault.code,
        FaultCode::Unavailable | FaultCode::DeadlineExceeded | FaultCode::ResourceExhausted
    )
}

/// None where the account holds a value that is not valid.
fn principal_of(account: Account) -> Option<Principal> {
    let feed = match account.feed {
        None => None,
        Some(feed) => Some(FeedGrant {
            source: feed.source,
            kinds: feed.kinds,
            divisions: feed
                .divisions
                .iter()
                .map(|division| DivisionCode::parse(division).ok())
                .collect::<Option<_>>()?,
        }),
    };
    // A desk that this process does not know must not be left out: that would lift the limit.
    let desks = account.desks.iter().map(|desk| desk.parse().ok());
    let desks = desks.collect::<Option<_>>()?;
    let mut roles = Roles::default();
    for role in account.roles {
        match Role::try_from(role).ok()? {
            Role::Unspecified => return None,
            // A service is known by its certificate; nobody becomes one by signing in.
            Role::Service => {}
            role => roles = roles.with(role),
        }
    }
    Some(Principal {
        subject: match account.subject_id.as_str() {
            "" => None,
            text => Some(text.parse().ok()?),
        },
        division: match account.division.as_str() {
            "" => None,
            text => Some(DivisionCode::parse(text).ok()?),
        },
        account: Some(account.account_id).filter(|id| !id.is_empty())?,
        roles,
        feed,
        desks,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account {
            account_id: "cdc".to_owned(),
            subject_id: "00000000-0000-0000-0000-000000000007".to_owned(),
            roles: vec![Role::AuthorityFeed.into(), Role::Service.into()],
            division: "370200".to_owned(),
            version: 1,
            feed: Some(lutong_proto::identity::v1::FeedGrant {
                source: "cdc-370200".to_owned(),
                kinds: vec!["case".to_owned()],
                divisions: vec!["370200".to_owned()],
            }),
            desks: vec!["appeal".to_owned()],
        }
    }

    #[test]
    fn an_account_becomes_a_principal_and_never_a_service() {
        let principal = principal_of(account()).unwrap();
        assert_eq!(principal.account, "cdc");
        assert!(principal.roles.has(Role::AuthorityFeed) && !principal.roles.has(Role::Service));
        assert_eq!(principal.subject.map(|s| s.uuid().as_u128()), Some(7));
        assert_eq!(principal.division.map(DivisionCode::number), Some(370_200));
        let feed = principal.feed.unwrap();
        assert_eq!((feed.source.as_str(), feed.divisions.len()), ("cdc-370200", 1));
        assert_eq!(principal.desks, [lutong_kernel::Desk::Appeal]);
    }

    #[test]
    fn an_account_that_cannot_be_is_none() {
        let with = |change: fn(&mut Account)| {
            let mut account = account();
            change(&mut account);
            principal_of(account)
        };
        assert!(with(|a| a.account_id.clear()).is_none());
        assert!(with(|a| a.subject_id = "7".to_owned()).is_none());
        assert!(with(|a| a.division = "37".to_owned()).is_none());
        assert!(with(|a| a.roles = vec![0]).is_none());
        assert!(with(|a| a.roles = vec![99]).is_none());
        assert!(
            with(|a| a.desks = vec!["appeal".to_owned(), "x".to_owned()]).is_none(),
            "an account with a desk that is not known is not one without that limit"
        );
        assert!(
            with(|a| a.feed.as_mut().unwrap().divisions = vec!["x".to_owned()]).is_none(),
            "a feed with a broken limit is not one without a limit"
        );
    }

    #[tokio::test]
    async fn without_identity_nobody_signs_in_and_the_answer_says_what_is_away() {
        let fault = Accounts::new(None).principal("a").await.unwrap_err();
        assert_eq!(fault.reason, "PART_UNAVAILABLE");
        assert!(fault.en.contains("identity"));
    }
}
