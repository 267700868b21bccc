//! Every reason that the edge answers by itself, with its code and its two texts, a file a group. Reasons of the services, the kernel
//! and the chassis are not repeated.

pub mod http;
pub mod limits;
pub mod sessions;
pub mod sign_in;
pub mod transcode;
