//! The audit log of this service, for auditors.

lutong_chassis::audit_service!(code_rendering);
