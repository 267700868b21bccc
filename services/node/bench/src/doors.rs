//! Reports of a door about people whose code is not green, until an officer's stream shows each.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use lutong_client::Failure;
use lutong_client::client::failed;
use lutong_kernel::{Clock as _, DivisionCode, RequestId};
use lutong_operating::entropy::Entropy;
use lutong_operating::wall_clock::WallClock;
use lutong_proto::code_rendering::v1::checkpoint_device_service_client::CheckpointDeviceServiceClient;
use lutong_proto::code_rendering::v1::checkpoint_service_client::CheckpointServiceClient;
use lutong_proto::code_rendering::v1::door_report_service_client::DoorReportServiceClient;
use lutong_proto::code_rendering::v1::{
    CheckpointKind, CreateCheckpointDeviceRequest, CreateCheckpointRequest, CreateDoorReportRequest,
    WatchDoorReportsRequest,
};
use lutong_proto::policy::Role;
use lutong_transport::access::{Principal, PrincipalKey, Roles};
use tokio::sync::{Mutex, oneshot};
use tonic::Status;
use tonic::metadata::{Ascii, MetadataValue};

use crate::load::{Load, connections, histogram, micros, show};
use crate::people::{bearer, signed_in};

/// Where the door is, and the officer's division.
const DIVISION: &str = "370202";
/// For how long a report may stay out of the stream.
const LONGEST: Duration = Duration::from_secs(10);

/// When each report was shown, or who waits for it.
#[derive(Default)]
struct Seen(Mutex<HashMap<String, Sight>>);

enum Sight {
    At(Instant),
    Awaited(oneshot::Sender<Instant>),
}

impl Seen {
    async fn shown(&self, report: String) {
        let at = Instant::now();
        if let Some(Sight::Awaited(waiting)) = self.0.lock().await.insert(report, Sight::At(at)) {
            // Whoever waited may have given up.
            let _ = waiting.send(at);
        }
    }

    async fn of(&self, report: String) -> Result<Instant, Status> {
        let coming = {
            let mut seen = self.0.lock().await;
            if let Some(Sight::At(at)) = seen.get(&report) {
                return Ok(*at);
            }
            let (waiting, coming) = oneshot::channel();
            seen.insert(report, Sight::Awaited(waiting));
            coming
        };
        let shown = tokio::time::timeout(LONGEST, coming).await;
        shown
            .ok()
            .and_then(Result::ok)
            .ok_or_else(|| Status::internal("a report is not in the officer's stream"))
    }
}

/// A door, and the officer who watches it.
pub struct Door {
    device: MetadataValue<Ascii>,
    seen: Arc<Seen>,
    watching: tokio::task::JoinHandle<()>,
}

fn staff(account: &str, role: Role) -> Principal {
    Principal {
        account: account.to_owned(),
        roles: Roles::of(&[role]),
        subject: None,
        division: DivisionCode::parse(DIVISION).ok(),
        feed: None,
        desks: Vec::new(),
    }
}

fn request_id() -> String {
    RequestId::new(WallClock.now(), &Entropy).to_string()
}

impl Door {
    /// The session of its device.
    pub fn device(&self) -> MetadataValue<Ascii> {
        self.device.clone()
    }

    /// Registers a door with one device, and watches its division as an officer.
    pub async fn open(load: &Load, sessions: &PrincipalKey) -> Result<Self, Failure> {
        let [channel, watched] = &connections(&load.base, 2)?[..] else {
            return Err(Failure::Because("no connection".to_owned()));
        };
        let session = |principal: &Principal| {
            bearer(sessions, principal, lutong_kernel::Channel::Development)
                .ok_or_else(|| Failure::Because("no session".to_owned()))
        };
        let officer = session(&staff("officer-bench", Role::HealthOfficer))?;
        let place = CreateCheckpointRequest {
            request_id: request_id(),
            kind: CheckpointKind::Mall.into(),
            division: DIVISION.to_owned(),
            place_name: "台东步行街北口".to_owned(),
        };
        let created = CheckpointServiceClient::new(channel.clone())
            .create_checkpoint(signed_in(place, officer.clone()))
            .await;
        let checkpoint = created.map_err(|status| failed(&status))?.into_inner().checkpoint;
        let device = CreateCheckpointDeviceRequest {
            request_id: request_id(),
            checkpoint: checkpoint.unwrap_or_default().name,
            label: "一号机".to_owned(),
        };
        let created = CheckpointDeviceServiceClient::new(channel.clone())
            .create_checkpoint_device(signed_in(device, officer.clone()))
            .await;
        let device = created
            .map_err(|status| failed(&status))?
            .into_inner()
            .checkpoint_device;
        let account = format!("device:{}", device.unwrap_or_default().checkpoint_device_id);
        let watch = signed_in(WatchDoorReportsRequest::default(), officer);
        let mut stream = DoorReportServiceClient::new(watched.clone())
            .watch_door_reports(watch)
            .await
            .map_err(|status| failed(&status))?
            .into_inner();
        let seen = Arc::<Seen>::default();
        let told = Arc::clone(&seen);
        let watching = tokio::spawn(async move {
            while let Ok(Some(message)) = stream.message().await {
                if let Some(report) = message.door_report {
                    told.shown(report.name).await;
                }
            }
        });
        Ok(Self {
            device: session(&staff(&account, Role::Checkpoint))?,
            seen,
            watching,
        })
    }

    /// Reports each of `who` at a steady rate; latency in microseconds from when each report was due until the officer's stream showed it.
    pub async fn report_steadily(
        &self,
        load: &Load,
        who: Range<usize>,
        a_second: u32,
    ) -> Result<Histogram<u64>, Failure> {
        let [channel] = &connections(&load.base, 1)?[..] else {
            return Err(Failure::Because("no connection".to_owned()));
        };
        // The codes are shown before: that is not what is measured.
        let mut tokens = Vec::with_capacity(who.len());
        for n in who {
            tokens.push(
                show(channel.clone(), &load.people, n)
                    .await
                    .map_err(|status| failed(&status))?,
            );
        }
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / a_second);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        let mut reports = Vec::with_capacity(tokens.len());
        for token in tokens {
            let due = ticks.tick().await;
            let message = CreateDoorReportRequest {
                request_id: request_id(),
                token,
                ..CreateDoorReportRequest::default()
            };
            let request = signed_in(message, self.device.clone());
            let (mut client, seen) = (
                DoorReportServiceClient::new(channel.clone()),
                Arc::clone(&self.seen),
            );
            reports.push(tokio::spawn(async move {
                let report = client.create_door_report(request).await?.into_inner().name;
                let at = seen.of(report).await?;
                Ok::<_, Status>(at.duration_since(due.into_std()))
            }));
        }
        let mut latency = histogram()?;
        for report in reports {
            let took = report.await?.map_err(|status| failed(&status))?;
            latency.saturating_record(micros(took));
        }
        Ok(latency)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.watching.abort();
    }
}
