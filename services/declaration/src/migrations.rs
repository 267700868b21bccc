//! Declaration's schema, step by step. A released step is never edited.

mod m0001_first;
mod m0002_pulls;
mod m0003_fact_imports;
mod m0004_operations;

use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// All steps in order.
#[derive(Debug, Clone, Copy)]
pub struct Migrations;

#[async_trait::async_trait]
impl MigratorTrait for Migrations {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_first::Migration),
            Box::new(m0002_pulls::Migration),
            Box::new(lutong_chassis::audit::ChainedAudit),
            Box::new(m0003_fact_imports::Migration),
            Box::new(m0004_operations::Migration),
        ]
    }
}
