use lutong_kernel::random::SeededRandom;

use strum::VariantArray as _;

use super::*;
use crate::algorithm::Algorithm;
use crate::trust::TrustedKey;

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

#[test]
fn a_document_is_opened_for_its_own_purpose_only() {
    let now = Timestamp::from_seconds(1_650_000_000);
    for algorithm in Algorithm::VARIANTS.iter().copied() {
        let key = SigningKey::generate(algorithm, &SeededRandom::new(1)).unwrap();
        let signed = sign(&key, Purpose::Keys, b"content").unwrap();
        assert_eq!(
            open(&signed, Purpose::Keys, &ring(&key), now).unwrap(),
            b"content"
        );
        let other = open(&signed, Purpose::Revocations, &ring(&key), now);
        assert_eq!(other, Err(DocumentError::BadSignature));
    }
}

#[test]
fn a_document_without_its_tag_or_longer_than_any_list_is_not_read() {
    let key = SigningKey::generate(Algorithm::Ed25519, &SeededRandom::new(1)).unwrap();
    let signed = sign(&key, Purpose::Keys, b"content").unwrap();
    let now = Timestamp::from_seconds(0);
    for bytes in [&signed[1..], &[0xD3, 0x80], &vec![0x40; MAX_BYTES + 1]] {
        let opened = open(bytes, Purpose::Keys, &ring(&key), now);
        assert!(matches!(opened, Err(DocumentError::Unreadable(_))));
    }
}
