//! The schema of risk-rules: the files of `migrations/`, step by step.

use lutong_storage::{Schema, Step, step};

/// All steps in order.
#[derive(Debug, Clone, Copy)]
pub struct Migrations;

impl Schema for Migrations {
    const STEPS: &'static [Step] = &[step!("0001_first")];
}
