//! The schema of risk-rules, step by step: what the chassis keeps in the database, and the files of `migrations/`.

use lutong_chassis::{audit, lookups, operations};
use lutong_storage::{Schema, Step, step, steps};

/// All steps in order.
#[derive(Debug, Clone, Copy)]
pub struct Migrations;

impl Schema for Migrations {
    const STEPS: &'static [Step] = &[
        steps::DATA_KEYS,
        steps::IDEMPOTENCY,
        steps::OUTBOX,
        steps::FOLLOWED,
        audit::STEP,
        operations::STEP,
        step!("0001_first"),
        lookups::STEP,
    ];
}
