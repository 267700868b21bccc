//! The schema of code-rendering, step by step: what the chassis keeps in the database, and the files of `migrations/`.

use lutong_chassis::{audit, lookups};
use lutong_storage::{Schema, Step, step, steps};

/// All steps in order.
#[derive(Debug, Clone, Copy)]
pub struct Migrations;

impl Schema for Migrations {
    const STEPS: &'static [Step] = &[
        steps::DATA_KEYS,
        steps::FOLLOWED,
        steps::OUTBOX,
        step!("0001_first"),
        step!("0002_bindings"),
        steps::IDEMPOTENCY,
        step!("0003_paper_codes"),
        step!("0004_key_uses"),
        step!("0005_doors"),
        step!("0006_issued_codes"),
        step!("0007_homes"),
        audit::STEP,
        lookups::STEP,
        step!("0008_staff_sign_ins"),
    ];
}
