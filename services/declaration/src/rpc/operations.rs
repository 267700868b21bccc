//! Operations.

lutong_chassis::operation_service!(declaration, crate::service::operations::end_nothing);
