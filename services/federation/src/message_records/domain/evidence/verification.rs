//! The verifier. It takes the bytes of a file and the keys, and asks nobody.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lutong_kernel::Timestamp;
use lutong_storage::crypto::hex;
use lutong_token::{CLOCK_TOLERANCE_SECONDS, Issuer, Kid, MessageHeader, VerifyingKey};
use sha2::{Digest as _, Sha256};

use super::bundle::{Bundle, Part, Row};
use super::check::{BrokenEvidence, Check, Place};
use crate::exchanges::domain::owner;
use crate::message_records::domain::head::{Head, only};
use crate::message_records::domain::{HEAD_EVERY, clause};
use crate::trust_lists::domain::{Roots, SignedList};

/// What a verifier has from elsewhere.
#[derive(Debug, Clone)]
pub struct Anchors {
    /// The root keys of trust lists.
    pub roots: Roots,
    /// The key of our messages.
    pub own_key: VerifyingKey,
    /// Whose record it is.
    pub own: Issuer,
}

/// A message that is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenMessage {
    pub sequence: i64,
    pub recorded_at: Timestamp,
    pub header: MessageHeader,
    /// The key that signed it.
    pub key: Kid,
    /// The signed head under which it lies.
    pub head: Head,
}

/// What a file proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    pub partner: String,
    /// What the standard calls the exchange; empty where it has no name.
    pub clause: &'static str,
    pub request: ProvenMessage,
    pub answer: Option<ProvenMessage>,
    /// What the answer says, as it was recorded here; empty without one.
    pub outcome: String,
    /// The number of the trust list that admitted the partner's key, and its root key.
    pub trust_list: Option<(i64, Kid)>,
}

/// Verifies a file.
pub fn verify(bytes: &[u8], anchors: &Anchors) -> Result<Proof, BrokenEvidence> {
    let bundle = Bundle::parse(bytes)?;
    check_own_key(&bundle, anchors)?;
    let verifier = Verifier {
        anchors,
        list: trust_list(&bundle, anchors)?,
    };
    let (request, asked) = verifier.part(&bundle.request, false)?;
    if request.header.in_reply_to.is_some() {
        let reason = "it answers another message";
        return Err(BrokenEvidence::new(
            Check::Reply,
            Place::Request(request.sequence),
            reason,
        ));
    }
    let clause = clause(&request.header.method);
    if bundle.clause != clause {
        let reason = format!("its method is {}", request.header.method);
        return Err(BrokenEvidence::new(Check::Clause, Place::File, reason));
    }
    let mut outcome = String::new();
    let mut answer = None;
    if let Some(part) = &bundle.answer {
        let (proven, answered) = verifier.part(part, true)?;
        check_reply(&request, &proven, asked.partner == answered.partner)?;
        outcome.clone_from(&answered.outcome);
        answer = Some(proven);
    }
    let own = anchors.own.to_string();
    let signed_by_partner = [Some(&request), answer.as_ref()]
        .into_iter()
        .flatten()
        .any(|message| message.header.sender != own);
    if verifier.list.is_some() && !signed_by_partner {
        let reason = "the partner has signed nothing in it";
        return Err(BrokenEvidence::new(Check::TrustList, Place::File, reason));
    }
    Ok(Proof {
        partner: asked.partner.clone(),
        clause,
        request,
        answer,
        outcome,
        trust_list: verifier.list.map(|signed| (signed.list.sequence, signed.root)),
    })
}

fn check_own_key(bundle: &Bundle, anchors: &Anchors) -> Result<(), BrokenEvidence> {
    let expected = anchors.own_key.to_pem();
    if expected.is_ok_and(|pem| pem == bundle.own_key) {
        return Ok(());
    }
    let reason = format!("the verifier's key is {}", anchors.own_key.kid());
    Err(BrokenEvidence::new(Check::WrongKey, Place::File, reason))
}

