//! This service's log, for its followers.

lutong_chassis::event_log_service!(risk_rules);
