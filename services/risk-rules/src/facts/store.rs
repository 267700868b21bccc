//! Tables of facts: statements, and the index of stays by place.

pub mod statements;
pub mod stay_places;
