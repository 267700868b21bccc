//! Reads what a partner tells. Pure.

use lutong_kernel::Timestamp;
use lutong_proto::federation::v1 as wire;
use lutong_proto::time::timestamp;
use lutong_token::{BatchError, BatchTag, OpenedBatch};
use prost::Message as _;

use crate::colour_maps::domain::RecognitionOutcome;
use crate::conversions::domain::Told;
use crate::outcomes::read_outcome;
use crate::partners::domain::PartnerId;

/// Changes of a batch.
pub const MAX_CHANGES: usize = 1_000;
/// References of a comparison.
pub const MAX_REFERENCES: usize = 400;
/// Characters of a reference; ours have 32.
const MAX_REFERENCE: usize = 64;

/// Where the chain of a partner's batches stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub tag: BatchTag,
    /// Unknown when the chain was entered in its middle.
    pub number: Option<u32>,
}

/// Why a batch is not taken in. The names are those that an operator sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum RefusedBatch {
    UnreadableHeader,
    WrongKey,
    KeyRevoked,
    BadSignature,
    WrongBody,
    WrongSender,
    WrongAudience,
    /// It does not come after the last one.
    WrongPlace,
    UnreadableBody,
    TooManyChanges,
}

impl From<BatchError> for RefusedBatch {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::Unreadable(_) => Self::UnreadableHeader,
            BatchError::WrongKey => Self::WrongKey,
            BatchError::KeyRevoked => Self::KeyRevoked,
            BatchError::BadSignature => Self::BadSignature,
            BatchError::WrongBody => Self::WrongBody,
        }
    }
}

/// Whether a batch is the next one of a partner's chain for us.
pub fn check_place(
    opened: &OpenedBatch,
    (origin, own): (PartnerId, &str),
    place: Place,
) -> Result<(), RefusedBatch> {
    let header = &opened.header;
    if header.sender != origin.to_string() {
        return Err(RefusedBatch::WrongSender);
    }
    if header.audience != own {
        return Err(RefusedBatch::WrongAudience);
    }
    let is_next = place
        .number
        .is_none_or(|number| number.checked_add(1) == Some(header.number));
    if header.previous != place.tag || !is_next {
        return Err(RefusedBatch::WrongPlace);
    }
    Ok(())
}

/// What a batch tells.
pub fn read_batch(body: &[u8], now: Timestamp) -> Result<Vec<Told>, RefusedBatch> {
    let batch = wire::ChangeBatch::decode(body).map_err(|_| RefusedBatch::UnreadableBody)?;
    if batch.changes.len() > MAX_CHANGES {
        return Err(RefusedBatch::TooManyChanges);
    }
    let told = batch.changes.iter().map(|change| read_change(change, now));
    told.collect::<Option<_>>().ok_or(RefusedBatch::UnreadableBody)
}

/// A change. An outcome that nobody here knows is said to be one, so that it is not green. What is said of the future, happened now.
pub fn read_change(change: &wire::CodeChange, now: Timestamp) -> Option<Told> {
    let is_reference = !change.code_reference.is_empty() && change.code_reference.len() <= MAX_REFERENCE;
    is_reference.then(|| {
        Some(Told {
            reference: change.code_reference.clone(),
            outcome: read_outcome(change.outcome).unwrap_or(RecognitionOutcome::UnknownValue),
            changed_at: change.change_time.as_ref().map(timestamp)?.min(now),
        })
    })?
}

