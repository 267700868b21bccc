//! Evidence of an exchange: what a verifier needs who has neither this database nor a network.

use lutong_kernel::{Fault, Timestamp};
use lutong_storage::StorageError;
use lutong_token::{CLOCK_TOLERANCE_SECONDS, MESSAGE_LIFE_SECONDS, MessageHeader};

use super::MessageRecords;
use crate::fault;
use crate::message_records::domain::{Record, clause};
use crate::message_records::store;
use crate::trust_lists::domain::{ListState, SignedList};
use crate::trust_lists::store as trust_lists;

/// Records of a partner that are looked through for the other message of an exchange.
const MOST_AROUND: u64 = 20_000;
/// Trust lists that are looked through for the one that admitted a key.
const MOST_LISTS: u64 = 1_000;

/// A message and its place in the chain.
#[derive(Debug, Clone)]
pub struct EvidencePart {
    /// Empty at the beginning of the chain.
    pub previous_entry: Vec<u8>,
    /// The message, and the records that follow it up to the head.
    pub records: Vec<Record>,
    pub head: Vec<u8>,
}

/// Evidence of an exchange.
#[derive(Debug, Clone)]
pub struct Evidence {
    pub clause: &'static str,
    pub own_key: String,
    /// The signed list that admitted the partner's key; absent where the partner has signed nothing.
    pub trust_list: Option<Vec<u8>>,
    pub request: EvidencePart,
    pub answer: Option<EvidencePart>,
}

impl MessageRecords {
    /// The evidence of the exchange that a message belongs to, its request or its answer.
    pub async fn evidence(&self, sequence: i64) -> Result<Evidence, Fault> {
        let found = self.find(sequence).await?;
        let header = read(&found)?;
        let other = self.other(&found, &header).await?;
        let (request, answer) = if found.is_answer {
            // Every answer is recorded after its request.
            (
                other.ok_or_else(|| damaged("an answer has no request"))?,
                Some(found),
            )
        } else {
            (found, other)
        };
        let method = read(&request)?.method;
        let own = self.current.own().to_string();
        let of_partner = |record: &&Record| read(record).is_ok_and(|header| header.sender != own);
        let signed_by_partner = [Some(&request), answer.as_ref()]
            .into_iter()
            .flatten()
            .find(of_partner);
        let trust_list = match signed_by_partner {
            None => None,
            Some(record) => Some(self.admitting_list(record).await?),
        };
        let answer = match &answer {
            None => None,
            Some(record) => Some(self.part(record).await?),
        };
        Ok(Evidence {
            clause: clause(&method),
            own_key: self.exchanges.key().to_pem().map_err(Fault::internal)?,
            trust_list,
            request: self.part(&request).await?,
            answer,
        })
    }

    /// The answer to a request, or the request of an answer.
    async fn other(&self, of: &Record, header: &MessageHeader) -> Result<Option<Record>, Fault> {
        let life = MESSAGE_LIFE_SECONDS + 2 * CLOCK_TOLERANCE_SECONDS;
        let range = if of.is_answer {
            (of.recorded_at.plus_seconds(-life), of.recorded_at)
        } else {
            (of.recorded_at, of.recorded_at.plus_seconds(life))
        };
        let around = store::around(self.database.reader(), of, range, MOST_AROUND).await?;
        let is_other = |record: &&Record| {
            read(record).is_ok_and(|other| {
                if of.is_answer {
                    header.in_reply_to == Some(other.nonce)
                } else {
                    other.in_reply_to == Some(header.nonce)
                }
            })
        };
        Ok(around.iter().find(is_other).cloned())
    }

    /// The signed list under which the partner's key was good when the message was recorded.
    async fn admitting_list(&self, record: &Record) -> Result<Vec<u8>, Fault> {
        let (reader, seal) = (self.database.reader(), self.current.seal());
        let lists = trust_lists::list(reader, seal, None, None, MOST_LISTS).await?;
        let at = record.recorded_at;
        let was_active = |state| matches!(state, ListState::Active | ListState::Superseded);
        for list in lists {
            let is_earlier = list.decided.as_ref().is_some_and(|by| by.at <= at);
            if is_earlier && was_active(list.state) && self.admits(&list.document, record, at) {
                return Ok(list.document);
            }
        }
        Err(fault::evidence_without_list())
    }

    fn admits(&self, document: &[u8], record: &Record, at: Timestamp) -> bool {
        let Ok(signed) = SignedList::open(document, self.current.roots(), at) else {
            return false;
        };
        signed.check_time(at).is_ok()
            && MessageHeader::open(&record.header, &signed.list.message_keys, at).is_ok()
    }

    async fn part(&self, record: &Record) -> Result<EvidencePart, Fault> {
        let (until, head) = self.head_from(record.sequence).await?;
        let reader = self.database.reader();
        let before = store::find(reader, record.sequence - 1).await?;
        Ok(EvidencePart {
            previous_entry: before.map_or_else(Vec::new, |before| before.entry),
            records: store::range(reader, record.sequence, until).await?,
            head,
        })
    }
}

fn read(record: &Record) -> Result<MessageHeader, Fault> {
    let read = MessageHeader::read_unverified(&record.header);
    read.map(|(header, _)| header)
        .ok_or_else(|| damaged("a header cannot be read"))
}

fn damaged(reason: &str) -> Fault {
    StorageError::Damaged(format!("message_records: {reason}")).into()
}
