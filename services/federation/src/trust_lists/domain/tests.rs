use lutong_kernel::random::SeededRandom;
use lutong_token::{Algorithm, SigningKey};
use strum::VariantArray as _;

use super::*;

fn key(seed: u64) -> SigningKey {
    SigningKey::generate(Algorithm::Ed25519, &SeededRandom::new(seed)).unwrap()
}

fn since() -> Timestamp {
    Timestamp::parse("2022-01-01T00:00:00+08:00").unwrap()
}

fn now() -> Timestamp {
    Timestamp::parse("2022-11-26T12:00:00+08:00").unwrap()
}

fn one() -> String {
    let jiangsu = Issuer::parse("32").unwrap();
    of_one_partner("2022-11", (jiangsu, "江苏"), key(1).verifying_key(), since()).unwrap()
}

/// A list that can be signed.
fn signable(sequence: i64) -> String {
    format!(
        "sequence = {sequence}\nissued_at = \"2022-11-26T00:00:00+08:00\"\nexpires_at = \"2023-02-26T00:00:00+08:00\"\n{}",
        one()
    )
}

fn roots(key: &SigningKey) -> Roots {
    Roots::parse(&key.verifying_key().to_pem().unwrap()).unwrap()
}

#[test]
fn a_list_as_written_is_read() {
    let list = TrustList::parse(&one()).unwrap();
    assert_eq!((list.version.as_str(), list.code_keys.len()), ("2022-11", 1));
    let agreed = &list.partners[&PartnerId::parse("32").unwrap()];
    assert_eq!(agreed.name, "江苏");
    assert_eq!((agreed.directions.len(), agreed.modes.len()), (1, 1));
    assert_eq!(
        agreed.quota,
        Quota::default(),
        "whoever is not given a quota has none"
    );
}

#[test]
fn partners_that_are_answered_and_let_nothing_through_are_named() {
    let quota = |minute: u32, day: u32| {
        format!("quota = {{ requests_per_minute = {minute}, requests_per_day = {day} }}\n")
    };
    for (directions, quota, without, without_trial) in [
        // Nobody answers it: it needs none.
        ("INBOUND", String::new(), false, false),
        ("OUTBOUND", String::new(), true, false),
        ("OUTBOUND", quota(0, 100), true, false),
        ("OUTBOUND", quota(100, 0), true, false),
        // A tenth before it is LIVE.
        ("OUTBOUND", quota(9, 100), false, true),
        ("OUTBOUND", quota(100, 9), false, true),
        ("OUTBOUND", quota(10, 10), false, false),
    ] {
        let fields = format!("directions = [\"{directions}\"]\n{quota}name = ");
        let list = TrustList::parse(&one().replacen("name = ", &fields, 1)).unwrap();
        let jiangsu = PartnerId::parse("32").unwrap();
        assert_eq!(list.without_quota().contains(&jiangsu), without, "{fields}");
        assert_eq!(
            list.without_trial_quota().contains(&jiangsu),
            without_trial,
            "{fields}"
        );
    }
}

