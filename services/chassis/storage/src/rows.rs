//! Many rows in one go. An ORM's insert of many rows is a statement of its own for every number of rows, with a parameter
//! a value: PostgreSQL plans thousands of them each time, and SQLite prepares anew. Here the text of a statement hardly
//! changes, so that it stays prepared: on PostgreSQL a parameter a column, on SQLite a few fixed numbers of rows.

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, Statement, Value};

use super::arrays::Arrays;
use super::cell::{Cell, Kind};
use super::error::StorageError;

/// What happens to a row whose key is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It is an error.
    Refused,
    /// What is there stays.
    Kept,
    /// What is there becomes as the new row, found by the table's first column.
    Replaced,
}

/// How rows of a table are inserted; columns in the order in which values are given.
#[derive(Debug)]
pub struct Insert {
    pub table: &'static str,
    pub columns: &'static [(&'static str, Kind)],
    pub known: Known,
}

/// Rows of one statement on SQLite, the most first: each number is a statement that stays prepared.
const SIZES: [usize; 11] = [1024, 512, 256, 128, 64, 32, 16, 8, 4, 2, 1];

impl Insert {
    /// Inserts `rows`, each with a value a column.
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
        match self.known {
            Known::Refused => String::new(),
            Known::Kept => " ON CONFLICT DO NOTHING".to_owned(),
            Known::Replaced => {
                let latest: Vec<_> = others
                    .iter()
                    .map(|(name, _)| format!("{name} = excluded.{name}"))
                    .collect();
                format!(" ON CONFLICT ({key}) DO UPDATE SET {}", latest.join(", "))
            }
        }
    }
}
