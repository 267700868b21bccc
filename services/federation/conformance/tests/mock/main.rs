//! The kit and the mock, tried out on each other: what keeps the contract passes, and each way of breaking it is found by the cases that are about it,
//! and by no other.

#![allow(clippy::unwrap_used)]

mod bed;
mod files;
mod found;
mod reports;
mod tls;
