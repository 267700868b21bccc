use lutong_kernel::random::SeededRandom;
use lutong_kernel::{Random as _, Timestamp};
use lutong_storage::crypto::hex;
use lutong_token::document::{self, Purpose};
use lutong_token::{Algorithm, Issuer, MessageHeader, SigningKey, body_digest};
use proptest::prelude::*;

use super::verification::entry;
use super::*;
use crate::message_records::domain::{Head, Record};
use crate::trust_lists::domain::{Roots, of_one_partner, sign};

const METHOD: &str = "lutong.federation.v1.ExchangeService/VerifyHealthCode";

fn key(seed: u64) -> SigningKey {
    SigningKey::generate(Algorithm::Es256, &SeededRandom::new(seed)).unwrap()
}

fn own() -> SigningKey {
    SigningKey::generate(Algorithm::Ed25519, &SeededRandom::new(37)).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::parse("2022-11-26T10:00:00+08:00")
        .unwrap()
        .plus_seconds(seconds)
}

fn anchors() -> Anchors {
    Anchors {
        roots: Roots::parse(&key(1).verifying_key().to_pem().unwrap()).unwrap(),
        own_key: own().verifying_key().clone(),
        own: Issuer::SHANDONG,
    }
}

/// A list that trusts Jiangsu's key for messages, in force for thirty days from an instant.
fn list(from: Timestamp) -> Vec<u8> {
    let jiangsu = (Issuer::parse("32").unwrap(), "江苏");
    let list = of_one_partner("x", jiangsu, key(32).verifying_key(), at(-86_400)).unwrap();
    let until = from.plus_seconds(30 * 86_400);
    let list = format!(
        "sequence = 7\nissued_at = \"{from}\"\nexpires_at = \"{until}\"\n{list}purposes = [\"MESSAGES\"]\n"
    );
    sign(&key(1), &list, from).unwrap()
}

fn header(nonce: u8, in_reply_to: Option<u8>, sent: i64) -> MessageHeader {
    let (sender, audience) = match in_reply_to {
        None => ("32", "37"),
        Some(_) => ("37", "32"),
    };
    MessageHeader {
        method: METHOD.to_owned(),
        sender: sender.to_owned(),
        audience: audience.to_owned(),
        sent_at: at(sent),
        nonce: [nonce; 16],
        body_digest: body_digest(b"body"),
        in_reply_to: in_reply_to.map(|nonce| [nonce; 16]),
    }
}

/// Jiangsu asks with record 2, is answered with record 5; records of others before, between and after.
struct Exchange {
    records: Vec<Record>,
    list: Vec<u8>,
}

impl Exchange {
    fn new() -> Self {
        let mut this = Self {
            records: Vec::new(),
            list: list(at(-86_400)),
        };
        this.add("33", &key(33), &header(1, None, 0), "");
        this.add("32", &key(32), &header(2, None, 0), "");
        this.add("33", &key(33), &header(3, None, 1), "");
        this.add("33", &own(), &header(4, Some(3), 1), "RED");
        this.add("32", &own(), &header(5, Some(2), 2), "GREEN");
        this.add("33", &key(33), &header(6, None, 3), "");
        this
    }

    fn add(&mut self, partner: &str, key: &SigningKey, header: &MessageHeader, outcome: &str) {
        let before = self
            .records
            .last()
            .map_or_else(Vec::new, |last| last.entry.clone());
        let mut record = Record {
            sequence: i64::try_from(self.records.len()).unwrap() + 1,
            recorded_at: header.sent_at.plus_micros(250_000),
            partner: partner.to_owned(),
            is_answer: header.in_reply_to.is_some(),
            header: header.sign(key).unwrap(),
            outcome: outcome.to_owned(),
            entry: Vec::new(),
        };
        record.entry = entry(&before, &Row::from(&record), &record.header);
        self.records.push(record);
    }

    fn part(&self, from: usize, until: usize) -> Part {
        let last = &self.records[until - 1];
        let head = Head {
            sequence: last.sequence,
            entry: hex(&last.entry),
            signed_at: at(10),
        };
        let head = document::sign(&own(), Purpose::Records, head.payload().as_bytes()).unwrap();
        let before = from
            .checked_sub(2)
            .map_or(&[][..], |place| &self.records[place].entry);
        Part::new(before, &self.records[from - 1..until], &head)
    }

    fn bundle(&self) -> Bundle {
        let own_key = own().verifying_key().to_pem().unwrap();
        let clause = "GB/T 38963-2020, 6: code verification";
        Bundle::new(
            clause,
            &own_key,
            Some(&self.list),
            self.part(2, 6),
            Some(self.part(5, 6)),
        )
    }
}

fn good() -> Vec<u8> {
    Exchange::new().bundle().to_bytes()
}

fn refused(bundle: &Bundle) -> (Check, Place) {
    let broken = verify(&bundle.to_bytes(), &anchors()).unwrap_err();
    (broken.check, broken.place)
}

