#![doc = include_str!("../README.md")]
// Fixtures: a failure here fails the test.
#![allow(clippy::unwrap_used)]

pub mod disk;
pub mod examples;
pub mod feed;
pub mod instants;
pub mod journal;
pub mod mesh;
pub mod message_wires;
pub mod never;
pub mod people;
pub mod process;
pub mod wires;