fn trust_list(bundle: &Bundle, anchors: &Anchors) -> Result<Option<SignedList>, BrokenEvidence> {
    let Some(text) = &bundle.trust_list else {
        return Ok(None);
    };
    let wrong = |reason: String| BrokenEvidence::new(Check::TrustList, Place::File, reason);
    let document = STANDARD.decode(text).map_err(|error| wrong(error.to_string()))?;
    // Whether it was in force is asked for the time of the message.
    let opened = SignedList::open(&document, &anchors.roots, Timestamp::from_seconds(0));
    opened.map(Some).map_err(|error| wrong(error.to_string()))
}

fn check_reply(
    request: &ProvenMessage,
    answer: &ProvenMessage,
    same_partner: bool,
) -> Result<(), BrokenEvidence> {
    let (asked, said) = (&request.header, &answer.header);
    let is_reply = said.in_reply_to == Some(asked.nonce)
        && said.method == asked.method
        && (&said.sender, &said.audience) == (&asked.audience, &asked.sender)
        && request.sequence < answer.sequence
        && same_partner;
    if is_reply {
        return Ok(());
    }
    let reason = format!("it is not the answer to record {}", request.sequence);
    Err(BrokenEvidence::new(
        Check::Reply,
        Place::Answer(answer.sequence),
        reason,
    ))
}

struct Verifier<'a> {
    anchors: &'a Anchors,
    list: Option<SignedList>,
}

impl Verifier<'_> {
    /// The message of a part, and its record.
    fn part<'p>(&self, part: &'p Part, is_answer: bool) -> Result<(ProvenMessage, &'p Row), BrokenEvidence> {
        let place = if is_answer { Place::Answer } else { Place::Request };
        let (Some(first), Some(last)) = (part.records.first(), part.records.last()) else {
            return Err(BrokenEvidence::new(
                Check::Truncated,
                Place::File,
                "a part has no record",
            ));
        };
        check_order(&part.records, place)?;
        check_chain(part, place)?;
        let wrong = |check, row: &Row, reason: &str| BrokenEvidence::new(check, place(row.sequence), reason);
        let head = STANDARD.decode(&part.head).ok();
        let head = head.ok_or_else(|| wrong(Check::Head, last, "it is not Base64"))?;
        let head = Head::open(&head, &self.anchors.own_key)
            .map_err(|error| wrong(Check::Head, last, &error.to_string()))?;
        if head.sequence != last.sequence {
            let reason = format!("the head is that of record {}", head.sequence);
            return Err(wrong(Check::Truncated, last, &reason));
        }
        if head.entry != last.entry {
            return Err(wrong(Check::Modified, last, "the head has another entry"));
        }
        if first.is_answer != is_answer {
            return Err(wrong(
                Check::Reply,
                first,
                "a request is no answer, nor the other way round",
            ));
        }
        let (header, key) = self.message(first, place(first.sequence))?;
        let proven = ProvenMessage {
            sequence: first.sequence,
            recorded_at: Timestamp::from_micros(first.recorded_at),
            header,
            key,
            head,
        };
        Ok((proven, first))
    }

    /// The header of a record, signed by whoever it says.
    fn message(&self, row: &Row, place: Place) -> Result<(MessageHeader, Kid), BrokenEvidence> {
        let wrong = |check, reason: &str| BrokenEvidence::new(check, place, reason);
        let at = Timestamp::from_micros(row.recorded_at);
        let bytes = header(row, place)?;
        let stated = MessageHeader::read_unverified(&bytes);
        let (stated, kid) = stated.ok_or_else(|| wrong(Check::Signature, "its header cannot be read"))?;
        let own = self.anchors.own.to_string();
        let is_own = stated.sender == own;
        let expected = if is_own {
            (own.as_str(), row.partner.as_str())
        } else {
            (row.partner.as_str(), own.as_str())
        };
        if (stated.sender.as_str(), stated.audience.as_str()) != expected {
            let reason = format!("it is from {} for {}", stated.sender, stated.audience);
            return Err(wrong(Check::Parties, &reason));
        }
        let own_ring = only(&self.anchors.own_key);
        let keys = if is_own {
            own_ring.as_ref()
        } else {
            let list = self.list.as_ref();
            let list = list.ok_or_else(|| wrong(Check::TrustList, "no trust list is in the file"))?;
            list.check_time(at)
                .map_err(|error| wrong(Check::TrustListTime, &error.to_string()))?;
            let by = owner(&list.list, kid).map(|id| id.to_string());
            if by.is_some_and(|by| by != row.partner) {
                return Err(wrong(Check::Signature, "it is signed with another partner's key"));
            }
            Some(&list.list.message_keys)
        };
        let keys = keys.ok_or_else(|| wrong(Check::WrongKey, "the key cannot be used"))?;
        let opened = MessageHeader::open(&bytes, keys, at);
        let (header, kid) = opened.map_err(|error| wrong(Check::Signature, &error.to_string()))?;
        if at.plus_seconds(CLOCK_TOLERANCE_SECONDS) < header.sent_at || header.forgettable_at() <= at {
            let reason = format!("sent {}, recorded {at}", header.sent_at);
            return Err(wrong(Check::Time, &reason));
        }
        Ok((header, kid))
    }
}