#[test]
fn an_exchange_is_proven_to_whoever_has_the_keys() {
    let proof = verify(&good(), &anchors()).unwrap();
    assert_eq!((proof.partner.as_str(), proof.outcome.as_str()), ("32", "GREEN"));
    assert_eq!(proof.clause, "GB/T 38963-2020, 6: code verification");
    assert_eq!((proof.request.sequence, proof.request.key), (2, key(32).kid()));
    assert_eq!(proof.request.header.body_digest, body_digest(b"body"));
    assert_eq!(proof.request.recorded_at, at(0).plus_micros(250_000));
    assert_eq!(proof.trust_list, Some((7, key(1).kid())));
    let answer = proof.answer.unwrap();
    assert_eq!((answer.sequence, answer.key), (5, own().kid()));
    assert_eq!((answer.head.sequence, answer.head.signed_at), (6, at(10)));
}

#[test]
fn a_request_without_an_answer_is_proven_alone() {
    let mut bundle = Exchange::new().bundle();
    bundle.answer = None;
    let proof = verify(&bundle.to_bytes(), &anchors()).unwrap();
    assert_eq!((proof.answer, proof.outcome.as_str()), (None, ""));
}

#[test]
fn what_is_wrong_is_named_with_its_record() {
    use Place::{Answer, File, Request};
    type Change = fn(&mut Bundle);
    let cases: [(Change, (Check, Place)); 25] = [
        (|b| b.version = 2, (Check::Unreadable, File)),
        (
            |b| b.own_key = key(5).verifying_key().to_pem().unwrap(),
            (Check::WrongKey, File),
        ),
        (|b| b.own_key.push('\n'), (Check::WrongKey, File)),
        (|b| b.trust_list = None, (Check::TrustList, Request(2))),
        (
            |b| b.trust_list = Some("AAAA".to_owned()),
            (Check::TrustList, File),
        ),
        (
            |b| b.trust_list.as_mut().unwrap().insert(20, 'A'),
            (Check::TrustList, File),
        ),
        (|b| b.clause.clear(), (Check::Clause, File)),
        // Dropped.
        (
            |b| drop(b.request.records.remove(0)),
            (Check::Modified, Request(3)),
        ),
        (
            |b| drop(b.request.records.remove(2)),
            (Check::Truncated, Request(5)),
        ),
        (|b| drop(b.request.records.pop()), (Check::Truncated, Request(5))),
        (|b| b.request.records.clear(), (Check::Truncated, File)),
        (
            |b| drop(b.answer.as_mut().unwrap().records.pop()),
            (Check::Truncated, Answer(5)),
        ),
        // In another order, twice.
        (|b| b.request.records.swap(1, 2), (Check::Truncated, Request(4))),
        (|b| b.request.records.swap(3, 4), (Check::Truncated, Request(6))),
        (
            |b| b.request.records.insert(1, b.request.records[0].clone()),
            (Check::Reordered, Request(2)),
        ),
        (|b| b.request.records.reverse(), (Check::Reordered, Request(5))),
        // Changed.
        (
            |b| b.answer.as_mut().unwrap().records[0].outcome = "RED".to_owned(),
            (Check::Modified, Answer(5)),
        ),
        (
            |b| b.request.records[2].recorded_at += 1,
            (Check::Modified, Request(4)),
        ),
        (
            |b| b.request.records[1].partner = "32".to_owned(),
            (Check::Modified, Request(3)),
        ),
        (
            |b| b.request.records[0].is_answer = true,
            (Check::Modified, Request(2)),
        ),
        (
            |b| b.request.previous_entry.clear(),
            (Check::Modified, Request(2)),
        ),
        (|b| b.request.previous_entry.push('g'), (Check::Unreadable, File)),
        (
            |b| b.request.head = b.request.records[0].header.clone(),
            (Check::Head, Request(6)),
        ),
        // Of another exchange.
        (|b| b.answer = Some(b.request.clone()), (Check::Reply, Answer(2))),
        (
            |b| {
                let part = b.answer.clone().unwrap();
                b.request = part;
            },
            (Check::Reply, Request(5)),
        ),
    ];
    for (n, (change, expected)) in cases.into_iter().enumerate() {
        let mut bundle = Exchange::new().bundle();
        change(&mut bundle);
        assert_eq!(refused(&bundle), expected, "case {n}");
    }
}

