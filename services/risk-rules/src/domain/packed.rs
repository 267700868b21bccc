//! Facts as an evaluation reads them: each of fixed size, its attributes as numbers in the order of the kind's table. All
//! that is believed of a subject lies packed in one row, so that work over everyone reads one row a person.

use lutong_kernel::{DivisionCode, FactId};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::attributes::{Attributes, Shape, Value};
use super::fact::FactKind;

/// Attributes of a kind at the most.
const SLOTS: usize = 4;
/// An attribute that is not there. No instant, word, division or temperature is this number.
const ABSENT: i64 = i64::MIN;
/// First byte of a packed row.
const VERSION: u8 = 1;
/// Facts of one subject at the most: what a count of two bytes holds.
pub const MAX_FACTS: usize = u16::MAX as usize;

/// What of a fact decides: its kind and attributes, without who said it and when it became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedFact {
    pub id: FactId,
    pub kind: FactKind,
    slots: [i64; SLOTS],
}

/// A packed row that does not read back: damaged, or of a later version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a packed row does not read back")]
pub struct Unreadable;

/// A community's name as the number that areas are looked up by: the first eight bytes of its SHA-256. Places are compared
/// by division and this, so that two names of one division that collide by chance (2⁻⁶⁴ a pair) would be taken for each other.
pub fn community_key(name: &str) -> i64 {
    let digest = Sha256::digest(name.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    match i64::from_le_bytes(first) {
        ABSENT => 0,
        key => key,
    }
}

impl PackedFact {
    pub fn new(id: FactId, attributes: &Attributes) -> Self {
        let kind = attributes.kind();
        let mut slots = [ABSENT; SLOTS];
        for (index, slot) in slots.iter_mut().enumerate() {
            if let (Some(value), Some(attribute)) = (attributes.at(index), kind.attributes().get(index)) {
                *slot = number(value, attribute.shape);
            }
        }
        Self { id, kind, slots }
    }

    /// Where a stay was; `None` for other kinds.
    pub fn place(&self) -> Option<DivisionCode> {
        let attributes = self.kind.attributes().iter();
        let index = attributes
            .zip(0..)
            .find_map(|(one, index)| (one.shape == Shape::Division).then_some(index))?;
        let number = u32::try_from(self.at(index)?).ok()?;
        DivisionCode::from_number(number).ok()
    }

    /// The number at an index of the kind's table.
    pub fn at(&self, index: u8) -> Option<i64> {
        let number = self.slots[usize::from(index) % SLOTS];
        (number != ABSENT).then_some(number)
    }
}

/// Instants as UTC microseconds, a word as its place in the table's list, several as a bit each, a temperature as the
/// bits of its floating-point number, a community as its key. No rule looks at other texts: that they are there is enough.
#[allow(clippy::cast_possible_wrap)] // bits of a double: read back the same way
fn number(value: &Value, shape: Shape) -> i64 {
    let place = |words: &[&str], given: &str| words.iter().position(|word| *word == given).unwrap_or(0);
    match (value, shape) {
        (Value::Instant(at), _) => at.micros(),
        (Value::Word(given), Shape::Word(words)) => place(words, given) as i64,
        (Value::Words(given), Shape::Words(words)) => {
            given.iter().fold(0, |bits, one| bits | (1 << place(words, one)))
        }
        (Value::Division(code), _) => i64::from(code.number()),
        (Value::Number(number), _) => number.to_bits() as i64,
        (Value::Text(name), Shape::Community(_)) => community_key(name),
        (Value::Text(_) | Value::Word(_) | Value::Words(_), _) => 0,
    }
}

/// Packs facts, by id: the same facts give the same bytes.
pub fn pack(facts: &[PackedFact]) -> Vec<u8> {
    let mut sorted = facts.to_vec();
    sorted.sort_unstable_by_key(|fact| fact.id);
    let mut out = Vec::with_capacity(3 + sorted.len() * 50);
    out.push(VERSION);
    let count = u16::try_from(sorted.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&count.to_le_bytes());
    for fact in sorted.iter().take(usize::from(count)) {
        let there = (0..SLOTS).fold(0_u8, |bits, slot| {
            bits | (u8::from(fact.slots[slot] != ABSENT) << slot)
        });
        // The kind in the upper half, which slots follow in the lower.
        out.push((fact.kind as u8) << 4 | there);
        out.extend_from_slice(fact.id.uuid().as_bytes());
        for number in fact.slots.iter().filter(|number| **number != ABSENT) {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
    out
}

/// Unpacks a row into `facts`, which is emptied first and keeps its room.
pub fn unpack(row: &[u8], facts: &mut Vec<PackedFact>) -> Result<(), Unreadable> {
    facts.clear();
    let [VERSION, low, high, rest @ ..] = row else {
        return Err(Unreadable);
    };
    let mut rest = rest;
    for _ in 0..u16::from_le_bytes([*low, *high]) {
        let (head, after) = rest.split_at_checked(17).ok_or(Unreadable)?;
        rest = after;
        let kind = FactKind::ALL.get(usize::from(head[0] >> 4)).ok_or(Unreadable)?;
        let id: [u8; 16] = head[1..].try_into().map_err(|_| Unreadable)?;
        let mut slots = [ABSENT; SLOTS];
        for (slot, number) in slots.iter_mut().enumerate() {
            if head[0] & (1 << slot) != 0 {
                let (bytes, after) = rest.split_first_chunk::<8>().ok_or(Unreadable)?;
                *number = i64::from_le_bytes(*bytes);
                rest = after;
            }
        }
        facts.push(PackedFact {
            id: FactId::from_uuid(Uuid::from_bytes(id)),
            kind: *kind,
            slots,
        });
    }
    if rest.is_empty() { Ok(()) } else { Err(Unreadable) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fact(n: u128, kind: FactKind, given: &serde_json::Value) -> PackedFact {
        let attributes = Attributes::parse(kind, given.as_object().unwrap()).unwrap();
        PackedFact::new(FactId::from_uuid(Uuid::from_u128(n)), &attributes)
    }

    fn some() -> Vec<PackedFact> {
        let at = "2022-03-01T00:00:00+08:00";
        vec![
            fact(
                2,
                FactKind::Case,
                &json!({"stage": "asymptomatic", "diagnosed_at": at}),
            ),
            fact(
                1,
                FactKind::Stay,
                &json!({"division": "370202", "community": "甲", "arrived_at": at}),
            ),
            fact(
                3,
                FactKind::Symptoms,
                &json!({"observed_at": at, "symptoms": [], "temperature_c": 37.3}),
            ),
        ]
    }

    #[test]
    fn what_is_packed_reads_back_in_the_order_of_ids() {
        let mut facts = Vec::new();
        unpack(&pack(&some()), &mut facts).unwrap();
        let mut expected = some();
        expected.sort_unstable_by_key(|fact| fact.id);
        assert_eq!(facts, expected);
    }

    #[test]
    fn no_kind_has_more_attributes_than_slots_or_a_number_beyond_its_half_byte() {
        for kind in FactKind::ALL {
            assert!(kind.attributes().len() <= SLOTS && (kind as u8) < 16, "{kind}");
            assert_eq!(FactKind::ALL[kind as usize], kind);
        }
    }

    #[test]
    fn a_row_that_is_cut_off_or_goes_on_is_refused() {
        let row = pack(&some());
        let mut facts = Vec::new();
        for end in 0..row.len() {
            assert_eq!(unpack(&row[..end], &mut facts), Err(Unreadable), "{end}");
        }
        assert_eq!(unpack(&[&row[..], &[0]].concat(), &mut facts), Err(Unreadable));
    }
}
