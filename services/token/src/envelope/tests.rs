use coset::{CoseSign1Builder, HeaderBuilder, TaggedCborSerializable as _, iana};
use fast_qr::{ECL, Mode, QRBuilder};
use lutong_kernel::random::SeededRandom;
use lutong_kernel::{Colour, Timestamp};
use proptest::prelude::*;

use strum::VariantArray as _;

use super::*;
use crate::issuer::Issuer;
use crate::key::SigningKey;
use crate::mask::Mask;

fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm, &SeededRandom::new(3)).unwrap()
}

fn claims(mask: &str) -> Claims {
    let mask = Some(Mask::try_new(mask).unwrap());
    let now = Timestamp::from_seconds(1_650_000_000);
    Claims::dynamic(Issuer::SHANDONG, now, [9; 24], Colour::Red, mask).unwrap()
}

fn token() -> String {
    key(Algorithm::Ed25519).sign(&claims("*明")).unwrap()
}

fn cose_bytes(text: &str) -> Vec<u8> {
    base45::decode(text.strip_prefix(PREFIX).unwrap()).unwrap()
}

fn text_of(cose: &[u8]) -> String {
    format!("{PREFIX}{}", base45::encode(cose))
}

/// A token as coset makes it from `header`, signed by `key`.
fn by_coset(key: &SigningKey, header: coset::Header, unprotected: coset::Header) -> CoseSign1 {
    CoseSign1Builder::new()
        .protected(header)
        .unprotected(unprotected)
        .payload(claims("*明").to_cwt())
        .create_signature(&[], |message| key.sign_bytes(message).to_vec())
        .build()
}

fn plain_header(key: &SigningKey) -> HeaderBuilder {
    HeaderBuilder::new()
        .algorithm(iana::Algorithm::EdDSA)
        .key_id(key.kid().as_bytes().to_vec())
}

#[test]
fn the_hand_assembled_token_is_the_one_that_coset_makes() {
    let key = key(Algorithm::Ed25519);
    let cose = by_coset(&key, plain_header(&key).build(), coset::Header::default());
    assert_eq!(cose_bytes(&token()), cose.to_tagged_vec().unwrap());
}

/// The payload of [`token`] with one more claim of so many bytes.
fn payload_with_another_claim(length: usize) -> Vec<u8> {
    let mut payload = claims("*明").to_cwt();
    payload[0] += 1;
    cbor::write_integer(&mut payload, -65_020);
    cbor::write_bytes(&mut payload, &vec![0; length]);
    payload
}

#[test]
fn a_token_has_at_most_512_bytes() {
    let key = key(Algorithm::Ed25519);
    let of_length = |length: usize| {
        let mut cose = by_coset(&key, plain_header(&key).build(), coset::Header::default());
        let fixed = 380;
        let mut size = 0;
        // The heads of the payload and of the claim grow with the claim.
        for claim in fixed - 30..fixed + 10 {
            cose.payload = Some(payload_with_another_claim(claim));
            size = cose.clone().to_tagged_vec().unwrap().len();
            if size == length {
                break;
            }
        }
        assert_eq!(size, length);
        UnverifiedToken::parse(&text_of(&cose.to_tagged_vec().unwrap())).map(|token| token.claims().clone())
    };
    assert_eq!(of_length(511), Ok(claims("*明")));
    assert_eq!(of_length(512), Ok(claims("*明")));
    assert_eq!(of_length(513), Err(UnreadableToken("it is too long")));
}

/// RFC 9052, section 4.2: only tag 18 is COSE_Sign1.
#[test]
fn a_token_with_the_tag_of_another_cose_structure_is_unreadable() {
    let bytes = cose_bytes(&token());
    assert_eq!(bytes[0], 0xD2);
    for tag in [0xD0, 0xD1, 0xD3] {
        let mut other = bytes.clone();
        other[0] = tag;
        assert!(UnverifiedToken::parse(&text_of(&other)).is_err(), "{tag:x}");
    }
}

