//! This service's audit log, for auditors.

lutong_chassis::audit_service!(declaration);
