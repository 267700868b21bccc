//! Seals of rows: a row that was changed outside this service is recognised.

use lutong_storage::crypto::{Key, keyed_hash};

/// The advisory lock under which lists and partners change: one at a time.
pub const TRUST_LOCK: i64 = 0x6c74_7472_7573_7431;

/// Seals rows with an HMAC under a key that is not in the database.
#[derive(Debug, Clone)]
pub struct RowSeal(Key);

impl RowSeal {
    /// Derived from another key of the service.
    pub fn new(of: &Key) -> Self {
        Self(Key::new(keyed_hash(of, b"lutong-federation-rows/1")))
    }

    /// The seal of a row: of its table and of all of its columns in their order.
    pub fn of(&self, table: &str, columns: &[Option<&[u8]>]) -> Vec<u8> {
        let mut row = Vec::new();
        let mut put = |column: Option<&[u8]>| {
            // A column that is NULL is another than one that is empty, and none runs into the next.
            let length = column.map_or(u64::MAX, |bytes| bytes.len() as u64);
            row.extend_from_slice(&length.to_be_bytes());
            row.extend_from_slice(column.unwrap_or_default());
        };
        put(Some(table.as_bytes()));
        columns.iter().copied().for_each(&mut put);
        keyed_hash(&self.0, &row).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_differ_have_different_seals() {
        let seal = RowSeal::new(&Key::new([1; 32]));
        let rows: [&[Option<&[u8]>]; 6] = [
            &[Some(b"a"), Some(b"b")],
            &[Some(b"ab"), Some(b"")],
            &[Some(b""), Some(b"ab")],
            &[Some(b"ab"), None],
            &[Some(b"ab")],
            &[],
        ];
        let mut seals: Vec<_> = rows.iter().map(|row| seal.of("t", row)).collect();
        seals.push(seal.of("u", rows[0]));
        seals.push(RowSeal::new(&Key::new([2; 32])).of("t", rows[0]));
        let count = seals.len();
        seals.sort();
        seals.dedup();
        assert_eq!(seals.len(), count);
        assert_eq!(seal.of("t", rows[0]), seal.of("t", rows[0]));
    }
}
