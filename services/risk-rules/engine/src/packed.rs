//! The representation of facts that the evaluation reads: fixed size, attributes as numbers in the order of the kind's table. All
//! current facts of a subject are packed into one row, so that work over everyone reads one row for each person.

use lutong_kernel::{DivisionCode, FactId};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::attributes::{Attributes, Shape, Value};
use super::fact::FactKind;

/// Maximum number of attributes of a kind.
const SLOTS: usize = 4;
/// Marks an absent attribute. No instant, word, division or temperature has this number.
const ABSENT: i64 = i64::MIN;
/// The format version: the first byte of a packed row.
const VERSION: u8 = 1;
/// Maximum number of facts of one subject: the greatest count that fits into two bytes.
pub const MAX_FACTS: usize = u16::MAX as usize;

/// The part of a fact that the evaluation reads: kind and attributes, without source and instants of knowledge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedFact {
    pub id: FactId,
    pub kind: FactKind,
    slots: [i64; SLOTS],
}

/// A packed row cannot be read: it is damaged or has a later version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a packed row does not read back")]
pub struct UnreadableRow;

/// The number by which areas of a community are looked up: the first eight bytes of the SHA-256 of its name. Places are compared by
/// division and this number; two names of one division collide with a probability of 2⁻⁶⁴.
pub fn community_key(name: &str) -> i64 {
    let digest = Sha256::digest(name.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    match i64::from_le_bytes(first) {
        ABSENT => 0,
        key => key,
    }
}

/// The number by which a relief names the fact that it is from: the lower half of its id. Of two facts of one person it is the same with a
/// probability of 2⁻⁶².
pub fn fact_key(id: FactId) -> i64 {
    match id.uuid().as_u64_pair().1.cast_signed() {
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

    /// The division of a stay; `None` for other kinds.
    pub fn place(&self) -> Option<DivisionCode> {
        let attributes = self.kind.attributes().iter();
        let index = attributes
            .zip(0..)
            .find_map(|(one, index)| (one.shape == Shape::Division).then_some(index))?;
        let number = u32::try_from(self.at(index)?).ok()?;
        DivisionCode::from_number(number).ok()
    }

    /// The attribute at an index of the kind's table.
    pub fn at(&self, index: u8) -> Option<i64> {
        let number = self.slots[usize::from(index) % SLOTS];
        (number != ABSENT).then_some(number)
    }
}

/// An attribute as a number: an instant as UTC microseconds, a word as its index in the table, several words as one bit each, a
/// temperature as the bits of its floating-point value, a community or a fact as its key. Of other texts only the presence is kept, since
/// no rule reads them.
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
        (Value::Text(id), Shape::Id) => id.parse().map_or(0, fact_key),
        (Value::Text(_) | Value::Word(_) | Value::Words(_), _) => 0,
    }
}

/// Packs facts in the order of their ids: the same facts always yield the same bytes.
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
        // Upper four bits: the kind. Lower four bits: which slots follow.
        out.push((fact.kind as u8) << 4 | there);
        out.extend_from_slice(fact.id.uuid().as_bytes());
        for number in fact.slots.iter().filter(|number| **number != ABSENT) {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
    out
}

/// Unpacks a row into `facts`, whose content is replaced and whose capacity is reused.
pub fn unpack(row: &[u8], facts: &mut Vec<PackedFact>) -> Result<(), UnreadableRow> {
    facts.clear();
    let [VERSION, low, high, rest @ ..] = row else {
        return Err(UnreadableRow);
    };
    let mut rest = rest;
    for _ in 0..u16::from_le_bytes([*low, *high]) {
        let (head, after) = rest.split_at_checked(17).ok_or(UnreadableRow)?;
        rest = after;
        let kind = FactKind::ALL
            .get(usize::from(head[0] >> 4))
            .ok_or(UnreadableRow)?;
        let id: [u8; 16] = head[1..].try_into().map_err(|_| UnreadableRow)?;
        let mut slots = [ABSENT; SLOTS];
        for (slot, number) in slots.iter_mut().enumerate() {
            if head[0] & (1 << slot) != 0 {
                let (bytes, after) = rest.split_first_chunk::<8>().ok_or(UnreadableRow)?;
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
    if rest.is_empty() {
        Ok(())
    } else {
        Err(UnreadableRow)
    }
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
            assert_eq!(unpack(&row[..end], &mut facts), Err(UnreadableRow), "{end}");
        }
        assert_eq!(unpack(&[&row[..], &[0]].concat(), &mut facts), Err(UnreadableRow));
    }
}
