//! The registered feeds and their divisions: identity knows the accounts of feeds, declaration the databases that it pulls.

use lutong_kernel::{DivisionCode, Fault, FaultCode, ServiceName};
use lutong_proto::declaration::v1::ListPullsRequest;
use lutong_proto::declaration::v1::pull_service_client::PullServiceClient;
use lutong_proto::identity::v1::GetFeedRequest;
use lutong_proto::identity::v1::account_service_client::AccountServiceClient;
use lutong_transport::client;
use lutong_transport::client::Call;
use lutong_transport::client::MeshChannel;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Feeds {
    identity: MeshChannel,
    declaration: MeshChannel,
}

impl Feeds {
    pub const fn new(identity: MeshChannel, declaration: MeshChannel) -> Self {
        Self {
            identity,
            declaration,
        }
    }

    /// The divisions of a feed's grant, empty for the whole province; `None` if no such feed is registered.
    pub async fn divisions(&self, call: &Call, source: &str) -> Result<Option<Vec<DivisionCode>>, Fault> {
        match self.of_accounts(call, source).await? {
            Some(divisions) => Ok(Some(divisions)),
            None => self.of_pulls(call, source).await,
        }
    }

    async fn of_accounts(&self, call: &Call, source: &str) -> Result<Option<Vec<DivisionCode>>, Fault> {
        let request = call.request(GetFeedRequest {
            source: source.to_owned(),
        });
        let answer = AccountServiceClient::new(self.identity.clone())
            .get_feed(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::Identity, ""));
        match answer {
            Ok(answer) => {
                let feed = answer.into_inner().feed.unwrap_or_default();
                read(&feed.divisions, ServiceName::Identity).map(Some)
            }
            Err(fault) if fault.code == FaultCode::NotFound => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    async fn of_pulls(&self, call: &Call, source: &str) -> Result<Option<Vec<DivisionCode>>, Fault> {
        let all = ListPullsRequest {
            page_size: 1_000,
            page_token: String::new(),
        };
        let answer = PullServiceClient::new(self.declaration.clone())
            .list_pulls(call.request(all))
            .await
            .map_err(|status| client::relay(&status, ServiceName::Declaration, ""))?;
        let pulls = answer.into_inner().pulls;
        let pull = pulls.iter().find(|pull| pull.pull_id == source);
        pull.map(|pull| read(&pull.divisions, ServiceName::Declaration))
            .transpose()
    }
}

/// Parses the divisions of a grant. Omitting one that cannot be parsed would reduce the grant, so that it is an error.
fn read(divisions: &[String], of: ServiceName) -> Result<Vec<DivisionCode>, Fault> {
    let parsed = divisions.iter().map(|code| DivisionCode::parse(code));
    parsed.collect::<Result<_, _>>().map_err(|error| {
        Fault::internal(format_args!(
            "a grant of a feed, as {of} answers it, names no division: {error}"
        ))
    })
}
