//! The event log of this service, for its followers.

lutong_chassis::event_log_service!(federation);