#[test]
fn what_is_wrong_is_named_with_its_entry() {
    for (from, to, entry) in [
        ("province = \"32\"", "province = \"37\"", "partner[0] (37)"),
        ("province = \"32\"", "province = \"320\"", "partner[0] (320)"),
        // The national platform signs no codes.
        ("province = \"32\"", "province = \"00\"", "partner[0] (00).key[0]"),
        ("-----BEGIN", "-----BEGINN", "partner[0] (32).key[0]"),
        (
            "not_before = \"2022",
            "not_after = \"2021-01-01T00:00:00Z\"\nnot_before = \"2022",
            "partner[0] (32).key[0]",
        ),
        ("not_before = \"2022", "not_before = \"x2022", "the file"),
        ("version = ", "versions = ", "the file"),
        ("version = \"2022-11\"", "version = \"\"", "version"),
        ("name = \"江苏\"", "name = \"\"", "partner[0] (32)"),
        (
            "name = ",
            "tls_names = [\"a.cn\", \"a.cn\"]\nname = ",
            "partner[0] (32)",
        ),
        ("name = ", "tls_names = [\"*.a.cn\"]\nname = ", "partner[0] (32)"),
        ("name = ", "interface = \"x-1\"\nname = ", "partner[0] (32)"),
        ("name = ", "address = \"http://a.cn\"\nname = ", "partner[0] (32)"),
        (
            "name = ",
            "address = \"https://a.cn/x\"\nname = ",
            "partner[0] (32)",
        ),
        (
            "name = ",
            "address = \"https://a.cn?x=1\"\nname = ",
            "partner[0] (32)",
        ),
        (
            "name = ",
            "address = \"https://x@a.cn\"\nname = ",
            "partner[0] (32)",
        ),
        (
            "name = ",
            "address = \"https://a.cn:0x\"\nname = ",
            "partner[0] (32)",
        ),
        (
            "name = ",
            "address = \"https://127.0.0.1/\"\nname = ",
            "partner[0] (32)",
        ),
        ("name = ", "address = \"ftp://a.cn\"\nname = ", "partner[0] (32)"),
        ("name = ", "directions = [\"BOTH\"]\nname = ", "the file"),
        ("name = ", "intermediaries = [\"00\"]\nname = ", "partner 32"),
        ("name = ", "intermediaries = [\"32\"]\nname = ", "partner 32"),
        ("name = ", "quota = {requests_per_hour = 1}\nname = ", "the file"),
    ] {
        let error = TrustList::parse(&one().replacen(from, to, 1)).unwrap_err();
        assert_eq!(error.entry, entry, "{to}: {error}");
    }
    let partner = one();
    let block = &partner[partner.find("[[partner]]").unwrap()..];
    let twice = format!("{partner}\n{block}");
    assert!(TrustList::parse(&twice).unwrap_err().reason.contains("twice"));
    let shared = format!("{partner}\n{}", block.replace("\"32\"", "\"33\""));
    let error = TrustList::parse(&shared).unwrap_err();
    assert!(
        error.entry.contains("key[0]") && error.reason.contains("twice"),
        "{error}"
    );
    let many = format!("version = \"x\"\n{}", block.repeat(65));
    assert_eq!(TrustList::parse(&many).unwrap_err().entry, "partner");
}

#[test]
fn a_signed_list_is_relied_on_from_its_issue_to_its_end_only() {
    let root = key(9);
    let signed = sign(&root, &signable(7), now()).unwrap();
    let list = SignedList::open(&signed, &roots(&root), now()).unwrap();
    assert_eq!((list.list.sequence, list.root), (7, root.kid()));
    assert_eq!(list.check_time(now()), Ok(()));
    assert_eq!(
        list.check_time(list.issued_at.plus_seconds(-31)),
        Err(RefusedList::NotYetValid)
    );
    assert_eq!(list.check_time(list.issued_at.plus_seconds(-30)), Ok(()));
    assert_eq!(list.check_time(list.expires_at), Err(RefusedList::Expired));
    assert_eq!(list.check_time(list.expires_at.plus_micros(-1)), Ok(()));
}

#[test]
fn what_nobody_could_rely_on_is_not_signed() {
    let root = key(9);
    for (from, to, said) in [
        ("sequence = 7", "sequence = 0", "sequence"),
        ("issued_at = ", "# ", "issued_at"),
        ("expires_at = ", "# ", "expires_at"),
        ("expires_at = \"2023", "expires_at = \"2024", "expires_at"),
        ("expires_at = \"2023", "expires_at = \"2021", "expires_at"),
        ("issued_at = \"2022-11-26", "issued_at = \"2022-11-27", "future"),
        ("version = ", "versions = ", "the file"),
    ] {
        let error = sign(&root, &signable(7).replacen(from, to, 1), now()).unwrap_err();
        assert!(error.contains(said), "{to}: {error}");
    }
}

#[test]
fn another_root_a_changed_byte_and_another_document_have_their_own_reasons() {
    let root = key(9);
    let signed = sign(&root, &signable(7), now()).unwrap();
    let open = |bytes: &[u8], roots: &Roots| SignedList::open(bytes, roots, now()).map(drop);
    assert_eq!(open(&signed, &roots(&key(8))), Err(RefusedList::WrongRoot));
    assert_eq!(open(&signed, &Roots::default()), Err(RefusedList::WrongRoot));
    let mut changed = signed.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(open(&changed, &roots(&root)), Err(RefusedList::BadSignature));
    let other = lutong_token::document::sign(&root, lutong_token::document::Purpose::Keys, b"x").unwrap();
    assert_eq!(open(&other, &roots(&root)), Err(RefusedList::BadSignature));
    let long = vec![0; signed::MAX_DOCUMENT + 1];
    assert!(matches!(
        open(&long, &roots(&root)),
        Err(RefusedList::Unreadable(_))
    ));
    // Two root keys, while one replaces the other.
    let both = [8, 9]
        .map(|seed| key(seed).verifying_key().to_pem().unwrap())
        .concat();
    assert_eq!(open(&signed, &Roots::parse(&both).unwrap()), Ok(()));
    for bad in ["", "x", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----"] {
        assert!(Roots::parse(bad).is_err(), "{bad}");
    }
}

