//! Takes reports of devices, and shows them to the officers of their district.

mod handling;
mod reporting;
mod retention;
mod waiting;
mod watching;

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::skin::Listing;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, DoorReportId, Fault, Random, Timestamp};
use lutong_storage::outbox::Doorbell;
use lutong_storage::{Database, StorageError};
use lutong_transport::access::DivisionPermit;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::domain::DoorReport;
use super::store::{self, Filter, head};
use crate::SERVICE;
use crate::bindings::service::Bindings;
use crate::checkpoint_devices::service::CheckpointDevices;
use crate::checkpoints::domain::Checkpoint;
use crate::checkpoints::store as checkpoints;
use crate::config::DoorPolicy;
use crate::fault::doors as fault;
use crate::verification::service::Verification;

pub use self::handling::Handling;
pub use self::reporting::Scan;
use self::waiting::MAX_WAITERS;
pub use self::watching::WatchedReport;

/// All reports; cheap to clone.
#[derive(Clone)]
pub struct DoorReports {
    database: Database,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// Wakes streams, also those of other replicas.
    bell: Doorbell,
    /// How many calls may wait for a change.
    waiters: Arc<Semaphore>,
    /// Whoever waits answers at once.
    closing: CancellationToken,
    devices: CheckpointDevices,
    verification: Verification,
    bindings: Bindings,
    policy: DoorPolicy,
}

/// What reports are made with.
pub struct Parts {
    pub devices: CheckpointDevices,
    pub verification: Verification,
    pub bindings: Bindings,
    pub policy: DoorPolicy,
}

/// A report as it is shown to officers.
#[derive(Debug, Clone)]
pub struct View {
    pub report: DoorReport,
    /// None where the person reported themself.
    pub checkpoint: Option<Checkpoint>,
    pub etag: Etag,
    /// When it was read: its clock stands as of then.
    pub at: Timestamp,
}

/// The tag of what an officer acts on: another scan does not change it, another colour does.
fn etag(report: &DoorReport) -> Etag {
    let parts = [report.state().into_str(), report.colour.as_str()];
    Etag::of(&report.id.to_string(), parts)
}

impl DoorReports {
    /// Opens the reports of a store.
    pub async fn open(store: &Store, foundation: &Foundation, parts: Parts) -> Result<Self, StorageError> {
        let Parts {
            devices,
            verification,
            bindings,
            policy,
        } = parts;
        let log = foundation.random.bytes();
        let begun: Result<(), StorageError> = store
            .database
            .write(move |transaction| head::begin(transaction, log).boxed())
            .await;
        begun?;
        Ok(Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            bell: foundation.bell.clone(),
            waiters: Arc::new(Semaphore::new(MAX_WAITERS)),
            closing: foundation.closing.clone(),
            devices,
            verification,
            bindings,
            policy,
        })
    }

    /// Wakes the streams of officers. A ring that is lost costs them one interval of polling.
    fn wake(&self, sequence: i64) {
        let bell = self.bell.clone();
        tokio::spawn(async move { bell.ring(SERVICE, sequence).await });
    }

    async fn views(&self, reports: Vec<DoorReport>) -> Result<Vec<View>, Fault> {
        let ids = reports.iter().filter_map(|report| report.checkpoint);
        let places = checkpoints::find_all(self.database.reader(), ids).await?;
        let at = self.clock.now();
        let mut views = Vec::with_capacity(reports.len());
        for report in reports {
            let missing = || StorageError::Damaged("door_reports.checkpoint_id".to_owned());
            let found = report
                .checkpoint
                .map(|id| places.get(&id).cloned().ok_or_else(missing));
            views.push(View {
                checkpoint: found.transpose()?,
                etag: etag(&report),
                report,
                at,
            });
        }
        Ok(views)
    }

    /// A report of the division of the permit.
    pub async fn get(&self, permit: DivisionPermit, id: DoorReportId) -> Result<View, Fault> {
        let found = store::find(self.database.reader(), permit, id).await?;
        let found = found.ok_or_else(fault::door_report_not_found)?;
        let mut views = self.views(vec![found]).await?;
        views.pop().ok_or_else(fault::door_report_not_found)
    }

    /// Reports of the division of the permit, the newest first, the token of the next page, and the cursor for a stream of what changes
    /// after this page.
    pub async fn list(
        &self,
        call: &Listing<DivisionPermit>,
        filter: Filter,
    ) -> Result<(Vec<View>, String, String), Fault> {
        // Read before the rows: a change after it is in the stream, whether it is in the page or not.
        let head = head::read(self.database.reader()).await?;
        let cursor = watching::cursor_of_list(&call.page, head)?;
        let (page, before) = (&call.page, call.page.after_id()?);
        let rows = store::list(self.database.reader(), call.permit, filter, before, page.limit()).await?;
        let (rows, next) = page.cut(rows, |last| last.id.uuid().as_bytes().to_vec())?;
        Ok((self.views(rows).await?, next, cursor))
    }
}
