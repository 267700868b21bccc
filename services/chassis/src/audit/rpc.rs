//! `AuditService`: the same implementation for every service that records calls.

use lutong_kernel::fault::Violations;
use lutong_kernel::{Fault, Violation};
use lutong_proto::audit::v1 as wire;
use lutong_proto::time;

use super::log::AuditLog;
use super::reading::{Break, Filter};
use super::record::{Head, Record};
use crate::skin::Page;
use lutong_storage::crypto::{Entry, hex};
use lutong_transport::record::objects::Object;
use lutong_transport::record::shape::id_of;
use lutong_transport::reply;

/// A page of records and the next page's token.
pub type Records = (Vec<wire::AuditRecord>, String);

/// One page of a verification.
#[derive(Debug, Default)]
pub struct VerificationPage {
    pub intact: i64,
    pub breaks: Vec<wire::AuditBreak>,
    pub sealed_days: i64,
    pub head: Option<wire::AuditHead>,
    pub next_page_token: String,
}

/// Which records a list is message for, as it came.
#[derive(Debug, Default)]
pub struct ListRequest {
    pub start_time: Option<prost_types::Timestamp>,
    pub end_time: Option<prost_types::Timestamp>,
    pub account: String,
    pub rpc: String,
    pub object: String,
    pub outcome: String,
}

impl ListRequest {
    fn read(self) -> Result<Filter, Fault> {
        let mut wrong = Violations::new();
        let word = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"./_".contains(&byte))
        };
        for (field, fits) in [
            ("rpc", word(&self.rpc)),
            ("outcome", word(&self.outcome)),
            ("object", self.object.is_empty() || id_of(&self.object).is_some()),
        ] {
            if !fits {
                wrong.push(Violation::new(
                    field,
                    "FILTER_SHAPE",
                    "筛选条件格式不正确",
                    "has not the shape of what is looked for",
                ));
            }
        }
        wrong.finish()?;
        let instant = |time: Option<prost_types::Timestamp>| {
            time.map(|time| lutong_kernel::Timestamp::from_micros(time::to_micros(&time)))
        };
        Ok(Filter {
            start: instant(self.start_time),
            end: instant(self.end_time),
            account: self.account,
            rpc: self.rpc,
            object: self.object,
            outcome: self.outcome,
        })
    }
}

impl AuditLog {
    /// `ListAuditRecords`.
    pub async fn answer_list(&self, message: ListRequest, page: &Page) -> Result<Records, Fault> {
        let before = page.after_number()?.unwrap_or(i64::MAX);
        let records = self.list(&message.read()?, before, page.limit()).await?;
        let place = |last: &Record| last.sequence.to_be_bytes().to_vec();
        let (records, next_page_token) = page.cut(records, place)?;
        Ok((records.into_iter().map(wire_record).collect(), next_page_token))
    }

    /// `VerifyAuditLog`.
    pub async fn answer_verify(
        &self,
        page: &Page,
        known: Option<&wire::AuditHead>,
    ) -> Result<VerificationPage, Fault> {
        let known = known.map(known_head).transpose().map_err(reply::wrong)?;
        let checked = self
            .check(page.after_number()?.unwrap_or(0), page.size as u64)
            .await?;
        let mut verified = VerificationPage {
            intact: checked.intact,
            breaks: checked.breaks.into_iter().map(wire_break).collect(),
            ..VerificationPage::default()
        };
        if let Some(next) = checked.next {
            verified.next_page_token = page.token(&next.to_be_bytes())?;
            return Ok(verified);
        }
        let end = self.check_end(known).await?;
        verified.breaks.extend(end.breaks.into_iter().map(wire_break));
        verified.sealed_days = end.sealed_days;
        verified.head = end.head.as_ref().map(wire_head);
        Ok(verified)
    }
}

