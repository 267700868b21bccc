//! Weighs complaints about places, and opens or queues the cases that the rules ask for. What comes of a place is written in one transaction
//! that has locked it: so a case is opened once, however many workers there are and whenever one stops.

use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::pause;
use lutong_kernel::{AccountabilityCaseId, Fault, PlaceId, Timestamp};
use lutong_storage::StorageError;
use sea_orm::DatabaseTransaction;
use tokio_util::sync::CancellationToken;

use super::accountability_cases::AccountabilityCases;
use crate::domain::accountability::case::{AccountabilityCase, State};
use crate::domain::accountability::voices::{Assessment, assess};
use crate::domain::place::Place;
use crate::store::{accountability_cases as store, place_voices, places};

/// The interval at which a worker looks for what is to be weighed.
const POLL: Duration = Duration::from_secs(1);
/// Places that are read at once.
const CHUNK: u64 = 100;
const DAY: i64 = 86_400;

impl AccountabilityCases {
    /// Weighs complaints, until `stop`.
    pub async fn keep_weighing(self, stop: CancellationToken) {
        let mut forgotten_on = None;
        loop {
            let today = self.clock.now().local_day();
            let done = tokio::select! {
                done = self.weigh_and_raise(forgotten_on != Some(today)) => done,
                () = stop.cancelled() => return,
            };
            match done {
                Ok(()) => forgotten_on = Some(today),
                Err(error) => {
                    tracing::warn!(%error, "complaints about places are weighed with the next round");
                }
            }
            if pause(POLL, &stop).await {
                return;
            }
        }
    }

    async fn weigh_and_raise(&self, forget: bool) -> Result<(), StorageError> {
        self.weigh_all(forget).await?;
        self.raise_overdue().await
    }

    /// Goes through every place with complaints that were not weighed. A place that cannot be weighed holds up no other. Once a day what no
    /// rule counts any more is forgotten.
    async fn weigh_all(&self, forget: bool) -> Result<(), StorageError> {
        let mut after = None;
        loop {
            let found = place_voices::unweighed(self.database.reader(), after, CHUNK).await?;
            let Some(last) = found.last() else { break };
            after = Some(*last);
            for place in &found {
                if let Err(fault) = self.weigh(*place).await {
                    tracing::warn!(%place, %fault, "a place is weighed again with the next round");
                }
            }
        }
        if !forget {
            return Ok(());
        }
        let longest = self.rules.longest_days();
        let before = self.clock.now().plus_seconds(-longest * DAY);
        self.database
            .write(move |transaction| {
                async move { place_voices::forget_networks(transaction, before).await }.boxed()
            })
            .await
    }

    async fn weigh(&self, place: PlaceId) -> Result<(), Fault> {
        let (this, now) = (self.clone(), self.clock.now());
        self.database
            .write(move |transaction| async move { this.weigh_in(transaction, place, now).await }.boxed())
            .await
    }

    async fn weigh_in(
        &self,
        transaction: &DatabaseTransaction,
        place: PlaceId,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let Some(place) = places::lock_to_weigh(transaction, place).await? else {
            return Ok(());
        };
        if let Some(into) = place.merged_into {
            // It was filed while the entries were made one.
            place_voices::move_all(transaction, place.id, into).await?;
            return Ok(());
        }
        let voices = place_voices::weigh(transaction, place.id).await?;
        let Some(assessment) = assess(&self.rules, &voices) else {
            return Ok(());
        };
        match store::lock_under_way(transaction, place.id).await? {
            None => {
                let case = self.case(&place, &assessment, now);
                tracing::info!(case = %case.id, rule = case.rule, opens = assessment.opens, "a place was complained of");
                store::insert(transaction, &case).await?;
            }
            Some(queued) if queued.state == State::Queued && assessment.opens => {
                let opened = AccountabilityCase {
                    rule: assessment.threshold.id.clone(),
                    rules_version: self.rules.version,
                    counted: assessment.counted,
                    ..queued.promoted(now, self.due(now))
                };
                store::save(transaction, &opened).await?;
            }
            Some(_) => {}
        }
        Ok(())
    }

    fn case(&self, place: &Place, assessment: &Assessment<'_>, now: Timestamp) -> AccountabilityCase {
        let opened_at = assessment.opens.then_some(now);
        AccountabilityCase {
            id: AccountabilityCaseId::new(now, &*self.random),
            place: place.id,
            division: place.division,
            kind: place.kind,
            responsible_body: self.rules.body(place.kind).to_owned(),
            rule: assessment.threshold.id.clone(),
            rules_version: self.rules.version,
            counted: assessment.counted,
            signals: assessment.signals.clone(),
            state: if assessment.opens {
                State::Open
            } else {
                State::Queued
            },
            created_at: now,
            opened_at,
            opened_by: None,
            due_at: opened_at.map(|at| self.due(at)),
            owner: None,
            outcome: None,
            proposed: None,
            escalations: Vec::new(),
            raise_at: opened_at.map(|at| self.due(at)),
            closed_at: None,
            closed_by: None,
            version: 1,
        }
    }
}
