//! The evaluation against a second reading of the order: `naive` is written from the order's words alone, `agreement` holds
//! the two against each other over random facts, `boundaries` asks about the first and last instants of every window.

#![allow(clippy::unwrap_used)]

mod agreement;
mod boundaries;
mod naive;
