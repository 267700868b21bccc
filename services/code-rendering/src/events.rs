//! What other services tell, as this one understands it.

pub mod decided;
