//! Operations: pulls that somebody asked for.

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use lutong_chassis::access::CasePermit;
use lutong_chassis::operations::{Filter, Operation, Operations, Sight, parse_name};
use lutong_chassis::skin::{Answers, Listing, Mutation, Query};
use lutong_chassis::storage::StorageError;
use lutong_kernel::Fault;
use lutong_proto::declaration::v1 as wire;
use lutong_skin::declaration::v1::OperationHandler;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

pub struct OperationRpc(pub Operations);

impl OperationHandler for OperationRpc {
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
        let cancelled = self.0.cancel(sight, call.request, id, nothing_else).await?;
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
        let answer = |operation: Operation| wire::WatchOperationResponse {
            operation: Some(operation.into()),
        };
        Ok(watched.map_ok(answer).boxed())
    }
}

/// A pull that nobody has begun leaves nothing behind; the source stays due as it was.
fn nothing_else(_: &DatabaseTransaction, _: Operation) -> BoxFuture<'_, Result<(), StorageError>> {
    std::future::ready(Ok(())).boxed()
}

/// Nothing else is kept about an operation.
pub fn nothing_more(_: &DatabaseTransaction, _: Vec<Uuid>) -> BoxFuture<'_, Result<(), StorageError>> {
    std::future::ready(Ok(())).boxed()
}
