//! Complaints and the cases that they are: what is filed, what may be done in each state, by when, and who may see it; places and
//! how they are held to account; reported refusals of recognition; numbers for everybody. Pure.

pub mod accountability;
pub mod appeal;
pub mod attachment;
pub mod calendar;
pub mod case;
pub mod clocks;
pub mod command;
pub mod content;
pub mod divisions;
pub mod feedback;
pub mod handling;
pub mod hotline;
mod lines;
pub mod log;
pub mod machine;
pub mod month;
pub mod monthly;
pub mod numbers;
pub mod place;
pub mod recognition_refusal;
pub mod relief;
pub mod retention;
pub mod review;
pub mod staff;
pub mod text;
pub mod tracking;
