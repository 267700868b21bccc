//! The schema, step by step. A released step is never changed.

mod m0001_first;
mod m0002_recomparison;
mod m0003_day_seals;
mod m0004_rule_changes;
mod m0005_area_placement;
mod m0006_designations;
mod m0007_people;
mod m0008_names;
mod m0009_rollbacks;
mod m0010_approvals;
mod m0011_area_names;
mod m0012_runs;
mod m0013_rule_set_closing;
mod m0014_history_verifications;

use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// All steps in order.
#[derive(Debug, Clone, Copy)]
pub struct Migrations;

#[async_trait::async_trait]
impl MigratorTrait for Migrations {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_first::Migration),
            Box::new(m0002_recomparison::Migration),
            Box::new(m0003_day_seals::Migration),
            Box::new(m0004_rule_changes::Migration),
            Box::new(m0005_area_placement::Migration),
            Box::new(m0006_designations::Migration),
            Box::new(m0007_people::Migration),
            Box::new(m0008_names::Migration),
            Box::new(m0009_rollbacks::Migration),
            Box::new(lutong_chassis::audit::ChainedAudit),
            Box::new(lutong_storage::outbox::FollowedCursor),
            Box::new(m0010_approvals::Migration),
            Box::new(m0011_area_names::Migration),
            Box::new(m0012_runs::Migration),
            Box::new(m0013_rule_set_closing::Migration),
            Box::new(m0014_history_verifications::Migration),
        ]
    }
}
