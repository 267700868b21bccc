//! The edge in front of services that are real but for their use cases: generated servers behind the chassis' guard.

// A test that cannot go on says so by panicking; the mesh is made anew for each.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

mod account_versions;
mod browser;
mod certificates;
mod cookies;
mod grpc;
mod json;
mod limits;
mod mesh;
mod network;
mod pages;
mod sessions;
mod sign_in;
mod slow;
mod speed;
mod web;
