//! `MessageRecordService`: parse, call, map.

use lutong_chassis::skin::{Listing, Query};
use lutong_kernel::Fault;
use lutong_proto::federation::v1 as wire;
use lutong_proto::time::{instant, timestamp};
use lutong_skin::federation::v1::MessageRecordHandler;
use lutong_storage::crypto::hex;
use lutong_token::MessageHeader;
use lutong_transport::access::NoPermit;
use lutong_transport::reply;

use super::domain::{Record, clause};
use super::service::{Evidence, EvidencePart, MessageRecords};
use super::store::Filter;
use crate::fault;
use crate::partners::domain::PartnerId;

/// `message-records/{message_record}`.
const COLLECTION: &str = "message-records/";
/// The evidence of the exchange of a message.
const EVIDENCE: &str = "/evidence";

pub struct MessageRecordRpc(pub MessageRecords);

impl MessageRecordHandler for MessageRecordRpc {
    async fn get_message_record(
        &self,
        _: Query<NoPermit>,
        message: wire::GetMessageRecordRequest,
    ) -> Result<wire::GetMessageRecordResponse, Fault> {
        let found = self.0.find(sequence(&message.name)?).await?;
        Ok(wire::GetMessageRecordResponse {
            message_record: Some(shown(&found)),
        })
    }

    async fn list_message_records(
        &self,
        call: Listing<NoPermit>,
        message: wire::ListMessageRecordsRequest,
    ) -> Result<wire::ListMessageRecordsResponse, Fault> {
        let filter = Filter {
            partner: partner(&message.partner)?,
            start: message.start_time.as_ref().map(timestamp),
            end: message.end_time.as_ref().map(timestamp),
        };
        let (found, next_page_token) = self.0.list(&filter, &call.page).await?;
        Ok(wire::ListMessageRecordsResponse {
            message_records: found.iter().map(shown).collect(),
            next_page_token,
        })
    }

    async fn get_evidence(
        &self,
        _: Query<NoPermit>,
        message: wire::GetEvidenceRequest,
    ) -> Result<wire::GetEvidenceResponse, Fault> {
        let record = message.name.strip_suffix(EVIDENCE);
        let record = record.ok_or_else(fault::message_record_not_found)?;
        let Evidence {
            clause,
            own_key,
            trust_list,
            request,
            answer,
        } = self.0.evidence(sequence(record)?).await?;
        Ok(wire::GetEvidenceResponse {
            evidence: Some(wire::Evidence {
                name: message.name,
                clause: clause.to_owned(),
                own_key,
                trust_list_document: trust_list,
                request: Some(part(request)),
                answer: answer.map(part),
            }),
        })
    }
}

fn part(part: EvidencePart) -> wire::EvidencePart {
    wire::EvidencePart {
        previous_entry: hex(&part.previous_entry),
        records: part.records.iter().map(shown).collect(),
        head: part.head,
    }
}

fn shown(record: &Record) -> wire::MessageRecord {
    // What was accepted and recorded can be read; a row that somebody changed shows its bytes alone.
    let read = MessageHeader::read_unverified(&record.header);
    let mut shown = wire::MessageRecord {
        name: format!("{COLLECTION}{}", record.sequence),
        message_record_id: record.sequence.to_string(),
        record_time: Some(instant(record.recorded_at)),
        partner: format!("partners/{}", record.partner),
        answer: record.is_answer,
        outcome: record.outcome.clone(),
        header: record.header.clone(),
        entry: hex(&record.entry),
        ..wire::MessageRecord::default()
    };
    if let Some((header, kid)) = read {
        clause(&header.method).clone_into(&mut shown.clause);
        shown.method = header.method;
        shown.sender = header.sender;
        shown.audience = header.audience;
        shown.send_time = Some(instant(header.sent_at));
        shown.nonce = hex(&header.nonce);
        shown.body_digest = hex(&header.body_digest);
        shown.key_id = kid.to_string();
    }
    shown
}

/// The number in a name, in its one spelling.
fn sequence(name: &str) -> Result<i64, Fault> {
    let id = name.strip_prefix(COLLECTION).unwrap_or_default();
    let number: Option<i64> = id.parse().ok();
    let number = number.filter(|number| number.to_string() == id);
    number.ok_or_else(fault::message_record_not_found)
}

/// The partner in a filter; empty is none.
fn partner(name: &str) -> Result<Option<PartnerId>, Fault> {
    let Some(id) = name.strip_prefix("partners/") else {
        return Ok(None);
    };
    let partner = PartnerId::parse(id).map_err(|_| reply::wrong(fault::partner_shape("partner")))?;
    Ok(Some(partner))
}
