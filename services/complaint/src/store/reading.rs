//! Rows of `complaints`, read back as complaints.

use std::collections::HashMap;

use lutong_kernel::phone::Mobile;
use lutong_kernel::{DoorReportId, Fault, Secret, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_division, read_subject, read_uuid};
use lutong_storage::crypto::ReadyCipher;
use sea_orm::ConnectionTrait;

use super::complaint::Model;
use super::{CallerHashes, Complaint, clocks, context, damaged};
use crate::domain::appeal::Outcome;
use crate::domain::case::{Case, Revisit};
use crate::domain::clocks::Clock;
use crate::domain::content::{Appeal, Content, FollowUp, Kind, PlaceComplaint};
use crate::domain::feedback::Feedback;
use crate::domain::hotline::{Caller, Entry};
use crate::domain::review::ColourEffect;
use crate::domain::tracking::TrackingNumber;

/// Rows with their clocks, in their order.
pub async fn read_all(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    rows: Vec<Model>,
) -> Result<Vec<Complaint>, Fault> {
    let numbers = rows.iter().map(|row| row.tracking_number.clone());
    let mut clocks: HashMap<String, Vec<Clock>> = clocks::of(connection, numbers.collect()).await?;
    rows.into_iter()
        .map(|row| {
            let clocks = clocks.remove(&row.tracking_number).unwrap_or_default();
            read(cipher, row, clocks)
        })
        .collect()
}

fn read(cipher: &ReadyCipher, row: Model, clocks: Vec<Clock>) -> Result<Complaint, Fault> {
    let number = TrackingNumber::parse(&row.tracking_number).map_err(|_| damaged("tracking_number"))?;
    let content = read_content(cipher, &number, &row)?;
    let account = Some(&row.account).filter(|account| !account.is_empty());
    let account = account.map(|account| account.as_slice().try_into());
    let hash = |stored: Option<&[u8]>, column: &str| {
        let hash = stored.map(TryInto::try_into).transpose();
        hash.map_err(|_| damaged(column))
    };
    let subject = row.subject_id.as_deref();
    let subject = subject.map(|subject| read_subject(subject, "complaints.subject_id"));
    Ok(Complaint {
        subject: subject.transpose()?,
        account: account.transpose().map_err(|_| damaged("account"))?,
        created_at: Timestamp::from_micros(row.created_at),
        filed_for: read_division(row.filed_for, "complaints.filed_for")?,
        entry: read_entry(cipher, &number, &row)?,
        content_hash: hash(row.content_hash.as_deref(), "content_hash")?,
        caller_hashes: CallerHashes {
            name: hash(row.caller_name_hash.as_deref(), "caller_name_hash")?,
            mobile: hash(row.caller_mobile_hash.as_deref(), "caller_mobile_hash")?,
        },
        case: read_case(content.kind(), row, clocks)?,
        content,
        number,
    })
}

fn read_content(cipher: &ReadyCipher, number: &TrackingNumber, row: &Model) -> Result<Content, Fault> {
    let text = Secret::new(cipher.decrypt_text(&row.text, &context("text", number))?);
    let about = row.about.as_deref();
    let about = about.map(|about| cipher.decrypt_text(about, &context("about", number)));
    let about = about.transpose()?.unwrap_or_default();
    Ok(match row.kind.parse().map_err(|_| damaged("kind"))? {
        Kind::Feedback => Content::Feedback(Feedback {
            category: row.category.parse().map_err(|_| damaged("category"))?,
            text,
        }),
        Kind::Appeal => Content::Appeal(Appeal {
            decision: about.parse().map_err(|_| damaged("about"))?,
            colour: row.category.parse().map_err(|_| damaged("category"))?,
            concerns_other_province: row.in_two_provinces,
            text,
        }),
        Kind::DoorReport => Content::DoorReport(FollowUp {
            report: read_report(row.door_report_id.as_deref())?,
            text,
        }),
        Kind::Place => Content::Place(PlaceComplaint {
            issue: row.category.parse().map_err(|_| damaged("category"))?,
            place: Secret::new(about),
            text,
        }),
    })
}