/// A head that the caller kept from an earlier verification.
fn known_head(head: &wire::AuditHead) -> Result<(i64, Entry), Violation> {
    let digits = head.entry.as_bytes().chunks_exact(2);
    let bytes: Option<Vec<u8>> = digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    let entry = bytes.and_then(|bytes| Entry::try_from(bytes).ok());
    let entry = entry.filter(|_| head.entry.len() == 64 && head.sequence >= 0);
    entry.map(|entry| (head.sequence, entry)).ok_or_else(|| {
        let en = "is no head that this service gave";
        Violation::new("known_head", "HEAD_SHAPE", "不是本服务给出的末端", en)
    })
}

fn wire_record(record: Record) -> wire::AuditRecord {
    let objects = record.objects().into_iter();
    let roles = record.roles.split(',').filter(|role| !role.is_empty());
    wire::AuditRecord {
        sequence: record.sequence,
        record_time: Some(time::from_micros(record.at.micros())),
        roles: roles.map(str::to_owned).collect(),
        objects: objects
            .map(|Object(field, value)| wire::AuditObject { field, value })
            .collect(),
        rpc: record.rpc,
        caller: record.caller,
        account: record.account,
        division: record.division,
        purpose: record.purpose.unwrap_or_default(),
        outcome: record.outcome,
        reason: record.reason,
        unrecorded_refusals: record.unrecorded,
    }
}

fn wire_break((sequence, what): (i64, Break)) -> wire::AuditBreak {
    let (kind, day) = match what {
        Break::Changed => (wire::AuditBreakKind::Changed, None),
        Break::Gap => (wire::AuditBreakKind::Gap, None),
        Break::Head => (wire::AuditBreakKind::Head, None),
        Break::Seal(day) => (wire::AuditBreakKind::Seal, Some(day)),
    };
    wire::AuditBreak {
        sequence,
        kind: kind.into(),
        day: day.map(|day| day.to_string()).unwrap_or_default(),
    }
}

fn wire_head(head: &Head) -> wire::AuditHead {
    wire::AuditHead {
        sequence: head.sequence,
        entry: hex(&head.entry),
        unchained: head.unchained,
        sealed_day: head.sealed.map(|(day, _)| day.to_string()).unwrap_or_default(),
    }
}

/// Serves `AuditService` of one package of the contract: `audit_service!(identity)` makes `AuditRpc`.
#[macro_export]
macro_rules! audit_service {
    ($package:ident) => {
        use lutong_proto::$package::v1 as wire;

        /// This service's audit log for auditors.
        pub struct AuditRpc(pub $crate::audit::AuditLog);

        impl lutong_skin::$package::v1::AuditHandler for AuditRpc {
            async fn list_audit_records(
                &self,
                call: $crate::skin::Listing<lutong_transport::access::AnyPermit>,
                message: wire::ListAuditRecordsRequest,
            ) -> Result<wire::ListAuditRecordsResponse, lutong_kernel::Fault> {
                let filter = $crate::audit::ListRequest {
                    start_time: message.start_time,
                    end_time: message.end_time,
                    account: message.account,
                    rpc: message.rpc,
                    object: message.object,
                    outcome: message.outcome,
                };
                let (records, next_page_token) = self.0.answer_list(filter, &call.page).await?;
                Ok(wire::ListAuditRecordsResponse {
                    records,
                    next_page_token,
                })
            }

            async fn verify_audit_log(
                &self,
                call: $crate::skin::Listing<lutong_transport::access::NoPermit>,
                message: wire::VerifyAuditLogRequest,
            ) -> Result<wire::VerifyAuditLogResponse, lutong_kernel::Fault> {
                let verified = self
                    .0
                    .answer_verify(&call.page, message.known_head.as_ref())
                    .await?;
                Ok(wire::VerifyAuditLogResponse {
                    intact: verified.intact,
                    breaks: verified.breaks,
                    sealed_days: verified.sealed_days,
                    head: verified.head,
                    next_page_token: verified.next_page_token,
                })
            }
        }
    };
}
