//! Who calls: the credentials that somebody outside may show, what is known of their account, and what a browser must
//! prove before a cookie may change anything.

pub mod account_versions;
pub mod accounts;
pub mod certificates;
pub mod cookie;
pub mod cross_site;
pub mod csrf;
pub mod devices;
mod ended;
pub mod identification;
mod keys;
pub mod networks;
pub mod session_id;
pub mod tokens;

pub use keys::SessionKeys;
