//! Compares the evaluation with a second implementation of the order: `naive` is written from the words of the order alone, `agreement`
//! compares both over random facts, `boundaries` checks the first and last instants of every window.

#![allow(clippy::unwrap_used)]

mod agreement;
mod boundaries;
mod naive;
