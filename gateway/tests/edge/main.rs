//! The edge in front of services that are real but for their use cases: generated servers behind the chassis' guard.

mod grpc;
mod json;
mod limits;
mod mesh;
mod network;
mod sessions;
mod web;
