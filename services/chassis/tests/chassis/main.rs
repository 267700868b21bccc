//! The guarantees of the chassis to the services, tested through its public API.

#![allow(clippy::unwrap_used)]

mod account_certificates;
mod audit;
mod connections;
mod cut_connections;
mod doorbell;
mod engines;
mod field_cipher;
mod follower;
mod idempotency;
mod installation;
mod internal_errors;
mod migration;
mod network;
mod outbox;
mod partner_certificates;
mod refused_writes;
mod replicas;
mod rows;
mod schema;
mod storage;
mod telemetry;