#[test]
fn a_token_without_its_payload_or_with_a_signature_of_another_length_is_unreadable() {
    let key = key(Algorithm::Ed25519);
    let plain = by_coset(&key, plain_header(&key).build(), coset::Header::default());
    let detached = CoseSign1 {
        payload: None,
        ..plain.clone()
    };
    let signed = |length: usize| CoseSign1 {
        signature: vec![1; length],
        ..plain.clone()
    };
    for bad in [detached, signed(0), signed(63), signed(65)] {
        assert!(UnverifiedToken::parse(&text_of(&bad.to_tagged_vec().unwrap())).is_err());
    }
    assert!(UnverifiedToken::parse(&text_of(&signed(64).to_tagged_vec().unwrap())).is_ok());
}

#[test]
fn an_algorithm_is_named_by_a_number_also_one_of_private_use() {
    let key = key(Algorithm::Ed25519);
    let with = |alg: RegisteredLabelWithPrivate<iana::Algorithm>| {
        let mut header = plain_header(&key).build();
        header.alg = Some(alg);
        let cose = by_coset(&key, header, coset::Header::default());
        UnverifiedToken::parse(&text_of(&cose.to_tagged_vec().unwrap())).map(|token| token.issued.algorithm)
    };
    assert_eq!(with(RegisteredLabelWithPrivate::PrivateUse(-65_537)), Ok(-65_537));
    assert_eq!(
        with(RegisteredLabelWithPrivate::Assigned(iana::Algorithm::ES256)),
        Ok(-7)
    );
    assert!(with(RegisteredLabelWithPrivate::Text("EdDSA".to_owned())).is_err());
}

#[test]
fn a_token_is_read_with_the_kid_of_its_key() {
    let read = UnverifiedToken::parse(&token()).unwrap();
    assert_eq!(read.kid(), key(Algorithm::Ed25519).kid());
    assert_eq!((read.claims(), read.issued.algorithm), (&claims("*明"), -8));
    assert_eq!(read.into_claims(), claims("*明"));
}

#[test]
fn a_token_without_the_cose_tag_is_read_too() {
    let bytes = cose_bytes(&token());
    assert_eq!(
        UnverifiedToken::parse(&text_of(&bytes[1..])).unwrap().claims(),
        &claims("*明")
    );
}

#[test]
fn a_dynamic_token_with_the_longest_mask_has_140_bytes_and_fits_qr_version_8_m() {
    for algorithm in Algorithm::VARIANTS.iter().copied() {
        for mask in ["*𬸪", "*明", "A*"] {
            let text = key(algorithm).sign(&claims(mask)).unwrap();
            // The number of SM2, of the private range, has five bytes where the others have one.
            let (more, most) = if algorithm == Algorithm::Sm2 {
                (4, 144)
            } else {
                (0, 140)
            };
            assert_eq!(cose_bytes(&text).len(), 135 + more + mask.len(), "{mask}");
            assert!(cose_bytes(&text).len() <= most);
            let code = QRBuilder::new(text.as_str())
                .mode(Mode::Alphanumeric)
                .ecl(ECL::M)
                .build()
                .unwrap();
            // Version 8 is 17 + 4 × 8 modules wide.
            assert_eq!(code.size, 49);
        }
    }
    assert_eq!(Mask::MAX_BYTES, "*𬸪".len());
}

#[test]
fn a_token_cut_anywhere_or_with_more_behind_it_is_unreadable() {
    let bytes = cose_bytes(&token());
    for length in 0..bytes.len() {
        assert!(
            UnverifiedToken::parse(&text_of(&bytes[..length])).is_err(),
            "{length}"
        );
    }
    for more in [0x00, 0xF6, 0xFF] {
        let mut longer = bytes.clone();
        longer.push(more);
        assert!(UnverifiedToken::parse(&text_of(&longer)).is_err(), "{more}");
    }
    let text = token();
    for changed in [
        format!("{text} "),
        format!(" {text}"),
        format!("{text}\n"),
        text.to_lowercase(),
    ] {
        assert!(UnverifiedToken::parse(&changed).is_err(), "{changed:?}");
    }
}

