//! The schema of federation, step by step: what the chassis keeps in the database, and the files of `migrations/`.

use lutong_chassis::audit;
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
        step!("0002_trust"),
        step!("0003_exchanges"),
        steps::FOLLOWED,
        steps::OUTBOX,
        step!("0004_sharing"),
        step!("0014_evidence"),
        step!("0015_conversion_rollbacks"),
        step!("0016_partner_qualities"),
    ];
}
