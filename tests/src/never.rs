//! A randomised test of the safety guarantees: people apply and feeds report while services are killed, stopped and
//! partitioned and calls are duplicated, delayed or lost; observers read continuously; a judge checks the recorded
//! history.
//!
//! A round is generated from a seed: [`plan`] generates it, [`round`] runs it, [`reporting`] and [`watching`] record
//! statements and observations in [`history`], and [`judge`] finds violations.

pub mod draw;
pub mod history;
pub mod judge;
pub mod plan;
pub mod reporting;
pub mod round;
pub mod trouble;
pub mod watching;