/// When a partner was heard of last, for the list of subscriptions.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    pub taken: Option<BatchTag>,
    pub taken_number: Option<u32>,
    pub pulled_at: Option<Timestamp>,
    pub failure: String,
    /// Of the batches of the partner: the last that it was told is in force here.
    pub confirmed_number: Option<u32>,
    /// Of our batches: the last that is in force there.
    pub acknowledged: Option<BatchTag>,
    pub acknowledged_number: Option<u32>,
    pub acknowledged_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use lutong_kernel::Random as _;
    use lutong_kernel::random::SeededRandom;
    use lutong_token::{Algorithm, BatchHeader, SigningKey, TrustedKey, VerifyingKeys, body_digest};

    use super::*;

    fn at() -> Timestamp {
        Timestamp::from_seconds(1_669_435_200)
    }

    fn opened(number: u32, previous: BatchTag) -> OpenedBatch {
        let key = SigningKey::generate(Algorithm::Ed25519, &SeededRandom::new(1)).unwrap();
        let mut ring = VerifyingKeys::new();
        let trusted = TrustedKey {
            key: key.verifying_key().clone(),
            issuers: Vec::new(),
            not_before: Timestamp::MIN,
            not_after: None,
            revoked_at: None,
        };
        ring.insert(trusted).unwrap();
        let header = BatchHeader {
            sender: "32".to_owned(),
            audience: "37".to_owned(),
            number,
            previous,
            cut_at: at(),
            body_digest: body_digest(b""),
        };
        let (signed, _) = header.sign(&key).unwrap();
        BatchHeader::open(&signed, b"", &ring, at()).unwrap()
    }

    #[test]
    fn only_the_next_batch_of_the_chain_for_us_is_taken_in() {
        let (jiangsu, tag) = (PartnerId::parse("32").unwrap(), BatchTag::from_bytes([4; 16]));
        let place = |number| Place { tag, number };
        let next = opened(8, tag);
        assert_eq!(check_place(&next, (jiangsu, "37"), place(Some(7))), Ok(()));
        assert_eq!(check_place(&next, (jiangsu, "37"), place(None)), Ok(()));
        let cases = [
            (opened(9, tag), "32", "37", RefusedBatch::WrongPlace),
            (opened(7, tag), "32", "37", RefusedBatch::WrongPlace),
            (
                opened(8, BatchTag::BEGINNING),
                "32",
                "37",
                RefusedBatch::WrongPlace,
            ),
            (opened(8, tag), "33", "37", RefusedBatch::WrongSender),
            (opened(8, tag), "32", "41", RefusedBatch::WrongAudience),
        ];
        for (batch, origin, own, refused) in cases {
            let origin = PartnerId::parse(origin).unwrap();
            assert_eq!(check_place(&batch, (origin, own), place(Some(7))), Err(refused));
        }
    }

    #[test]
    fn a_value_that_nobody_knows_is_read_as_one() {
        for (value, outcome) in [
            (1, RecognitionOutcome::Green),
            (4, RecognitionOutcome::NoCode),
            (0, RecognitionOutcome::UnknownValue),
            (99, RecognitionOutcome::UnknownValue),
            (-1, RecognitionOutcome::UnknownValue),
        ] {
            let change = wire::CodeChange {
                code_reference: "r".to_owned(),
                outcome: value,
                change_time: Some(lutong_proto::time::instant(at())),
            };
            assert_eq!(read_change(&change, at()).unwrap().outcome, outcome, "{value}");
        }
    }

    #[test]
    fn a_batch_without_references_or_times_and_one_that_is_too_long_is_none() {
        let change = |reference: &str, time| wire::CodeChange {
            code_reference: reference.to_owned(),
            outcome: 1,
            change_time: time,
        };
        let time = Some(lutong_proto::time::instant(at()));
        let batch = |changes: Vec<wire::CodeChange>| wire::ChangeBatch { changes }.encode_to_vec();
        assert_eq!(
            read_batch(&batch(vec![change("r", time); 1_000]), at())
                .unwrap()
                .len(),
            1_000
        );
        let wrong = [
            (batch(vec![change("", time)]), RefusedBatch::UnreadableBody),
            (batch(vec![change("r", None)]), RefusedBatch::UnreadableBody),
            (
                batch(vec![change(&"r".repeat(65), time)]),
                RefusedBatch::UnreadableBody,
            ),
            (
                batch(vec![change("r", time); 1_001]),
                RefusedBatch::TooManyChanges,
            ),
            (b"\xff\xff".to_vec(), RefusedBatch::UnreadableBody),
        ];
        for (body, refused) in wrong {
            assert_eq!(read_batch(&body, at()), Err(refused));
        }
        let random = SeededRandom::new(3);
        for _ in 0..2_000 {
            let mut noise = [0; 48];
            random.fill(&mut noise);
            let _ = read_batch(&noise, at());
        }
    }
}