/// The checks that a forger meets who holds our key and rewrote the chain: what the partner did not sign stays unproven.
#[test]
fn a_chain_that_was_rewritten_with_our_key_proves_nothing_that_the_partner_did_not_sign() {
    type Change = fn(&mut MessageHeader) -> SigningKey;
    let changes: [(Change, Check); 6] = [
        (|_| key(33), Check::Signature),
        (|_| own(), Check::Signature),
        (
            |header| {
                "33".clone_into(&mut header.sender);
                key(32)
            },
            Check::Parties,
        ),
        (
            |header| {
                "41".clone_into(&mut header.audience);
                key(32)
            },
            Check::Parties,
        ),
        (
            |header| {
                header.sent_at = at(-91);
                key(32)
            },
            Check::Time,
        ),
        (
            |header| {
                header.sent_at = at(40);
                key(32)
            },
            Check::Time,
        ),
    ];
    for (n, (change, check)) in changes.into_iter().enumerate() {
        let mut exchange = Exchange::new();
        let others = exchange.records.split_off(1);
        let mut forged = header(2, None, 0);
        let signer = change(&mut forged);
        exchange.add("32", &signer, &forged, "");
        exchange.records[1].recorded_at = at(0);
        let before = exchange.records[0].entry.clone();
        exchange.records[1].entry = entry(
            &before,
            &Row::from(&exchange.records[1]),
            &exchange.records[1].header,
        );
        drop(others);
        for nonce in [3, 4, 5, 6] {
            exchange.add("33", &key(33), &header(nonce, None, 1), "");
        }
        let mut bundle = exchange.bundle();
        bundle.answer = None;
        assert_eq!(refused(&bundle), (check, Place::Request(2)), "case {n}");
    }
}

#[test]
fn a_list_that_was_not_in_force_then_admits_nobody() {
    for from in [at(3_600), at(-31 * 86_400)] {
        let mut exchange = Exchange::new();
        exchange.list = list(from);
        assert_eq!(
            refused(&exchange.bundle()),
            (Check::TrustListTime, Place::Request(2))
        );
    }
}

#[test]
fn a_list_is_superfluous_where_the_partner_signed_nothing() {
    let mut exchange = Exchange::new();
    let mut asked = header(9, None, 4);
    (asked.sender, asked.audience) = ("37".to_owned(), "32".to_owned());
    exchange.add("32", &own(), &asked, "");
    let mut bundle = exchange.bundle();
    (bundle.request, bundle.answer) = (exchange.part(7, 7), None);
    assert_eq!(refused(&bundle), (Check::TrustList, Place::File));
    bundle.trust_list = None;
    verify(&bundle.to_bytes(), &anchors()).unwrap();
}

#[test]
fn other_keys_of_the_verifier_prove_nothing() {
    let mut others = anchors();
    others.own_key = key(5).verifying_key().clone();
    assert_eq!(verify(&good(), &others).unwrap_err().check, Check::WrongKey);
    let mut others = anchors();
    others.roots = Roots::parse(&key(5).verifying_key().to_pem().unwrap()).unwrap();
    assert_eq!(verify(&good(), &others).unwrap_err().check, Check::TrustList);
}

#[test]
fn another_spelling_is_refused() {
    let text = String::from_utf8(good()).unwrap();
    for changed in [
        text.replace("  ", " "),
        text.trim_end().to_owned(),
        text.clone() + "\n",
        text.replace("GB/T", "GB\\/T"),
        text.replace("\"version\": 1", "\"version\": 1.0"),
    ] {
        let check = verify(changed.as_bytes(), &anchors()).unwrap_err().check;
        assert!(matches!(check, Check::Respelled | Check::Unreadable));
    }
}

#[test]
fn no_byte_of_a_file_can_be_changed() {
    let exchange = Exchange::new();
    let mut bundle = exchange.bundle();
    (bundle.request, bundle.answer) = (exchange.part(2, 3), None);
    let good = bundle.to_bytes();
    verify(&good, &anchors()).unwrap();
    for place in 0..good.len() {
        let mut changed = good.clone();
        changed[place] ^= 1;
        verify(&changed, &anchors()).unwrap_err();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_file_with_any_damage_is_refused(place in 0_usize..8_000, value: u8, kind in 0_u8..4) {
        let good = good();
        let place = place % good.len();
        let mut changed = good.clone();
        match kind {
            0 => changed[place] = value,
            1 => changed.truncate(place),
            2 => drop(changed.remove(place)),
            _ => changed.insert(place, value),
        }
        prop_assume!(changed != good);
        prop_assert!(verify(&changed, &anchors()).is_err());
    }

    #[test]
    fn no_bytes_make_the_verifier_panic(noise in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(verify(&noise, &anchors()).is_err());
    }
}

#[test]
fn deep_and_long_files_are_refused() {
    for bytes in [
        "[".repeat(200_000),
        "{\"version\":".repeat(50_000),
        "x".repeat(600_000),
        String::new(),
    ] {
        assert_eq!(
            verify(bytes.as_bytes(), &anchors()).unwrap_err().check,
            Check::Unreadable
        );
    }
    let random = SeededRandom::new(8);
    let good = good();
    for _ in 0..500 {
        let mut draw = [0; 40];
        random.fill(&mut draw);
        let mut noise = good.clone();
        for pair in draw.chunks(4) {
            let place = usize::from(u16::from_be_bytes([pair[0], pair[1]])) % noise.len();
            noise[place] = pair[2];
        }
        assert!(noise == good || verify(&noise, &anchors()).is_err());
    }
}