fn read_report(stored: Option<&[u8]>) -> Result<DoorReportId, StorageError> {
    let id = read_uuid(stored.unwrap_or_default(), "complaints.door_report_id")?;
    Ok(DoorReportId::from_uuid(id))
}

fn read_entry(cipher: &ReadyCipher, number: &TrackingNumber, row: &Model) -> Result<Entry, Fault> {
    let open = |column: &str, sealed: Option<&[u8]>| {
        let opened = sealed.map(|sealed| cipher.decrypt_text(sealed, &context(column, number)));
        opened.transpose()
    };
    let name = open("caller_name", row.caller_name.as_deref())?;
    let mobile = open("caller_mobile", row.caller_mobile.as_deref())?;
    let mobile = mobile.map(|mobile| Mobile::parse(&mobile));
    let caller = Caller {
        name: name.map(Secret::new),
        mobile: mobile.transpose().map_err(|_| damaged("caller_mobile"))?,
    };
    Ok(Entry {
        intake: row.intake.parse().map_err(|_| damaged("intake"))?,
        hotline_number: row.hotline_number.clone(),
        city_number: row.city_number.clone(),
        is_repeat: row.is_repeat,
        called_at: row.called_at.map(Timestamp::from_micros),
        caller: Some(caller).filter(|caller| caller.name.is_some() || caller.mobile.is_some()),
        is_secret: row.is_secret,
        entered_by: row.entered_by.clone(),
    })
}

fn read_outcome(row: &Model) -> Result<Option<Outcome>, StorageError> {
    let (Some(verdict), Some(basis), Some(decided_at)) = (&row.verdict, &row.basis, row.decided_at) else {
        return Ok(None);
    };
    let facts = row.wrong_facts.as_deref().unwrap_or_default();
    let facts = facts.split_whitespace().map(str::parse).collect::<Result<_, _>>();
    Ok(Some(Outcome {
        verdict: verdict.parse().map_err(|_| damaged("verdict"))?,
        basis: basis.parse().map_err(|_| damaged("basis"))?,
        decided_at: Timestamp::from_micros(decided_at),
        facts: facts.map_err(|_| damaged("wrong_facts"))?,
        effect: ColourEffect {
            redecided: row.redecided.unwrap_or_default(),
            is_in_force: row.in_force.unwrap_or_default(),
            operation: row.effect_operation.clone().unwrap_or_default(),
        },
    }))
}

fn read_case(kind: Kind, row: Model, clocks: Vec<Clock>) -> Result<Case, StorageError> {
    let outcome = read_outcome(&row)?;
    let escalated_to = row
        .escalated_to
        .map(|division| read_division(division, "complaints.escalated_to"));
    let waiting_for = row.waiting_for.as_deref().map(str::parse);
    let merged_into = row.merged_into.as_deref().map(TrackingNumber::parse);
    let revisit = match (row.contacted, row.solved, row.satisfied) {
        (Some(contacted), Some(solved), Some(satisfied)) => Some(Revisit {
            contacted,
            solved,
            satisfied,
        }),
        _ => None,
    };
    Ok(Case {
        kind,
        is_in_two_provinces: row.in_two_provinces,
        state: row.state.parse().map_err(|_| damaged("state"))?,
        division: read_division(row.division, "complaints.division")?,
        escalated_to: escalated_to.transpose()?,
        assignee: row.assignee,
        assigned_at: row.assigned_at.map(Timestamp::from_micros),
        waiting_for: waiting_for.transpose().map_err(|_| damaged("waiting_for"))?,
        merged_into: merged_into.transpose().map_err(|_| damaged("merged_into"))?,
        extended_days: u32::try_from(row.extended_days).map_err(|_| damaged("extended_days"))?,
        revisit,
        reopenings: u32::try_from(row.reopenings).map_err(|_| damaged("reopenings"))?,
        is_before_next_instance: row.before_next_instance,
        outcome,
        clocks,
        version: row.version,
    })
}
