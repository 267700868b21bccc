//! The audit log of this service, for auditors.

lutong_chassis::audit_service!(federation);
