//! The current version of accounts that an operator has changed. Identity records each change under a growing version;
//! every gateway follows that record and refuses sessions of an earlier version. So an account that is disabled, or has
//! lost a role, a division or a grant, is signed out within seconds, whichever replica its calls reach.
//!
//! While identity cannot be reached, changes cannot be read. People still show their codes and doors still check them by
//! the last known versions; staff and feeds are refused once those are older than the setting `staff_stale_s`.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use arc_swap::ArcSwap;
use lutong_kernel::{Fault, ServiceName};
use lutong_proto::identity::v1::ListAccountChangesRequest;
use lutong_proto::identity::v1::account_service_client::AccountServiceClient;
use lutong_proto::policy::Role;
use lutong_transport::access::Principal;
use lutong_transport::access::Roles;
use lutong_transport::client::{Call, MeshChannel};
use lutong_transport::status;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::fault::sessions::session_ended;

/// Between two reads of the record.
const READ_EVERY: Duration = Duration::from_secs(1);
/// How long identity may take to answer one.
const PATIENCE: Duration = Duration::from_secs(2);
/// A call that finds the last answer too old asks identity itself; all calls together no more often than this.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Reads after which the record is read from its beginning: a database that was restored from a backup numbers its
/// changes again.
const READS_OF_A_ROUND: u32 = 300;
/// Changes in one answer.
const PAGE: i32 = 500;

/// Roles whose sessions are accepted while identity is away: people with their codes, and doors.
const ACCEPTED_WHEN_STALE: [Role; 5] = [
    Role::Public,
    Role::Citizen,
    Role::Guardian,
    Role::Checkpoint,
    Role::Hospital,
];

/// The versions of accounts that an operator has changed.
pub struct AccountVersions {
    identity: Option<MeshChannel>,
    /// Staff and feeds are refused when the last answer is older than this.
    stale: Duration,
    /// The version of each account that was changed; every other account has version 0.
    versions: ArcSwap<HashMap<String, i64>>,
    reading: tokio::sync::Mutex<Position>,
    /// When identity last answered, and when it was last asked.
    times: Mutex<Times>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Position {
    /// Empty at the beginning of the record.
    cursor: String,
}

#[derive(Debug, Clone, Copy, Default)]
struct Times {
    answered: Option<Instant>,
    asked: Option<Instant>,
}

impl AccountVersions {
    pub fn new(identity: Option<MeshChannel>, stale: Duration) -> Self {
        Self {
            identity,
            stale,
            versions: ArcSwap::default(),
            reading: tokio::sync::Mutex::default(),
            times: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }

    /// Refuses a session that has ended, and one of staff while it is unknown whether it has.
    pub async fn check(&self, principal: &Principal, version: i64) -> Result<(), Fault> {
        self.check_version(&principal.account, version)?;
        if is_accepted_when_stale(principal.roles) || self.is_fresh() {
            return Ok(());
        }
        self.ask().await?;
        self.check_version(&principal.account, version)
    }

    /// Whether no later version of the account is known.
    pub fn is_current(&self, account: &str, version: i64) -> bool {
        self.check_version(account, version).is_ok()
    }

    /// Returns when the session has ended.
    pub async fn ended(&self, principal: &Principal, version: i64) -> Fault {
        let mut changed = self.changed.subscribe();
        loop {
            if let Err(ended) = self.check_version(&principal.account, version) {
                return ended;
            }
            if changed.changed().await.is_err() {
                // The sender lives as long as this does.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Follows the record of changes, until `stop`.
    pub async fn follow(&self, stop: CancellationToken) {
        let (mut reads, mut away) = (0_u32, false);
        loop {
            reads = reads.wrapping_add(1);
            let outcome = self.catch_up(reads.is_multiple_of(READS_OF_A_ROUND)).await;
            match (&outcome, away) {
                (Err(fault), false) => {
                    tracing::warn!(%fault, "changes of accounts cannot be read: staff are refused after {} s", self.stale.as_secs());
                }
                (Ok(()), true) => tracing::info!("changes of accounts are read again"),
                _ => {}
            }
            away = outcome.is_err();
            tokio::select! {
                () = tokio::time::sleep(READ_EVERY) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    fn check_version(&self, account: &str, version: i64) -> Result<(), Fault> {
        match self.versions.load().get(account) {
            Some(now) if version < *now => Err(session_ended()),
            _ => Ok(()),
        }
    }

    fn is_fresh(&self) -> bool {
        let answered = self.times().answered;
        answered.is_some_and(|at| at.elapsed() < self.stale)
    }

    /// Calls that come while identity is being asked wait for that answer.
    async fn ask(&self) -> Result<(), Fault> {
        let away = || Fault::unavailable(ServiceName::Identity.as_str());
        let mut position = self.reading.lock().await;
        if self.is_fresh() {
            return Ok(());
        }
        if self.times().asked.is_some_and(|at| at.elapsed() < ASK_AGAIN) {
            return Err(away());
        }
        self.read(&mut position).await.map_err(|_| away())
    }

    async fn catch_up(&self, from_the_beginning: bool) -> Result<(), Fault> {
        let mut position = self.reading.lock().await;
        if from_the_beginning {
            position.cursor.clear();
        }
        self.read(&mut position).await
    }

    /// Reads on to the end of the record.
    async fn read(&self, position: &mut Position) -> Result<(), Fault> {
        let read = self.read_pages(position).await;
        let now = Instant::now();
        let mut times = self
            .times
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        times.asked = Some(now);
        if read.is_ok() {
            times.answered = Some(now);
        }
        read
    }

    async fn read_pages(&self, position: &mut Position) -> Result<(), Fault> {
        let part = ServiceName::Identity.as_str();
        let channel = self.identity.clone().ok_or_else(|| Fault::unavailable(part))?;
        loop {
            let request = Call::background(PATIENCE).request(ListAccountChangesRequest {
                cursor: position.cursor.clone(),
                page_size: PAGE,
            });
            let answer = AccountServiceClient::new(channel.clone())
                .list_account_changes(request)
                .await
                .map_err(|error| status::to_fault(&error, part));
            let answer = match answer {
                Ok(answer) => answer.into_inner(),
                Err(fault) if fault.reason == "LOG_REPLACED" && !position.cursor.is_empty() => {
                    tracing::warn!(
                        "the record of changed accounts was replaced: it is read from its beginning"
                    );
                    position.cursor.clear();
                    continue;
                }
                Err(fault) => return Err(fault),
            };
            position.cursor = answer.next_cursor;
            let changes = answer.changes;
            if changes.is_empty() {
                return Ok(());
            }
            let mut versions = HashMap::clone(&self.versions.load());
            versions.extend(
                changes
                    .into_iter()
                    .map(|change| (change.account_id, change.version)),
            );
            self.versions.store(versions.into());
            self.changed.send_replace(());
        }
    }

    fn times(&self) -> Times {
        *self
            .times
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn is_accepted_when_stale(roles: Roles) -> bool {
    roles.iter().all(|role| ACCEPTED_WHEN_STALE.contains(&role))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_doors_go_on_and_staff_and_feeds_do_not() {
        for role in ACCEPTED_WHEN_STALE {
            assert!(is_accepted_when_stale(Roles::of(&[role])), "{role:?}");
        }
        for role in [
            Role::HealthOfficer,
            Role::AuthorityFeed,
            Role::Supervisor,
            Role::Operator,
        ] {
            assert!(!is_accepted_when_stale(Roles::of(&[role])), "{role:?}");
            assert!(
                !is_accepted_when_stale(Roles::of(&[Role::Citizen, role])),
                "{role:?} and a citizen"
            );
        }
    }
}
