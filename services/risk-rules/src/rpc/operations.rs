//! Operations.

use futures::{StreamExt as _, TryStreamExt as _};
use lutong_chassis::access::CasePermit;
use lutong_chassis::operations::{Filter, Operations, Sight, parse_name};
use lutong_chassis::skin::{Answers, Listing, Mutation, Query};
use lutong_kernel::Fault;
use lutong_proto::risk_rules::v1 as wire;
use lutong_skin::risk_rules::v1::OperationHandler;

use crate::service::operations::end_work;

pub struct Handler(pub Operations);

impl OperationHandler for Handler {
    async fn get_operation(
        &self,
        call: Query<CasePermit>,
        message: wire::GetOperationRequest,
    ) -> Result<wire::GetOperationResponse, Fault> {
        let sight = Sight::of(&call.grant, &call.permit);
        let found = self.0.get(&sight, parse_name(&message.name)?).await?;
        Ok(wire::GetOperationResponse {
            operation: Some(found.into()),
        })
    }

    async fn list_operations(
        &self,
        call: Listing<CasePermit>,
        message: wire::ListOperationsRequest,
    ) -> Result<wire::ListOperationsResponse, Fault> {
        let sight = Sight::of(&call.grant, &call.permit);
        let filter = Filter::asked(message.kind(), message.state());
        let (found, next_page_token) = self.0.list(&sight, filter, &call.page).await?;
        Ok(wire::ListOperationsResponse {
            operations: found.into_iter().map(Into::into).collect(),
            next_page_token,
        })
    }

    async fn cancel_operation(
        &self,
        call: Mutation<CasePermit>,
        message: wire::CancelOperationRequest,
    ) -> Result<wire::CancelOperationResponse, Fault> {
        let sight = Sight::of(&call.grant, &call.permit);
        let id = parse_name(&message.name)?;
        let cancelled = self.0.cancel(sight, call.request, id, end_work).await?;
        Ok(wire::CancelOperationResponse {
            operation: Some(cancelled.into()),
        })
    }

    async fn watch_operation(
        &self,
        call: Query<CasePermit>,
        message: wire::WatchOperationRequest,
    ) -> Result<Answers<wire::WatchOperationResponse>, Fault> {
        let sight = Sight::of(&call.grant, &call.permit);
        let watched = self.0.watch(sight, parse_name(&message.name)?).await?;
        let answer = |operation: lutong_chassis::operations::Operation| wire::WatchOperationResponse {
            operation: Some(operation.into()),
        };
        Ok(watched.map_ok(answer).boxed())
    }
}
