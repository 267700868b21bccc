//! The schema of declaration, step by step: what the chassis keeps in the database, and the files of `migrations/`.

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
        step!("0002_proofs"),
        step!("0003_details"),
        step!("0004_division_arrivals"),
        step!("0005_application_imports"),
        step!("0007_postponed_arrivals"),
        step!("0006_assisted_applications"),
        lookups::STEP,
        step!("0008_converted_codes"),
    ];
}
