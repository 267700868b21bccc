//! A device reports a scan, and a person themself.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::skin::Mutation;
use lutong_failpoint::Broken;
use lutong_kernel::{CheckpointId, Colour, DivisionCode, DoorReportId, Fault, SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::idempotency::{self, Claim, RequestKey};
use lutong_transport::access::{BearerPermit, WardPermit};
use lutong_transport::reply;
use sea_orm::DatabaseTransaction;

use super::DoorReports;
use crate::codes::domain::MaskedCode;
use crate::codes::store as codes;
use crate::door_reports::domain::{DoorReport, State, scan_instant};
use crate::door_reports::store::{self, head};
use crate::fault;
use crate::fault::doors;
use crate::staff_sign_ins::store as staff_sign_ins;
use crate::verification::service::AsOf;

/// A scan as a device states it.
#[derive(Debug)]
pub struct Scan<'a> {
    pub token: &'a str,
    /// None: now.
    pub at: Option<Timestamp>,
    /// Where the device believes to be; none where it does not say.
    pub checkpoint: Option<CheckpointId>,
}

/// Where and when a code was shown.
struct Place {
    checkpoint: Option<CheckpointId>,
    division: DivisionCode,
    scanned_at: Timestamp,
    /// The account of whoever was signed in at the device.
    staff: Option<String>,
}

/// How many counties a person may report themself to on one day: whoever travels passes a few.
const OWN_OF_DAY: u64 = 3;
/// How often a report is tried anew when the code changes while it is stored.
const TRIES: u32 = 4;

impl DoorReports {
    /// Stores a report of a yellow or red code, or counts it with the one of that day. Returns what the door learns of it.
    pub async fn create(
        &self,
        call: Mutation<BearerPermit>,
        scan: Scan<'_>,
    ) -> Result<(DoorReportId, State), Fault> {
        let account = &call.grant.principal().account;
        let (device, checkpoint) = self.devices.with_checkpoint(account).await?;
        let answered = idempotency::stored_answer(self.database.reader(), &call.request).await?;
        if let Some(answer) = answered {
            let id = DoorReportId::from_uuid(idempotency::answered_id(&answer)?);
            return self.receipt(checkpoint.id, id).await;
        }
        if scan.checkpoint.is_some_and(|named| named != checkpoint.id) {
            return Err(reply::wrong(doors::checkpoint_differs()));
        }
        let now = self.clock.now();
        let scanned_at = scan_instant(scan.at, now, self.policy.report_within()).map_err(reply::wrong)?;
        let holder = self
            .verification
            .holder(call.permit, scan.token, AsOf::Scan(scanned_at))
            .await?;
        let (subject, _) = holder.map_err(|outcome| doors::token_not_valid(outcome.into_str()))?;
        let signed_in = staff_sign_ins::in_force(self.database.reader(), device, scanned_at).await?;
        let place = Place {
            staff: signed_in.map(|sign_in| sign_in.account),
            checkpoint: Some(checkpoint.id),
            division: checkpoint.division,
            scanned_at,
        };
        let stored = self.report(call.request, subject.id(), &place, now).await?;
        stored.ok_or_else(|| doors::token_not_valid("REVOKED"))
    }

    /// Stores a report of the caller's own yellow or red code, or of a ward's, or counts it with the one of that day.
    pub async fn create_own(
        &self,
        call: Mutation<WardPermit>,
        division: DivisionCode,
    ) -> Result<(DoorReportId, State), Fault> {
        let is_bound = async |binder, ward| self.bindings.is_bound(binder, ward).await;
        let subject = call.permit.reach(is_bound).await?.id();
        let now = self.clock.now();
        let place = Place {
            checkpoint: None,
            division,
            scanned_at: now,
            staff: None,
        };
        let stored = self.report(call.request, subject, &place, now).await?;
        stored.ok_or_else(fault::code_not_found)
    }