#[test]
fn an_overlong_base45_of_the_same_bytes_is_unreadable() {
    // Odd number of bytes: the last byte stands in two characters, whose value may be written 256 higher.
    let text = key(Algorithm::Ed25519).sign(&claims("A*")).unwrap();
    assert_eq!(cose_bytes(&text).len() % 2, 1);
    let (head, tail) = text.split_at(text.len() - 2);
    let alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
    let value = |c: char| alphabet.find(c).unwrap();
    let mut characters = tail.chars();
    let number = value(characters.next().unwrap()) + 45 * value(characters.next().unwrap()) + 256;
    let letter = |place: usize| alphabet.chars().nth(place).unwrap();
    let overlong = format!("{head}{}{}", letter(number % 45), letter(number / 45));
    assert_eq!(
        cose_bytes(&overlong),
        cose_bytes(&text),
        "the decoder alone lets it through"
    );
    assert!(UnverifiedToken::parse(&overlong).is_err());
}

#[test]
fn headers_beyond_algorithm_and_kid_are_unreadable() {
    let key = key(Algorithm::Ed25519);
    let none = coset::Header::default;
    let bad = [
        by_coset(&key, plain_header(&key).iv(vec![1]).build(), none()),
        by_coset(
            &key,
            plain_header(&key)
                .add_critical(iana::HeaderParameter::Alg)
                .build(),
            none(),
        ),
        by_coset(&key, plain_header(&key).value(99, 1.into()).build(), none()),
        by_coset(
            &key,
            plain_header(&key).build(),
            HeaderBuilder::new().value(99, 1.into()).build(),
        ),
        by_coset(
            &key,
            HeaderBuilder::new().algorithm(iana::Algorithm::EdDSA).build(),
            plain_header(&key).build(),
        ),
        by_coset(
            &key,
            HeaderBuilder::new().key_id(key.kid().as_bytes().to_vec()).build(),
            none(),
        ),
        by_coset(&key, plain_header(&key).key_id(vec![1; 9]).build(), none()),
        by_coset(&key, none(), none()),
    ];
    for cose in bad {
        assert!(UnverifiedToken::parse(&text_of(&cose.to_tagged_vec().unwrap())).is_err());
    }
}

#[test]
fn nested_and_oversized_cbor_is_unreadable_without_a_large_allocation() {
    let nested_arrays = vec![0x81; 500];
    let nested_tags = vec![0xC1; 500];
    let nested_maps = [0xA1, 0x00].repeat(250);
    let huge_bytes = vec![0x5B, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00];
    let huge_array = vec![0x9B, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00];
    let huge_map = vec![0xBB, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00];
    for bytes in [
        nested_arrays,
        nested_tags,
        nested_maps,
        huge_bytes,
        huge_array,
        huge_map,
    ] {
        assert!(UnverifiedToken::parse(&text_of(&bytes)).is_err());
        assert!(Claims::from_cwt(&bytes).is_err());
    }
    assert!(UnverifiedToken::parse(&text_of(&vec![0; 1 << 20])).is_err());
}

#[test]
fn the_reason_of_an_unreadable_token_tells_nothing_of_its_content() {
    let message = UnverifiedToken::parse("LT1:not base 45!")
        .unwrap_err()
        .to_string();
    assert_eq!(message, "not a code token: it is not Base45");
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,300}") {
        prop_assert!(UnverifiedToken::parse(&text).is_err());
        let _ = UnverifiedToken::parse(&format!("{PREFIX}{text}"));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..520)) {
        prop_assert!(UnverifiedToken::parse(&text_of(&bytes)).is_err());
    }

    /// A damaged token that is still readable has other signed bytes or another signature.
    #[test]
    fn a_damaged_token_is_unreadable_or_its_signature_does_not_fit(place in 0_usize..139, byte: u8, cut in 0_usize..4) {
        let bytes = cose_bytes(&token());
        let mut damaged = bytes.clone();
        damaged[place % bytes.len()] = byte;
        damaged.truncate(bytes.len() - cut);
        if let Ok(read) = UnverifiedToken::parse(&text_of(&damaged)) {
            let original = UnverifiedToken::parse(&token()).unwrap();
            let signed = |token: &UnverifiedToken| (token.issued.cose.tbs_data(&[]), token.issued.cose.signature.clone());
            let same = signed(&read) == signed(&original);
            prop_assert_eq!(same, damaged == bytes);
        }
    }
}
