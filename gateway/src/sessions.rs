//! Who calls: the credentials that somebody outside may show, what is known of their account, and what a browser must
//! prove before a cookie may change anything.

pub mod account_versions;
pub mod accounts;
pub mod certificates;
pub mod cookie;
pub mod cross_site;
pub mod csrf;
mod ended;
pub mod identification;
mod keys;
mod refusals;
pub mod session_id;
pub mod tokens;

pub use keys::SessionKeys;
pub use refusals::session_ended;