    /// Stores a report of a code in force; `None` if there is no code.
    async fn report(
        &self,
        request: RequestKey,
        subject: SubjectId,
        place: &Place,
        now: Timestamp,
    ) -> Result<Option<(DoorReportId, State)>, Fault> {
        for _ in 0..TRIES {
            let Some(code) = self.verification.codes.find(subject).await? else {
                return Ok(None);
            };
            if code.code.awaits_decision(now) {
                return Err(fault::code_refreshing());
            }
            if code.code.colour == Colour::Green {
                return Err(doors::not_reportable());
            }
            let report = DoorReport {
                id: DoorReportId::new(now, &*self.random),
                sequence: 0,
                subject,
                checkpoint: place.checkpoint,
                division: place.division,
                colour: code.code.colour,
                scanned_at: place.scanned_at,
                last_scanned_at: place.scanned_at,
                scan_count: 1,
                created_at: now,
                due_at: now.plus(self.policy.acknowledge_within()),
                acknowledged: None,
                closed: None,
                staff: place.staff.clone(),
            };
            if lutong_failpoint::broken(Broken::UnstoredReport) {
                return Ok(Some((report.id, report.state())));
            }
            let stored = self.store(request.clone(), report, code).await?;
            if stored.is_some() {
                return Ok(stored);
            }
        }
        Err(StorageError::Contended.into())
    }

    /// Stores a report; `None` if the code has changed meanwhile.
    async fn store(
        &self,
        request: RequestKey,
        report: DoorReport,
        code: Arc<MaskedCode>,
    ) -> Result<Option<(DoorReportId, State)>, Fault> {
        let stored = self.database.write(move |transaction| {
            async move {
                // Locks the code: what is stored has the colour in force, and two scans of a person come after one another.
                let in_force = codes::lock_version(transaction, report.subject).await?;
                if in_force != Some(code.code.version) {
                    return Ok::<_, Fault>(None);
                }
                store_in(transaction, &request, report).await.map(Some)
            }
            .boxed()
        });
        let Some((stored, sequence)) = stored.await? else {
            return Ok(None);
        };
        lutong_failpoint::hit("code_rendering.door_reported");
        if let Some(sequence) = sequence {
            self.wake(sequence);
        }
        Ok(Some(stored))
    }

    async fn receipt(
        &self,
        checkpoint: CheckpointId,
        id: DoorReportId,
    ) -> Result<(DoorReportId, State), Fault> {
        let found = store::of_checkpoint(self.database.reader(), checkpoint, id).await?;
        let found = found.ok_or_else(idempotency::damaged_answer)?;
        Ok((id, found.state()))
    }
}

/// Returns the report that the scan belongs to as it stands, and the sequence of its change; none where the request was answered before.
async fn store_in(
    transaction: &DatabaseTransaction,
    request: &RequestKey,
    mut new: DoorReport,
) -> Result<((DoorReportId, State), Option<i64>), Fault> {
    let of_day = store::lock_of_day(transaction, &new).await?;
    let id = of_day.as_ref().map_or(new.id, |report| report.id);
    let claim = idempotency::claim(transaction, request, id.uuid().as_bytes(), new.created_at).await?;
    if let Claim::Replay(answer) = claim {
        let answered = DoorReportId::from_uuid(idempotency::answered_id(&answer)?);
        let found = store::of_person(transaction, new.subject, answered).await?;
        let found = found.ok_or_else(idempotency::damaged_answer)?;
        return Ok(((answered, found.state()), None));
    }
    if of_day.is_none() && new.checkpoint.is_none() {
        let before = store::count_own_of_day(transaction, new.subject, new.scan_day()).await?;
        if before >= OWN_OF_DAY {
            return Err(doors::too_many_self_reports());
        }
    }
    let sequence = head::next_sequence(transaction).await?;
    let state = if let Some(mut report) = of_day {
        report.add_scan(new.scanned_at, new.colour, new.staff);
        report.sequence = sequence;
        store::save(transaction, &report).await?;
        report.state()
    } else {
        new.sequence = sequence;
        store::insert(transaction, &new).await?;
        new.state()
    };
    Ok(((id, state), Some(sequence)))
}
