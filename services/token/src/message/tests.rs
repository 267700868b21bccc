use lutong_kernel::Random as _;
use lutong_kernel::random::SeededRandom;

use strum::VariantArray as _;

use super::*;
use crate::algorithm::Algorithm;
use crate::trust::TrustedKey;

const METHOD: &str = "lutong.federation.v1.ExchangeService/VerifyHealthCode";
const BODY: &[u8] = b"body";

fn now() -> Timestamp {
    Timestamp::from_seconds(1_669_435_200)
}

fn key(algorithm: Algorithm, seed: u64) -> SigningKey {
    SigningKey::generate(algorithm, &SeededRandom::new(seed)).unwrap()
}

fn ring(key: &SigningKey) -> VerifyingKeys {
    let mut ring = VerifyingKeys::new();
    let trusted = TrustedKey {
        key: key.verifying_key().clone(),
        issuers: Vec::new(),
        not_before: Timestamp::MIN,
        not_after: None,
        revoked_at: None,
    };
    ring.insert(trusted).unwrap();
    ring
}

fn header() -> MessageHeader {
    MessageHeader {
        method: METHOD.to_owned(),
        sender: "32".to_owned(),
        audience: "37".to_owned(),
        sent_at: now(),
        nonce: [7; 16],
        body_digest: body_digest(BODY),
        in_reply_to: None,
    }
}

fn expected(now: Timestamp) -> MessageExpectations<'static> {
    MessageExpectations {
        method: METHOD,
        audience: "37",
        body: BODY,
        in_reply_to: None,
        now,
    }
}

#[test]
fn a_header_is_read_as_it_was_signed() {
    for algorithm in Algorithm::VARIANTS.iter().copied() {
        let key = key(algorithm, 1);
        let answer = MessageHeader {
            in_reply_to: Some([9; 16]),
            ..header()
        };
        for header in [header(), answer] {
            let signed = header.sign(&key).unwrap();
            assert_eq!(
                MessageHeader::open(&signed, &ring(&key), now()),
                Ok((header, key.kid()))
            );
        }
    }
}

#[test]
fn each_way_in_which_a_message_is_not_the_expected_one_has_its_own_reason() {
    assert_eq!(header().check(&expected(now())), Ok(()));
    let other = |change: fn(&mut MessageHeader)| {
        let mut changed = header();
        change(&mut changed);
        changed.check(&expected(now()))
    };
    assert_eq!(other(|one| one.method.push('x')), Err(MessageError::WrongMethod));
    assert_eq!(
        other(|one| "33".clone_into(&mut one.audience)),
        Err(MessageError::WrongAudience)
    );
    assert_eq!(other(|one| one.body_digest[0] ^= 1), Err(MessageError::WrongBody));
    assert_eq!(
        other(|one| one.in_reply_to = Some([1; 16])),
        Err(MessageError::WrongReply)
    );
    let at = |seconds: i64| header().check(&expected(now().plus_seconds(seconds)));
    assert_eq!(at(-31), Err(MessageError::FromTheFuture));
    assert_eq!(at(-30), Ok(()));
    assert_eq!(at(89), Ok(()));
    assert_eq!(at(90), Err(MessageError::Stale));
    assert_eq!(header().forgettable_at(), now().plus_seconds(90));
}

#[test]
fn a_header_of_another_key_and_a_changed_one_are_told_apart() {
    let one = key(Algorithm::Ed25519, 1);
    let signed = header().sign(&one).unwrap();
    let open = |bytes: &[u8], keys: &VerifyingKeys| MessageHeader::open(bytes, keys, now()).map(drop);
    assert_eq!(
        open(&signed, &ring(&key(Algorithm::Ed25519, 2))),
        Err(MessageError::WrongKey)
    );
    let mut changed = signed.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(open(&changed, &ring(&one)), Err(MessageError::BadSignature));
    let list = document::sign(&one, Purpose::Trust, b"x").unwrap();
    assert_eq!(open(&list, &ring(&one)), Err(MessageError::BadSignature));
    let noise = document::sign(&one, Purpose::Message, b"x").unwrap();
    assert!(matches!(
        open(&noise, &ring(&one)),
        Err(MessageError::Unreadable(_))
    ));
    let long = MessageHeader {
        method: "x".repeat(MAX_METHOD + 1),
        ..header()
    };
    let long = long.sign(&one).unwrap();
    assert!(matches!(
        open(&long, &ring(&one)),
        Err(MessageError::Unreadable(_))
    ));
    assert!(matches!(
        open(&[0; MAX_HEADER + 1], &ring(&one)),
        Err(MessageError::Unreadable(_))
    ));
    let mut revoked = ring(&one);
    let trusted = revoked.get(one.kid()).unwrap().clone();
    let trusted = TrustedKey {
        revoked_at: Some(now()),
        ..trusted
    };
    revoked.insert(trusted).unwrap();
    assert_eq!(open(&signed, &revoked), Err(MessageError::KeyRevoked));
}

/// Deterministic noise, and a signed header with one change: the reader answers and accepts none.
#[test]
fn no_bytes_bring_the_reader_down_and_none_pass_for_a_header() {
    let (one, random) = (key(Algorithm::Ed25519, 1), SeededRandom::new(5));
    let (signed, ring) = (header().sign(&one).unwrap(), ring(&one));
    for round in 0..3_000_usize {
        let mut bytes = signed.clone();
        let mut draw = [0; 4];
        random.fill(&mut draw);
        let place = usize::from(u16::from_be_bytes([draw[0], draw[1]])) % bytes.len();
        match draw[2] % 4 {
            0 => bytes.truncate(place),
            1 => bytes.insert(place, draw[3]),
            2 => {
                bytes = vec![0; round % 600];
                random.fill(&mut bytes);
            }
            _ => bytes[place] ^= draw[3] | 1,
        }
        if bytes != signed {
            assert!(MessageHeader::open(&bytes, &ring, now()).is_err(), "{bytes:02x?}");
        }
        let _ = MessageHeader::read(&bytes);
    }
}