/// Deterministic noise, and a signed list with bytes changed: the reader answers and does not panic.
#[test]
fn no_bytes_bring_the_reader_down_and_none_pass_for_a_list() {
    use lutong_kernel::Random as _;
    let (root, random) = (key(9), SeededRandom::new(3));
    let signed = sign(&root, &signable(7), now()).unwrap();
    for round in 0..3_000_usize {
        let mut bytes = if round % 2 == 0 {
            let mut noise = vec![0; round % 300];
            random.fill(&mut noise);
            noise
        } else {
            signed.clone()
        };
        let mut draw = [0; 4];
        random.fill(&mut draw);
        let place = usize::from(u16::from_be_bytes([draw[0], draw[1]]));
        match draw[2] % 4 {
            _ if bytes.is_empty() => {}
            0 => bytes.truncate(place % bytes.len()),
            1 => bytes.push(draw[3]),
            _ => {
                let place = place % bytes.len();
                bytes[place] ^= draw[3] | 1;
            }
        }
        assert!(SignedList::open(&bytes, &roots(&root), now()).is_err());
        let text = String::from_utf8_lossy(&bytes);
        let _ = TrustList::parse(&text);
    }
}

#[test]
fn an_empty_or_shrunken_list_is_told_from_one_that_grows_or_rotates() {
    let parse = |text: &str| TrustList::parse(text).unwrap();
    let (before, now) = (parse(&one()), now());
    let block = one()[one().find("[[partner]]").unwrap()..].to_owned();
    let pem = |seed: u64| key(seed).verifying_key().to_pem().unwrap();
    let rotated = one().replace(&pem(1), &pem(2));
    let more = format!(
        "{}\n{}",
        one(),
        block.replace("\"32\"", "\"33\"").replace(&pem(1), &pem(3))
    );
    let compared = |text: &str| Comparison::of(&parse(text), Some(&before), now);
    for (text, is_shrunken) in [
        (one(), false),
        (more.clone(), false),
        (rotated.clone(), false),
        ("version = \"x\"".to_owned(), true),
        (more.replacen("\"32\"", "\"34\"", 1), true),
        (
            one().replace("not_before", "revoked_at = \"2022-11-01T00:00:00Z\"\nnot_before"),
            true,
        ),
        (
            one().replace("not_before", "not_after = \"2022-11-01T00:00:00Z\"\nnot_before"),
            true,
        ),
        (one().replace("not_before = \"2022", "not_before = \"2023"), true),
    ] {
        assert_eq!(compared(&text).is_shrunken(), is_shrunken, "{text}");
    }
    assert_eq!(compared(&more).added_partners, ["33"]);
    let rotated = compared(&rotated);
    assert_eq!(rotated.added_keys, [key(2).kid().to_string()]);
    assert_eq!(rotated.removed_keys, [key(1).kid().to_string()]);
    assert_eq!(compared("version = \"x\"").removed_partners, ["32"]);
    assert!(
        !Comparison::of(&before, None, now).is_shrunken(),
        "the first list"
    );
    assert!(Comparison::of(&parse("version = \"x\""), None, now).is_shrunken());
}

#[test]
fn the_states_in_which_something_is_done_are_those_of_the_contract() {
    for (action, verb) in [(Action::Activate, "Activate"), (Action::Reject, "Reject")] {
        let rpc = format!("lutong.federation.v1.TrustListService/{verb}TrustList");
        let stated = lutong_proto::transitions::of_rpc(lutong_proto::descriptor_pool(), &rpc).unwrap();
        let possible = ListState::VARIANTS
            .iter()
            .filter(|state| action.from().contains(state));
        let possible: Vec<&str> = possible.map(ListState::into_str).collect();
        assert_eq!(possible, stated.from_states, "{rpc}");
    }
}
