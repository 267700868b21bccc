//! `OperationService`.

lutong_chassis::operation_service!(declaration, crate::operations::service::end_nothing);
