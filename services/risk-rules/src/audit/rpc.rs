//! The RPCs of the audit log.

lutong_chassis::audit_service!(risk_rules);
