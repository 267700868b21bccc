//! The gateway in front of fake services: generated servers behind the real guard, with fake use cases.

// Tests fail by panicking; each has a new mesh.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

mod account_versions;
mod browser;
mod certificates;
mod channels;
mod cookies;
mod devices;
mod grpc;
mod json;
mod limits;
mod mesh;
mod network;
mod pages;
mod partners;
mod sessions;
mod sign_in;
mod slow;
mod speed;
mod web;
