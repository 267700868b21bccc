//! Accounts, on the wire.

use lutong_chassis::reply;
use lutong_kernel::fault::Violations;
use lutong_kernel::{Fault, Violation};
use lutong_proto::identity::v1 as wire;
use lutong_proto::time;
use tonic::{Request, Response, Status};
use wire::account_service_server::AccountService;

use crate::domain::account::{AccountId, Change};
use crate::service::accounts::Accounts;

/// Changes in one answer.
const PAGE: i32 = 500;
/// Characters of a feed's name.
const MAX_SOURCE: usize = 100;

#[derive(Clone)]
pub struct AccountHandler(Accounts);

impl AccountHandler {
    pub const fn new(accounts: Accounts) -> Self {
        Self(accounts)
    }

    async fn account(
        &self,
        request: Request<wire::GetAccountRequest>,
    ) -> Result<wire::GetAccountResponse, Fault> {
        let id = AccountId::parse(&request.into_inner().account_id).map_err(reply::wrong)?;
        let account = self.0.get(id).await?;
        Ok(wire::GetAccountResponse {
            account: Some(account.into()),
        })
    }

    async fn changes(
        &self,
        request: Request<wire::ListAccountChangesRequest>,
    ) -> Result<wire::ListAccountChangesResponse, Fault> {
        let wire::ListAccountChangesRequest {
            after_sequence,
            page_size,
        } = request.into_inner();
        let mut wrong = Violations::new();
        if after_sequence < 0 {
            wrong.push(Violation::new(
                "after_sequence",
                "SEQUENCE_NEGATIVE",
                "不应为负数",
                "is not negative",
            ));
        }
        if !(0..=PAGE).contains(&page_size) {
            let (zh, en) = (format!("应为0至{PAGE}"), format!("lies between 0 and {PAGE}"));
            wrong.push(Violation::new("page_size", "PAGE_RANGE", zh, en));
        }
        wrong.finish()?;
        let limit = if page_size == 0 { PAGE } else { page_size };
        let changes = self
            .0
            .changes(after_sequence, u64::from(limit.unsigned_abs()))
            .await?;
        Ok(wire::ListAccountChangesResponse {
            changes: changes.into_iter().map(change).collect(),
        })
    }

    async fn feed(&self, request: Request<wire::GetFeedRequest>) -> Result<wire::GetFeedResponse, Fault> {
        let source = request.into_inner().source;
        let source = reply::text(&source, "source", MAX_SOURCE).map_err(reply::wrong)?;
        let feed = self.0.feed(&source).await?;
        Ok(wire::GetFeedResponse {
            feed: Some(super::convert::feed(feed)),
        })
    }
}

fn change(change: Change) -> wire::AccountChange {
    wire::AccountChange {
        sequence: change.sequence,
        account_id: change.account,
        version: change.version,
        create_time: Some(time::from_micros(change.at.micros())),
    }
}

#[tonic::async_trait]
impl AccountService for AccountHandler {
    async fn get_account(
        &self,
        request: Request<wire::GetAccountRequest>,
    ) -> Result<Response<wire::GetAccountResponse>, Status> {
        reply::answer(self.account(request).await)
    }

    async fn list_account_changes(
        &self,
        request: Request<wire::ListAccountChangesRequest>,
    ) -> Result<Response<wire::ListAccountChangesResponse>, Status> {
        reply::answer(self.changes(request).await)
    }

    async fn get_feed(
        &self,
        request: Request<wire::GetFeedRequest>,
    ) -> Result<Response<wire::GetFeedResponse>, Status> {
        reply::answer(self.feed(request).await)
    }
}
