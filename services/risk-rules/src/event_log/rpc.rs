//! The RPCs of the event log.

lutong_chassis::event_log_service!(risk_rules);
