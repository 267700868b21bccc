use lutong_kernel::random::SeededRandom;
use lutong_token::{Algorithm, SigningKey};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use strum::VariantArray as _;

use super::*;

const HOST: &str = "federation.example.cn";

fn now() -> Timestamp {
    Timestamp::parse("2026-12-10T10:00:00+08:00").unwrap()
}

/// What may be wrong with the certificates.
struct Issued {
    tls: CertificateParams,
    ca: CertificateParams,
    /// Whether the authority in the folder is the one that issued the certificate.
    by_authority: bool,
}

fn issued() -> Issued {
    let mut tls = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    named(&mut tls, HOST);
    tls.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    tls.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    tls.is_ca = IsCa::ExplicitNoCa;
    tls.not_after = date_time_ymd(2027, 12, 1);
    let mut ca = CertificateParams::default();
    named(&mut ca, "Authority of Jiangsu");
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.not_after = date_time_ymd(2030, 11, 1);
    Issued {
        tls,
        ca,
        by_authority: true,
    }
}

fn named(params: &mut CertificateParams, name: &str) {
    params.distinguished_name.push(DnType::CountryName, "CN");
    params
        .distinguished_name
        .push(DnType::OrganizationName, "江苏省政务办");
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 12, 1);
}

fn public(seed: u64) -> Vec<u8> {
    let key = SigningKey::generate(Algorithm::Ed25519, &SeededRandom::new(seed)).unwrap();
    key.verifying_key().to_pem().unwrap().into_bytes()
}

fn folder_of(issued: &Issued) -> Folder {
    let authority = KeyPair::generate().unwrap();
    let ca = issued.ca.self_signed(&authority).unwrap();
    let signer = if issued.by_authority {
        authority
    } else {
        KeyPair::generate().unwrap()
    };
    let issuer = Issuer::new(issued.ca.clone(), signer);
    let tls = issued
        .tls
        .signed_by(&KeyPair::generate().unwrap(), &issuer)
        .unwrap();
    let partner = format!("province = \"32\"\nname = \"江苏\"\ntls_names = [\"{HOST}\"]\n");
    Folder::from([
        ("partner.toml".to_owned(), partner.into_bytes()),
        ("tls.pem".to_owned(), tls.pem().into_bytes()),
        ("ca.pem".to_owned(), ca.pem().into_bytes()),
        ("codes.pub".to_owned(), public(1)),
        ("messages.pub".to_owned(), public(2)),
    ])
}

fn found(folder: &Folder) -> Vec<(String, Check)> {
    let found = check(folder, now()).into_iter();
    found.map(|finding| (finding.file, finding.check)).collect()
}

#[test]
fn nothing_is_found_in_a_good_folder() {
    assert_eq!(check(&folder_of(&issued()), now()), []);
}

type Change = fn(&mut Issued);

#[test]
fn each_way_in_which_a_certificate_is_wrong_is_found_alone() {
    let cases: [(Change, &str, Check); 20] = [
        (
            |i| i.tls.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
            "tls.pem",
            Check::BasicConstraints,
        ),
        (
            |i| i.ca.is_ca = IsCa::ExplicitNoCa,
            "ca.pem",
            Check::BasicConstraints,
        ),
        (
            |i| i.tls.key_usages = vec![KeyUsagePurpose::KeyEncipherment],
            "tls.pem",
            Check::Usage,
        ),
        (
            |i| i.tls.key_usages.push(KeyUsagePurpose::KeyCertSign),
            "tls.pem",
            Check::Usage,
        ),
        (|i| i.tls.key_usages.clear(), "tls.pem", Check::Usage),
        (
            |i| i.ca.key_usages = vec![KeyUsagePurpose::DigitalSignature],
            "ca.pem",
            Check::Usage,
        ),
        (
            |i| drop(i.tls.extended_key_usages.pop()),
            "tls.pem",
            Check::ExtendedUsage,
        ),
        (
            |i| i.tls.extended_key_usages.clear(),
            "tls.pem",
            Check::ExtendedUsage,
        ),
        (
            |i| i.tls.extended_key_usages.push(ExtendedKeyUsagePurpose::Any),
            "tls.pem",
            Check::ExtendedUsage,
        ),
        (|i| i.by_authority = false, "tls.pem", Check::Chain),
        (
            |i| assert!(i.tls.distinguished_name.remove(DnType::CountryName)),
            "tls.pem",
            Check::Subject,
        ),
        (
            |i| i.tls.distinguished_name.push(DnType::CountryName, "US"),
            "tls.pem",
            Check::Subject,
        ),
        (
            |i| i.tls.distinguished_name.push(DnType::OrganizationName, " "),
            "tls.pem",
            Check::Subject,
        ),
        (|i| i.tls.subject_alt_names.clear(), "tls.pem", Check::TlsNames),
        (
            |i| i.tls.not_before = date_time_ymd(2026, 12, 11),
            "tls.pem",
            Check::NotYetValid,
        ),
        (
            |i| i.tls.not_after = date_time_ymd(2026, 12, 9),
            "tls.pem",
            Check::Expired,
        ),
        (
            |i| i.tls.not_after = date_time_ymd(2027, 1, 8),
            "tls.pem",
            Check::ValidityRange,
        ),
        (
            |i| i.tls.not_after = date_time_ymd(2028, 12, 3),
            "tls.pem",
            Check::ValidityRange,
        ),
        (
            |i| i.ca.not_after = date_time_ymd(2030, 12, 5),
            "ca.pem",
            Check::ValidityRange,
        ),
        (
            |i| i.ca.not_after = date_time_ymd(2026, 12, 9),
            "ca.pem",
            Check::Expired,
        ),
    ];
    for (n, (change, file, check)) in cases.into_iter().enumerate() {
        let mut issued = issued();
        change(&mut issued);
        assert_eq!(found(&folder_of(&issued)), [(file.to_owned(), check)], "case {n}");
    }
}

