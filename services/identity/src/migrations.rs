//! Identity's schema, step by step. A released step is never edited.

mod m0001_first;
mod m0002_merges;
mod m0003_account_changes;

use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// All steps in order.
#[derive(Debug, Clone, Copy)]
pub struct Migrations;

#[async_trait::async_trait]
impl MigratorTrait for Migrations {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_first::Migration),
            Box::new(m0002_merges::Migration),
            Box::new(m0003_account_changes::Migration),
            Box::new(lutong_chassis::audit::ChainedAudit),
            Box::new(lutong_storage::outbox::FollowedCursor),
        ]
    }
}
