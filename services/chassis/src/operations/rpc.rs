//! Operations on the wire: the same for every service that has them.

/// Serves `OperationService` of one package of the contract: `operation_service!(risk_rules, end_work)` makes `OperationRpc`.
/// The function ends the work of a cancelled operation, in the transaction that ends it.
#[macro_export]
macro_rules! operation_service {
    ($package:ident, $end_work:path) => {
        use lutong_proto::$package::v1 as wire;
        use $crate::operations::{Filter, Operation, Operations, Sight, parse_name};

        /// What goes on by itself in this service.
        pub struct OperationRpc(pub Operations);

        impl lutong_skin::$package::v1::OperationHandler for OperationRpc {
            async fn get_operation(
                &self,
                call: $crate::skin::Query<lutong_transport::access::CasePermit>,
                message: wire::GetOperationRequest,
            ) -> Result<wire::GetOperationResponse, lutong_kernel::Fault> {
                let sight = Sight::of(&call.grant, &call.permit);
                let found = self.0.get(&sight, parse_name(&message.name)?).await?;
                Ok(wire::GetOperationResponse {
                    operation: Some(found.into()),
                })
            }

            async fn list_operations(
                &self,
                call: $crate::skin::Listing<lutong_transport::access::CasePermit>,
                message: wire::ListOperationsRequest,
            ) -> Result<wire::ListOperationsResponse, lutong_kernel::Fault> {
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
                call: $crate::skin::Mutation<lutong_transport::access::CasePermit>,
                message: wire::CancelOperationRequest,
            ) -> Result<wire::CancelOperationResponse, lutong_kernel::Fault> {
                let sight = Sight::of(&call.grant, &call.permit);
                let id = parse_name(&message.name)?;
                let cancelled = self.0.cancel(sight, call.request, id, $end_work).await?;
                Ok(wire::CancelOperationResponse {
                    operation: Some(cancelled.into()),
                })
            }

            async fn watch_operation(
                &self,
                call: $crate::skin::Query<lutong_transport::access::CasePermit>,
                message: wire::WatchOperationRequest,
            ) -> Result<$crate::skin::Answers<wire::WatchOperationResponse>, lutong_kernel::Fault> {
                let sight = Sight::of(&call.grant, &call.permit);
                let watched = self.0.watch(sight, parse_name(&message.name)?).await?;
                let answer = |operation: Operation| wire::WatchOperationResponse {
                    operation: Some(operation.into()),
                };
                Ok(Box::pin(futures::TryStreamExt::map_ok(watched, answer)))
            }
        }
    };
}