#[test]
fn each_way_in_which_a_file_is_wrong_is_found() {
    let certificate = |folder: &Folder, name: &str| folder.get(name).cloned().unwrap();
    let put =
        |folder: &mut Folder, name: &str, bytes: &[u8]| drop(folder.insert(name.to_owned(), bytes.to_vec()));
    let mut cases: Vec<(Folder, &str, Check)> = Vec::new();
    let good = folder_of(&issued());
    for name in FILES {
        let mut short = good.clone();
        short.remove(name);
        cases.push((short, name, Check::FileMissing));
    }
    let mut with = |name: &'static str, bytes: Vec<u8>, check: Check| {
        let mut folder = good.clone();
        put(&mut folder, name, &bytes);
        cases.push((folder, name, check));
    };
    with("notes.txt", b"x".to_vec(), Check::FileUnknown);
    with(
        "notes.txt",
        KeyPair::generate().unwrap().serialize_pem().into_bytes(),
        Check::PrivateKey,
    );
    with(
        "codes.pub",
        KeyPair::generate().unwrap().serialize_pem().into_bytes(),
        Check::PrivateKey,
    );
    with("tls.pem", b"x".to_vec(), Check::Pem);
    with("tls.pem", Vec::new(), Check::Pem);
    with("tls.pem", vec![b'x'; MAX_FILE + 1], Check::Pem);
    with("tls.pem", public(1), Check::Pem);
    with(
        "ca.pem",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec(),
        Check::Pem,
    );
    with("codes.pub", b"x".to_vec(), Check::KeyKind);
    with("messages.pub", public(1), Check::KeyShared);
    let both = [certificate(&good, "tls.pem"), certificate(&good, "ca.pem")].concat();
    with("tls.pem", both, Check::Chain);
    with("partner.toml", b"\xff".to_vec(), Check::Partner);
    for (good_text, bad) in [
        ("\"32\"", "\"37\""),
        ("江苏", ""),
        ("tls_names", "hosts"),
        (HOST, "a\\u0001"),
    ] {
        let text = String::from_utf8(certificate(&good, "partner.toml")).unwrap();
        let check = if good_text == HOST {
            Check::TlsNames
        } else {
            Check::Partner
        };
        let file = if good_text == HOST {
            "tls.pem"
        } else {
            "partner.toml"
        };
        let mut folder = good.clone();
        put(
            &mut folder,
            "partner.toml",
            text.replace(good_text, bad).as_bytes(),
        );
        cases.push((folder, file, check));
    }
    // Made with OpenSSL, as no library of ours makes such.
    for (bytes, check) in [
        (&include_bytes!("tests/rsa-2048.pem")[..], Check::KeySize),
        (include_bytes!("tests/sha-1.pem"), Check::SignatureAlgorithm),
        (include_bytes!("tests/explicit-curve.pem"), Check::KeyKind),
        (include_bytes!("tests/other-curve.pem"), Check::KeyKind),
    ] {
        let mut folder = good.clone();
        put(&mut folder, "tls.pem", bytes);
        cases.push((folder, "tls.pem", check));
    }
    for (n, (folder, file, check)) in cases.into_iter().enumerate() {
        let findings = found(&folder);
        assert!(
            findings.contains(&(file.to_owned(), check)),
            "case {n}, {check:?}: {findings:?}"
        );
    }
}

#[test]
fn a_key_of_the_certificate_signs_nothing_else() {
    let key = KeyPair::generate().unwrap();
    let mut issued = issued();
    issued.tls.is_ca = IsCa::ExplicitNoCa;
    let mut folder = folder_of(&issued);
    let authority = KeyPair::generate().unwrap();
    let ca = issued.ca.self_signed(&authority).unwrap();
    let tls = issued
        .tls
        .signed_by(&key, &Issuer::new(issued.ca.clone(), authority))
        .unwrap();
    folder.insert("tls.pem".to_owned(), tls.pem().into_bytes());
    folder.insert("ca.pem".to_owned(), ca.pem().into_bytes());
    folder.insert("messages.pub".to_owned(), key.public_key_pem().into_bytes());
    let findings = found(&folder);
    assert_eq!(findings, [("tls.pem".to_owned(), Check::KeyShared)]);
}

#[test]
fn every_check_says_what_to_do() {
    for check in Check::VARIANTS {
        let (zh, en) = check.advice();
        assert!(!zh.is_empty() && !en.is_empty(), "{check:?}");
    }
}

#[test]
fn no_noise_makes_the_check_panic() {
    let good = folder_of(&issued());
    let random = SeededRandom::new(8);
    for _ in 0..500 {
        let mut draw = [0; 4];
        lutong_kernel::Random::fill(&random, &mut draw);
        let mut folder = good.clone();
        let name = FILES[usize::from(draw[0]) % FILES.len()];
        let bytes = folder.get_mut(name).unwrap();
        let place = usize::from(u16::from_be_bytes([draw[1], draw[2]])) % bytes.len();
        bytes[place] = draw[3];
        let _ = check(&folder, now());
    }
}
