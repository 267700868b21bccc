//! Operations.

lutong_chassis::operation_service!(risk_rules, crate::service::operations::end_work);
