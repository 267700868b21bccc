use lutong_kernel::random::SeededRandom;

use strum::VariantArray as _;

use super::*;

fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm, &SeededRandom::new(11)).unwrap()
}

/// A source that gives zeros, then the scalar of [`RFC_6979_SCALAR`].
#[derive(Debug)]
struct LateRandom(std::sync::atomic::AtomicU32);

impl Random for LateRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let draws_left = self.0.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
        if draws_left == 0 {
            bytes.copy_from_slice(&unhex(RFC_6979_SCALAR));
        } else {
            bytes.fill(0);
        }
    }
}

/// The private key of RFC 6979, A.2.5, and the point of its public half.
const RFC_6979_SCALAR: &str = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
const RFC_6979_POINT: &str = "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";

/// The key pair of GB/T 32918.5-2017, A.2, where `message digest` is signed as `1234567812345678`.
const GBT_32918_SCALAR: &str = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8";
const GBT_32918_POINT: &str = "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13";

/// The key pair of RFC 8032, 7.1, test 1.
const RFC_8032_SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const RFC_8032_PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

fn unhex(text: &str) -> Vec<u8> {
    let digits = text
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

#[test]
fn ed25519_signs_as_rfc_8032() {
    let mut pkcs8 = unhex("302e020100300506032b657004220420");
    pkcs8.extend(unhex(RFC_8032_SEED));
    let secret = ed25519_dalek::SigningKey::from_pkcs8_der(&pkcs8).unwrap();
    let key = SigningKey::ed25519(secret);
    assert_eq!(key.algorithm(), Algorithm::Ed25519);
    assert_eq!(key.verifying_key().raw(), unhex(RFC_8032_PUBLIC));
    let signature = unhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    );
    assert_eq!(key.sign_bytes(b"").as_slice(), signature);
}

#[test]
fn es256_verifies_the_signature_of_rfc_6979() {
    let public = VerifyingKey::from_raw(Algorithm::Es256, &unhex(RFC_6979_POINT)).unwrap();
    assert_eq!(
        (public.algorithm(), public.raw()),
        (Algorithm::Es256, unhex(RFC_6979_POINT).as_slice())
    );
    let signature = unhex(
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    );
    assert!(public.verifies(b"sample", &signature));
    assert!(!public.verifies(b"test", &signature));
}

#[test]
fn sm2_verifies_the_signature_of_gbt_32918_5_and_signs_for_the_same_key() {
    let public = VerifyingKey::from_raw(Algorithm::Sm2, &unhex(GBT_32918_POINT)).unwrap();
    let signature = unhex(
        "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa",
    );
    assert!(public.verifies(b"message digest", &signature));
    assert!(!public.verifies(b"message", &signature));
    let key = SigningKey::sm2(Sm2Secret::from_scalar(&unhex(GBT_32918_SCALAR)).unwrap());
    assert_eq!(key.verifying_key(), &public);
    assert!(public.verifies(b"message digest", &key.sign_bytes(b"message digest")));
}

/// Both curves have points of 65 bytes and scalars of 32: what is made for one is refused for the other.
#[test]
fn a_key_of_one_curve_is_none_of_the_other() {
    let p256 = VerifyingKey::from_raw(Algorithm::Es256, &unhex(RFC_6979_POINT)).unwrap();
    assert_eq!(
        VerifyingKey::from_raw(Algorithm::Sm2, p256.raw()),
        Err(KeyError::Raw)
    );
    assert_eq!(
        VerifyingKey::from_raw(Algorithm::Es256, &unhex(GBT_32918_POINT)),
        Err(KeyError::Raw)
    );
    for algorithm in [Algorithm::Es256, Algorithm::Sm2] {
        let pem = key(algorithm).to_pkcs8_pem().unwrap();
        let read = SigningKey::from_pkcs8_pem(pem.expose()).unwrap();
        assert_eq!(read.algorithm(), algorithm);
    }
}

#[test]
fn a_draw_that_is_not_a_p256_scalar_is_repeated_at_most_seven_times() {
    let generate = |bad_draws: u32| SigningKey::generate(Algorithm::Es256, &LateRandom(bad_draws.into()));
    for bad_draws in [0, 1, 7] {
        let key = generate(bad_draws).unwrap();
        assert_eq!(key.verifying_key().raw(), unhex(RFC_6979_POINT), "{bad_draws}");
    }
    assert_eq!(generate(8).unwrap_err(), KeyError::Randomness);
}

/// RFC 8410, section 4, and RFC 5480, section 2: the algorithm identifiers before the raw key.
#[test]
fn a_public_key_is_published_as_subject_public_key_info() {
    for (algorithm, raw, prefix) in [
        (Algorithm::Ed25519, RFC_8032_PUBLIC, "302a300506032b6570032100"),
        (
            Algorithm::Es256,
            RFC_6979_POINT,
            "3059301306072a8648ce3d020106082a8648ce3d030107034200",
        ),
        // GM/T 0006-2012: the curve is 1.2.156.10197.1.301.
        (
            Algorithm::Sm2,
            GBT_32918_POINT,
            "3059301306072a8648ce3d020106082a811ccf5501822d034200",
        ),
    ] {
        let public = VerifyingKey::from_raw(algorithm, &unhex(raw)).unwrap();
        assert_eq!(public.to_spki_der().unwrap(), unhex(&format!("{prefix}{raw}")));
    }
}

#[test]
fn keys_read_back_from_their_pem() {
    for algorithm in Algorithm::VARIANTS.iter().copied() {
        let made = key(algorithm);
        let read = SigningKey::from_pkcs8_pem(made.to_pkcs8_pem().unwrap().expose()).unwrap();
        assert_eq!(read.verifying_key(), made.verifying_key());
        assert!(made.verifying_key().verifies(b"m", &read.sign_bytes(b"m")));
        let public = VerifyingKey::from_pem(&made.verifying_key().to_pem().unwrap()).unwrap();
        assert_eq!(&public, made.verifying_key());
        assert_eq!(VerifyingKey::from_raw(algorithm, public.raw()), Ok(public));
    }
}

#[test]
fn the_kid_begins_the_sha_256_of_the_raw_public_key() {
    // The digest was computed with sha256sum.
    let public = VerifyingKey::from_raw(Algorithm::Ed25519, &unhex(RFC_8032_PUBLIC));
    assert_eq!(public.unwrap().kid().to_string(), "21fe31dfa154a261");
}

#[test]
fn a_signature_is_valid_for_its_message_and_key_only() {
    for algorithm in Algorithm::VARIANTS.iter().copied() {
        let key = key(algorithm);
        let other = SigningKey::generate(algorithm, &SeededRandom::new(12)).unwrap();
        let signature = key.sign_bytes(b"message");
        let public = key.verifying_key();
        assert!(public.verifies(b"message", &signature));
        assert!(!public.verifies(b"massage", &signature));
        assert!(!other.verifying_key().verifies(b"message", &signature));
        assert!(!public.verifies(b"message", &signature[..63]));
        assert!(!public.verifies(b"message", &[0; 64]));
        for bit in 0..512 {
            let mut changed = signature;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!public.verifies(b"message", &changed), "{algorithm} bit {bit}");
        }
    }
}

#[test]
fn other_texts_and_bytes_are_not_keys() {
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
fn a_signing_key_prints_its_kid_only() {
    let key = key(Algorithm::Ed25519);
    assert_eq!(format!("{key:?}"), format!("SigningKey(ed25519 {})", key.kid()));
    assert_eq!(format!("{}", key.to_pkcs8_pem().unwrap()), "***");
}
