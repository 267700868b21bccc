use lutong_kernel::Random as _;
use lutong_kernel::random::SeededRandom;

use super::*;
use crate::algorithm::Algorithm;
use crate::message::MessageHeader;
use crate::trust::TrustedKey;

const BODY: &[u8] = b"changes";

fn now() -> Timestamp {
    Timestamp::from_seconds(1_669_435_200)
}

fn key(seed: u64) -> SigningKey {
    SigningKey::generate(Algorithm::Ed25519, &SeededRandom::new(seed)).unwrap()
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

fn header(number: u32, previous: BatchTag) -> BatchHeader {
    BatchHeader {
        sender: "32".to_owned(),
        audience: "37".to_owned(),
        number,
        previous,
        cut_at: now(),
        body_digest: body_digest(BODY),
    }
}

#[test]
fn a_batch_is_read_as_it_was_signed_and_names_the_one_before_it() {
    let key = key(1);
    let first = header(1, BatchTag::BEGINNING);
    let (_, first_tag) = first.sign(&key).unwrap();
    let second = header(2, first_tag);
    let (signed, tag) = second.sign(&key).unwrap();
    let opened = BatchHeader::open(&signed, BODY, &ring(&key), now()).unwrap();
    assert_eq!((&opened.header, opened.tag), (&second, tag));
    assert_eq!(opened.header.previous, first_tag);
    assert_eq!(tag.to_string().parse(), Ok(tag));
    let other = header(2, BatchTag([1; 16])).sign(&key).unwrap();
    assert_ne!(other.1, tag, "the tag covers the one before it");
}

#[test]
fn a_tag_has_one_spelling() {
    let good = "00112233445566778899aabbccddeeff";
    assert_eq!(good.parse::<BatchTag>().unwrap().to_string(), good);
    for bad in [
        "",
        "00",
        "00112233445566778899AABBCCDDEEFF",
        &good[1..],
        &format!("{good}0"),
        "é0112233445566778899aabbccddeef",
    ] {
        assert_eq!(bad.parse::<BatchTag>(), Err(TagError), "{bad}");
    }
}

#[test]
fn whatever_is_changed_in_a_batch_is_noticed() {
    let key = key(1);
    let ring = ring(&key);
    let (signed, _) = header(1, BatchTag::BEGINNING).sign(&key).unwrap();
    for place in 0..signed.len() * 8 {
        let mut changed = signed.clone();
        changed[place / 8] ^= 1 << (place % 8);
        assert!(
            BatchHeader::open(&changed, BODY, &ring, now()).is_err(),
            "bit {place}"
        );
    }
    assert_eq!(
        BatchHeader::open(&signed, b"changed", &ring, now()),
        Err(BatchError::WrongBody)
    );
    let foreign = super::tests::ring(&super::tests::key(2));
    assert_eq!(
        BatchHeader::open(&signed, BODY, &foreign, now()),
        Err(BatchError::WrongKey)
    );
}

#[test]
fn a_message_is_no_batch_although_its_key_could_sign_one() {
    let key = key(1);
    let message = MessageHeader {
        method: "m".to_owned(),
        sender: "32".to_owned(),
        audience: "37".to_owned(),
        sent_at: now(),
        nonce: [1; 16],
        body_digest: body_digest(BODY),
        in_reply_to: None,
    };
    let signed = message.sign(&key).unwrap();
    assert_eq!(
        BatchHeader::open(&signed, BODY, &ring(&key), now()),
        Err(BatchError::BadSignature)
    );
}

#[test]
fn noise_is_no_batch() {
    let key = key(1);
    let ring = ring(&key);
    let (signed, _) = header(1, BatchTag::BEGINNING).sign(&key).unwrap();
    let random = SeededRandom::new(5);
    for _ in 0..5_000 {
        let mut draw = [0; 3];
        random.fill(&mut draw);
        let [place, byte, cut] = draw;
        let mut noise = signed.clone();
        let at = usize::from(place) % noise.len();
        noise[at] = byte;
        noise.truncate(noise.len() - usize::from(cut) % 8);
        let opened = BatchHeader::open(&noise, BODY, &ring, now());
        assert!(opened.is_err() || noise == signed);
    }
    assert!(
        BatchHeader::open(&[0x9f; 513], BODY, &ring, now()).is_err(),
        "too long"
    );
    assert!(
        BatchHeader::open(&[0x81; 400], BODY, &ring, now()).is_err(),
        "deep"
    );
}
