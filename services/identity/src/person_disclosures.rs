//! Name and document of people for whom the national platform is asked.

pub mod rpc;
