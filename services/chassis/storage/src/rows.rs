//! Bulk inserts. The ORM generates a different statement for every number of rows, with a parameter per value:
//! PostgreSQL plans thousands of parameters each time, and SQLite prepares anew. Here the text of a statement hardly
//! changes, so that it stays prepared: one array parameter per column on PostgreSQL, a few fixed batch sizes on SQLite.

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, Statement, Value};

use super::arrays::Arrays;
use super::cell::{Cell, Kind};
use super::error::StorageError;

/// What happens to a row whose key already exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDuplicate {
    /// The insert fails.
    Fail,
    /// The existing row stays.
    Keep,
    /// The existing row, found by the table's first column, is overwritten.
    Replace,
}

/// How rows of a table are inserted; columns in the order of the values.
#[derive(Debug)]
pub struct Insert {
    pub table: &'static str,
    pub columns: &'static [(&'static str, Kind)],
    pub on_duplicate: OnDuplicate,
}

/// Batch sizes on SQLite, largest first: each one is a statement that stays prepared.
const SIZES: [usize; 11] = [1024, 512, 256, 128, 64, 32, 16, 8, 4, 2, 1];

impl Insert {
    /// Inserts `rows`, each with one value per column.
    pub async fn rows<const N: usize>(
        &self,
        transaction: &DatabaseTransaction,
        rows: &[[Cell<'_>; N]],
    ) -> Result<(), StorageError> {
        debug_assert_eq!(N, self.columns.len());
        if rows.is_empty() {
            return Ok(());
        }
        match transaction.get_database_backend() {
            DbBackend::Postgres => self.by_column(transaction, rows).await,
            _ => self.by_number(transaction, rows).await,
        }
    }

    async fn by_column<const N: usize>(
        &self,
        transaction: &DatabaseTransaction,
        rows: &[[Cell<'_>; N]],
    ) -> Result<(), StorageError> {
        let (mut arrays, mut selected) = (Arrays::default(), Vec::new());
        for (number, (_, kind)) in self.columns.iter().enumerate() {
            selected.push(arrays.column(*kind, rows.iter().map(|row| row[number])));
        }
        let (given, values) = arrays.finish();
        let sql = format!(
            "{}SELECT {} FROM {given}{}",
            self.beginning(),
            selected.join(", "),
            self.ending()
        );
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        transaction.execute_raw(statement).await?;
        Ok(())
    }

    async fn by_number<const N: usize>(
        &self,
        transaction: &DatabaseTransaction,
        rows: &[[Cell<'_>; N]],
    ) -> Result<(), StorageError> {
        let mut rest = rows;
        for size in SIZES {
            if rest.len() < size {
                continue;
            }
            let sql = self.of_rows(size);
            while let Some((these, others)) = rest.split_at_checked(size) {
                let values = these.iter().flatten().map(|cell| Value::from(*cell));
                let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql.as_str(), values);
                transaction.execute_raw(statement).await?;
                rest = others;
            }
        }
        Ok(())
    }

    fn beginning(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        format!("INSERT INTO {} ({}) ", self.table, names.join(", "))
    }

    fn of_rows(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns.len()].join(", "));
        format!(
            "{}VALUES {}{}",
            self.beginning(),
            vec![row; rows].join(", "),
            self.ending()
        )
    }

    fn ending(&self) -> String {
        let Some(((key, _), others)) = self.columns.split_first() else {
            return String::new();
        };
        match self.on_duplicate {
            OnDuplicate::Fail => String::new(),
            OnDuplicate::Keep => " ON CONFLICT DO NOTHING".to_owned(),
            OnDuplicate::Replace => {
                let latest: Vec<_> = others
                    .iter()
                    .map(|(name, _)| format!("{name} = excluded.{name}"))
                    .collect();
                format!(" ON CONFLICT ({key}) DO UPDATE SET {}", latest.join(", "))
            }
        }
    }
}