fn header(row: &Row, place: Place) -> Result<Vec<u8>, BrokenEvidence> {
    let decoded = STANDARD.decode(&row.header);
    decoded.map_err(|_| BrokenEvidence::new(Check::Modified, place, "its header is not Base64"))
}

/// Whether each record follows the one before.
fn check_order(records: &[Row], place: impl Fn(i64) -> Place) -> Result<(), BrokenEvidence> {
    let is_next = |a: &Row, b: &Row| a.sequence.checked_add(1) == Some(b.sequence);
    let found = records.windows(2).find_map(|pair| match pair {
        [a, b] if !is_next(a, b) => Some((a, b)),
        _ => None,
    });
    if let Some((a, b)) = found {
        let check = if a.sequence < b.sequence {
            Check::Truncated
        } else {
            Check::Reordered
        };
        let reason = format!("it follows record {}", a.sequence);
        return Err(BrokenEvidence::new(check, place(b.sequence), reason));
    }
    let most = usize::try_from(2 * HEAD_EVERY).unwrap_or(usize::MAX);
    if most < records.len() {
        return Err(BrokenEvidence::new(
            Check::Unreadable,
            Place::File,
            "a part has too many records",
        ));
    }
    Ok(())
}

/// Whether each record is the one that was chained.
fn check_chain(part: &Part, place: impl Fn(i64) -> Place) -> Result<(), BrokenEvidence> {
    let before = unhex(&part.previous_entry);
    let unreadable = "the entry before it is not hex";
    let mut before = before.ok_or_else(|| BrokenEvidence::new(Check::Unreadable, Place::File, unreadable))?;
    for row in &part.records {
        let place = place(row.sequence);
        let entry = entry(&before, row, &header(row, place)?);
        if hex(&entry) != row.entry {
            let reason = "its entry is not the digest of it and of the entry before";
            return Err(BrokenEvidence::new(Check::Modified, place, reason));
        }
        before = entry;
    }
    Ok(())
}

/// The entry of a record after the one before: SHA-256 over both, each column with its length. Written here anew, apart from the code that
/// appends, so that an error in that code does not verify itself.
pub(super) fn entry(before: &[u8], row: &Row, header: &[u8]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for column in [
        before,
        &row.sequence.to_be_bytes(),
        &row.recorded_at.to_be_bytes(),
        row.partner.as_bytes(),
        &i64::from(row.is_answer).to_be_bytes(),
        header,
        row.outcome.as_bytes(),
    ] {
        hash.update((column.len() as u64).to_be_bytes());
        hash.update(column);
    }
    hash.finalize().to_vec()
}

/// The bytes of lower-case hexadecimal.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}
