//! The schema of declaration, step by step: what the chassis keeps in the database, and the files of `migrations/`.

use lutong_chassis::{audit, operations};
use lutong_storage::{Schema, Step, step, steps};

/// All steps in order.
#[derive(Debug, Clone, Copy)]
pub struct Migrations;

impl Schema for Migrations {
    const STEPS: &'static [Step] = &[
        steps::DATA_KEYS,
        steps::IDEMPOTENCY,
        steps::OUTBOX,
        audit::STEP,
        operations::STEP,
        step!("0001_first"),
    ];
}
