//! A service's own audit log on the wire: the same for every service that records.

use lutong_kernel::{Fault, Violation};
use lutong_proto::audit::v1 as wire;
use lutong_proto::time;

use super::log::AuditLog;
use super::objects::Object;
use super::reading::{Break, Filter};
use super::record::{Head, Record};
use super::shape::id_of;
use crate::crypto::{Entry, hex};
use crate::reply;

/// Records in one answer, and where nothing is asked for.
const MOST: u64 = 1_000;
const USUAL: u64 = 50;
/// Records checked in one call.
const CHECKED: u64 = 5_000;

/// A page of records with the token of the next.
pub type Page = (Vec<wire::AuditRecord>, String);

/// One page of a check.
#[derive(Debug, Default)]
pub struct Verified {
    pub intact: i64,
    pub breaks: Vec<wire::AuditBreak>,
    pub sealed_days: i64,
    pub head: Option<wire::AuditHead>,
    pub next_page_token: String,
}

/// What a list is asked for, as it came.
#[derive(Debug, Default)]
pub struct ListRequest {
    pub start_time: Option<prost_types::Timestamp>,
    pub end_time: Option<prost_types::Timestamp>,
    pub account: String,
    pub rpc: String,
    pub object: String,
    pub outcome: String,
    pub page_size: i32,
    pub page_token: String,
}

fn violation(field: &str, reason: &'static str, zh: &str, en: &str) -> Violation {
    Violation::new(field, reason, zh, en)
}

/// The place that a page token holds; `start` for an empty one.
fn place(token: &str, start: i64) -> Result<i64, Violation> {
    if token.is_empty() {
        return Ok(start);
    }
    let place = token.parse().ok().filter(|place| *place > 0);
    place.ok_or_else(|| {
        violation(
            "page_token",
            "PAGE_TOKEN",
            "不是本服务给出的翻页标记",
            "is none that this service gave",
        )
    })
}

impl ListRequest {
    fn read(self) -> Result<(Filter, i64, u64), Fault> {
        let mut wrong = Vec::new();
        let word = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"./_".contains(&byte))
        };
        for (field, fits) in [
            (
                "rpc",
                self.rpc.len() <= 200 && word(&self.rpc) && !self.rpc.contains('%'),
            ),
            ("outcome", self.outcome.len() <= 40 && word(&self.outcome)),
            ("account", self.account.chars().count() <= 200),
            ("object", self.object.is_empty() || id_of(&self.object).is_some()),
        ] {
            if !fits {
                wrong.push(violation(
                    field,
                    "FILTER_SHAPE",
                    "筛选条件格式不正确",
                    "has not the shape of what is looked for",
                ));
            }
        }
        let size = u64::try_from(self.page_size).unwrap_or_else(|_| {
            wrong.push(violation(
                "page_size",
                "PAGE_RANGE",
                "不能为负数",
                "is not negative",
            ));
            0
        });
        let before = place(&self.page_token, i64::MAX).unwrap_or_else(|bad| {
            wrong.push(bad);
            0
        });
        let instant = |time: Option<prost_types::Timestamp>| {
            time.map(|time| lutong_kernel::Timestamp::from_micros(time::to_micros(&time)))
        };
        if !wrong.is_empty() {
            return Err(Fault::invalid(wrong));
        }
        let filter = Filter {
            start: instant(self.start_time),
            end: instant(self.end_time),
            account: self.account,
            rpc: self.rpc,
            object: self.object,
            outcome: self.outcome,
        };
        Ok((filter, before, if size == 0 { USUAL } else { size.min(MOST) }))
    }
}

impl AuditLog {
    /// `ListAuditRecords`.
    pub async fn answer_list(&self, request: ListRequest) -> Result<Page, Fault> {
        let (filter, before, limit) = request.read()?;
        let records = self.list(&filter, before, limit).await?;
        let full = records.len() as u64 == limit;
        let next = records
            .last()
            .filter(|_| full)
            .map(|last| last.sequence.to_string());
        Ok((
            records.into_iter().map(wire_record).collect(),
            next.unwrap_or_default(),
        ))
    }

    /// `VerifyAuditLog`.
    pub async fn answer_verify(
        &self,
        page_token: &str,
        known: Option<&wire::AuditHead>,
    ) -> Result<Verified, Fault> {
        let after = place(page_token, 0).map_err(reply::wrong)?;
        let known = known.map(known_head).transpose().map_err(reply::wrong)?;
        let checked = self.check(after, CHECKED).await?;
        let mut verified = Verified {
            intact: checked.intact,
            breaks: checked.breaks.into_iter().map(wire_break).collect(),
            ..Verified::default()
        };
        if let Some(next) = checked.next {
            verified.next_page_token = next.to_string();
            return Ok(verified);
        }
        let end = self.check_end(known).await?;
        verified.breaks.extend(end.breaks.into_iter().map(wire_break));
        verified.sealed_days = end.sealed_days;
        verified.head = end.head.as_ref().map(wire_head);
        Ok(verified)
    }
}

/// A head that somebody kept.
fn known_head(head: &wire::AuditHead) -> Result<(i64, Entry), Violation> {
    let digits = head.entry.as_bytes().chunks_exact(2);
    let bytes: Option<Vec<u8>> = digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    let entry = bytes.and_then(|bytes| Entry::try_from(bytes).ok());
    let entry = entry.filter(|_| head.entry.len() == 64 && head.sequence >= 0);
    entry.map(|entry| (head.sequence, entry)).ok_or_else(|| {
        let en = "is no head that this service gave";
        violation("known_head", "HEAD_SHAPE", "不是本服务给出的末端", en)
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

/// Serves `AuditService` of one package of the contract: `audit_service!(lutong_proto::identity::v1)` makes `AuditRpc`.
#[macro_export]
macro_rules! audit_service {
    ($wire:path) => {
        use $wire as wire;

        /// This service's audit log for auditors.
        #[derive(Clone)]
        pub struct AuditRpc(pub $crate::audit::AuditLog);

        #[tonic::async_trait]
        impl wire::audit_service_server::AuditService for AuditRpc {
            async fn list_audit_records(
                &self,
                request: tonic::Request<wire::ListAuditRecordsRequest>,
            ) -> Result<tonic::Response<wire::ListAuditRecordsResponse>, tonic::Status> {
                let asked = request.into_inner();
                let request = $crate::audit::ListRequest {
                    start_time: asked.start_time,
                    end_time: asked.end_time,
                    account: asked.account,
                    rpc: asked.rpc,
                    object: asked.object,
                    outcome: asked.outcome,
                    page_size: asked.page_size,
                    page_token: asked.page_token,
                };
                let listed = self.0.answer_list(request).await;
                let response = listed.map(
                    |(records, next_page_token)| wire::ListAuditRecordsResponse {
                        records,
                        next_page_token,
                    },
                );
                $crate::reply::answer(response)
            }

            async fn verify_audit_log(
                &self,
                request: tonic::Request<wire::VerifyAuditLogRequest>,
            ) -> Result<tonic::Response<wire::VerifyAuditLogResponse>, tonic::Status> {
                let verified = self
                    .0
                    .answer_verify(
                        &request.get_ref().page_token,
                        request.get_ref().known_head.as_ref(),
                    )
                    .await;
                let response = verified.map(|verified| wire::VerifyAuditLogResponse {
                    intact: verified.intact,
                    breaks: verified.breaks,
                    sealed_days: verified.sealed_days,
                    head: verified.head,
                    next_page_token: verified.next_page_token,
                });
                $crate::reply::answer(response)
            }
        }
    };
}
