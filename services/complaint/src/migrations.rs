//! The schema of complaint, step by step: what the chassis keeps in the database, and the files of `migrations/`.

use lutong_chassis::{audit, lookups};
use lutong_storage::{Schema, Step, step, steps};

/// All steps in order.
#[derive(Debug, Clone, Copy)]
pub struct Migrations;

impl Schema for Migrations {
    const STEPS: &'static [Step] = &[
        steps::DATA_KEYS,
        steps::IDEMPOTENCY,
        step!("0001_first"),
        audit::STEP,
        step!("0002_cases"),
        step!("0003_appeals"),
        lookups::STEP,
        step!("0004_recognition_refusals"),
        step!("0005_public_numbers"),
        step!("0006_places"),
        step!("0007_hotline_orders"),
        step!("0008_attachments"),
        step!("0009_door_reports"),
        step!("0010_second_signatures"),
        step!("0011_reliefs"),
        step!("0012_retention"),
        step!("0013_staff_files"),
        step!("0014_queues"),
    ];
}
