//! The edge in front of services that are real but for their use cases: generated servers behind the chassis' guard.

// A test that cannot go on says so by panicking; the mesh is made anew for each.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

mod certificates;
mod grpc;
mod json;
mod limits;
mod mesh;
mod network;
mod sessions;
mod slow;
mod speed;
mod standing;
mod web;
