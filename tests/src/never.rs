//! The test of what must never happen: people apply and feeds report while services are killed, stopped and cut off from
//! each other and calls come twice, late or not at all; others look all the time; a judge reads what was written down.
//!
//! A round is drawn from a seed: [`plan`] draws it, [`round`] plays it, [`reporting`] and [`watching`] write down what was
//! said and seen into [`history`], [`judge`] finds what may not be.

pub mod draw;
pub mod history;
pub mod judge;
pub mod plan;
pub mod reporting;
pub mod round;
pub mod trouble;
pub mod watching;
