//! The schema of identity, step by step: what the chassis keeps in the database, and the files of `migrations/`.

use lutong_chassis::{audit, lookups};
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
        step!("0001_first"),
        step!("0002_proofs"),
        step!("0003_bindings"),
        step!("0004_organisations"),
        step!("0005_counters"),
        step!("0006_person_changes"),
        step!("0007_lookups"),
        step!("0008_code_notices"),
        step!("0009_health_cards"),
        lookups::STEP,
        step!("0010_partner_consents"),
        step!("0011_desks"),
    ];
}
