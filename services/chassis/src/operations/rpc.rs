//! `OperationService`: the same implementation for every service with long-running operations.

/// Serves `OperationService` of one package of the contract: `operation_service!(risk_rules, end_work)` makes
/// `OperationRpc`. The function ends the work of a cancelled operation, in the same transaction.
#[macro_export]
macro_rules! operation_service {
    ($package:ident, $end_work:path) => {
        use lutong_proto::$package::v1 as wire;
        use $crate::operations::{Filter, Operation, Operations, Visibility, parse_name};

        /// The long-running operations of this service.
        pub struct OperationRpc(pub Operations);

        impl lutong_skin::$package::v1::OperationHandler for OperationRpc {
            async fn get_operation(
                &self,
                call: $crate::skin::Query<lutong_transport::access::CasePermit>,
                message: wire::GetOperationRequest,
            ) -> Result<wire::GetOperationResponse, lutong_kernel::Fault> {
                let visibility = Visibility::of(&call.grant, &call.permit);
                let found = self.0.get(&visibility, parse_name(&message.name)?).await?;
                Ok(wire::GetOperationResponse {
                    operation: Some(found.into()),
                })
            }

            async fn list_operations(
                &self,
                call: $crate::skin::Listing<lutong_transport::access::CasePermit>,
                message: wire::ListOperationsRequest,
            ) -> Result<wire::ListOperationsResponse, lutong_kernel::Fault> {
                let visibility = Visibility::of(&call.grant, &call.permit);
                let filter = Filter::of_request(message.kind(), message.state());
                let (found, next_page_token) = self.0.list(&visibility, filter, &call.page).await?;
                Ok(wire::ListOperationsResponse {
                    operations: found.into_iter().map(Into::into).collect(),
                    next_page_token,
                })
            }

            async fn cancel_operation(
                &self,
                call: $crate::skin::Mutation<lutong_transport::access::CasePermit>,
                message: wire::CancelOperationRequest,
            ) -> Result<wire::CancelOperationResponse, lutong_kernel::Fault> {
                let visibility = Visibility::of(&call.grant, &call.permit);
                let id = parse_name(&message.name)?;
                let cancelled = self
                    .0
                    .cancel(visibility, call.request, id, $end_work)
                    .await?;
                Ok(wire::CancelOperationResponse {
                    operation: Some(cancelled.into()),
                })
            }

            async fn watch_operation(
                &self,
                call: $crate::skin::Query<lutong_transport::access::CasePermit>,
                message: wire::WatchOperationRequest,
            ) -> Result<$crate::skin::Answers<wire::WatchOperationResponse>, lutong_kernel::Fault> {
                let visibility = Visibility::of(&call.grant, &call.permit);
                let watched = self.0.watch(visibility, parse_name(&message.name)?).await?;
                let answer = |operation: Operation| wire::WatchOperationResponse {
                    operation: Some(operation.into()),
                };
                Ok(Box::pin(futures::TryStreamExt::map_ok(watched, answer)))
            }
        }
    };
}
