use lutong_kernel::random::SeededRandom;

use super::*;

const BOTH: [Algorithm; 2] = [Algorithm::Ed25519, Algorithm::Es256];

fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm, &SeededRandom::new(11)).unwrap()
}

/// A source that gives only zeros.
#[derive(Debug)]
struct Broken;

impl Random for Broken {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

#[test]
fn keys_survive_their_pem_form() {
    for algorithm in BOTH {
        let made = key(algorithm);
        let read = SigningKey::from_pkcs8_pem(made.to_pkcs8_pem().unwrap().expose()).unwrap();
        assert_eq!(read.verifying_key(), made.verifying_key());
        assert!(made.verifying_key().confirms(b"m", &read.sign_bytes(b"m")));
        let public = VerifyingKey::from_pem(&made.verifying_key().to_pem().unwrap()).unwrap();
        assert_eq!(&public, made.verifying_key());
        assert_eq!(VerifyingKey::from_raw(algorithm, public.raw()), Ok(public));
    }
}

#[test]
fn the_kid_begins_the_sha_256_of_the_raw_public_key() {
    // RFC 8032, 7.1, test 1; the digest is sha256sum's.
    let public = VerifyingKey::from_raw(
        Algorithm::Ed25519,
        &[
            0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
            0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
        ],
    );
    assert_eq!(public.unwrap().kid().to_string(), "21fe31dfa154a261");
}

#[test]
fn a_signature_holds_for_its_message_and_key_only() {
    for algorithm in BOTH {
        let key = key(algorithm);
        let other = SigningKey::generate(algorithm, &SeededRandom::new(12)).unwrap();
        let signature = key.sign_bytes(b"message");
        let public = key.verifying_key();
        assert!(public.confirms(b"message", &signature));
        assert!(!public.confirms(b"massage", &signature));
        assert!(!other.verifying_key().confirms(b"message", &signature));
        assert!(!public.confirms(b"message", &signature[..63]));
        assert!(!public.confirms(b"message", &[0; 64]));
        for bit in 0..512 {
            let mut changed = signature;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!public.confirms(b"message", &changed), "{algorithm} bit {bit}");
        }
    }
}

#[test]
fn what_is_no_key_is_refused() {
    assert_eq!(SigningKey::from_pkcs8_pem("").unwrap_err(), KeyError::PrivateKey);
    assert_eq!(
        VerifyingKey::from_pem("-----BEGIN PUBLIC KEY-----").unwrap_err(),
        KeyError::PublicKey
    );
    let pem = key(Algorithm::Ed25519).to_pkcs8_pem().unwrap();
    assert_eq!(
        VerifyingKey::from_pem(pem.expose()).unwrap_err(),
        KeyError::PublicKey
    );
    for (algorithm, length) in [
        (Algorithm::Ed25519, 31),
        (Algorithm::Ed25519, 65),
        (Algorithm::Es256, 65),
    ] {
        assert_eq!(
            VerifyingKey::from_raw(algorithm, &vec![0xFF; length]),
            Err(KeyError::Raw),
            "{length}"
        );
    }
    // The compressed point of a good key would give another kid.
    let public = key(Algorithm::Es256);
    let mut compressed = public.verifying_key().raw()[..33].to_vec();
    compressed[0] = 0x02 | (public.verifying_key().raw()[64] & 1);
    assert_eq!(
        VerifyingKey::from_raw(Algorithm::Es256, &compressed),
        Err(KeyError::Raw)
    );
}

#[test]
fn an_ed25519_key_of_small_order_is_refused() {
    let mut neutral = [0; 32];
    neutral[0] = 1;
    assert_eq!(
        VerifyingKey::from_raw(Algorithm::Ed25519, &neutral),
        Err(KeyError::Weak)
    );
}

#[test]
fn a_broken_source_of_randomness_makes_no_p256_key_and_no_endless_loop() {
    assert_eq!(
        SigningKey::generate(Algorithm::Es256, &Broken).unwrap_err(),
        KeyError::Randomness
    );
}

#[test]
fn a_signing_key_prints_its_kid_only() {
    let key = key(Algorithm::Ed25519);
    assert_eq!(format!("{key:?}"), format!("SigningKey(ed25519 {})", key.kid()));
    assert_eq!(format!("{}", key.to_pkcs8_pem().unwrap()), "***");
}
