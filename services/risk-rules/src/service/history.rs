//! What was decided: read back, made again, proven unchanged. Days are sealed when they are over.

use std::collections::HashMap;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::skin::Page;
use lutong_kernel::{Fault, FaultCode, LocalDay, SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::crypto::keyed_hash;
use lutong_transport::access::{AnyPermit, PermittedSubject, SelfPermit};
use tokio_util::sync::CancellationToken;

use super::book::InForce;
use super::deciding::{Decider, chain_key, content};
use super::reading::{Explained, not_found};
use crate::domain::evaluate::evaluate;
use crate::domain::history::{BEGINNING, Break, DayDigest, Link, Verified, verify};
use crate::domain::merged::Merged;
use crate::store::day_seals::{self, DaySeal};
use crate::store::decisions::{self, HistoryRow, StoredDecision};
use crate::store::merges;
use crate::store::subjects::{self, SubjectRow};

/// After a day's end, for decisions that are still being committed.
const GRACE: Duration = Duration::from_secs(600);
/// Between two looks for a day to seal.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Decisions read at once.
const PAGE: u64 = 5_000;

/// A decision and what comes out of what was known then.
#[derive(Debug)]
pub struct Replay {
    pub stored: Explained,
    pub replayed: StoredDecision,
    pub identical: bool,
}

/// How the chains of a page of subjects stand.
#[derive(Debug, Default)]
pub struct Chains {
    pub subjects: i64,
    pub intact: i64,
    pub erased: i64,
    pub breaks: Vec<(SubjectId, i64, Break)>,
    /// Where to go on; `None` when everybody was looked at.
    pub next: Option<SubjectId>,
}

/// How a sealed day stands.
#[derive(Debug)]
pub struct DayCheck {
    pub seal: DaySeal,
    pub found: i64,
    pub broken_buckets: Vec<u8>,
    /// The root is what its day and the day before make, and the service's key proves it.
    pub proven: bool,
}

impl DayCheck {
    pub fn is_intact(&self) -> bool {
        self.proven && self.broken_buckets.is_empty()
    }
}

impl Decider {
    /// A page of a person's own decisions, the newest first, and the next page's token.
    pub async fn own_decisions(
        &self,
        permit: &SelfPermit,
        page: &Page,
    ) -> Result<(Vec<Explained>, String), Fault> {
        self.decisions_of(permit.reach()?, page).await
    }

    /// Anybody's, for an auditor.
    pub async fn inspect_decisions(
        &self,
        permit: AnyPermit,
        subject: SubjectId,
        page: &Page,
    ) -> Result<(Vec<Explained>, String), Fault> {
        self.decisions_of(permit.reach(subject), page).await
    }

    async fn decisions_of(
        &self,
        subject: PermittedSubject,
        page: &Page,
    ) -> Result<(Vec<Explained>, String), Fault> {
        let damaged = |_| StorageError::Damaged("a page token".to_owned());
        let before = page.after.as_deref().map(<[u8; 8]>::try_from).transpose();
        let before = before.map_err(damaged)?.map_or(i64::MAX, i64::from_be_bytes);
        let rows = decisions::before(self.database.reader(), subject, before, page.limit()).await?;
        let (rows, token) = page.cut(rows, |last| last.version.to_be_bytes().to_vec())?;
        let facts = self.statements_about(subject).await?;
        let mut explained = Vec::with_capacity(rows.len());
        for decision in rows.into_iter().filter_map(|row| row.decision) {
            explained.push(self.explained(decision, facts.clone(), true).await?);
        }
        Ok((explained, token))
    }

    /// A person's own past decision.
    pub async fn own_decision(&self, permit: &SelfPermit, version: i64) -> Result<Explained, Fault> {
        self.past_decision(permit.reach()?, version).await
    }

    /// Anybody's, for an auditor.
    pub async fn inspect_decision(
        &self,
        permit: AnyPermit,
        subject: SubjectId,
        version: i64,
    ) -> Result<Explained, Fault> {
        self.past_decision(permit.reach(subject), version).await
    }

    async fn past_decision(&self, subject: PermittedSubject, version: i64) -> Result<Explained, Fault> {
        let row = decisions::history_row(self.database.reader(), subject, version).await?;
        let decision = row.ok_or_else(not_found)?.decision.ok_or_else(erased)?;
        let facts = self.statements_about(subject).await?;
        self.explained(decision, facts, true).await
    }

    /// Makes a decision again from the facts, areas and rules that were known then.
    pub async fn replay(&self, permit: AnyPermit, subject: SubjectId, version: i64) -> Result<Replay, Fault> {
        let reached = permit.reach(subject);
        let reader = self.database.reader();
        let cipher = self.ready().await?;
        let row = decisions::history_row(reader, reached, version)
            .await?
            .ok_or_else(not_found)?;
        let entry = row.entry;
        let stored = row.decision.ok_or_else(erased)?;
        let at = stored.content.evaluated_at;
        let steps = merges::ever_about(reader, reached).await?;
        let merged = Merged::as_known_at(&steps, at);
        let person: Vec<_> = merged.person(subject).collect();
        let statements = self.statements_about(reached).await?;
        let mut facts = Vec::new();
        for statement in statements.values().filter(|one| person.contains(&one.subject)) {
            facts.extend(statement.open(&cipher)?);
        }
        let basis = self.book.catch_up(reader).await?;
        let (id, name) = (&stored.content.rule_set, &stored.content.rule_set_version);
        let rules = InForce {
            number: 0,
            from: at,
            set: self.book.named(id, name).await?,
        };
        let evaluation = evaluate(&rules.set, &facts, &basis.areas, at, at);
        let replayed = StoredDecision {
            content: content(&rules, &evaluation, at),
            ..stored.clone()
        };
        let holder = subjects::find(reader, subject).await?;
        let salt = holder.and_then(|row| row.salt).ok_or_else(erased)?;
        let previous = match version {
            1 => BEGINNING,
            _ => decisions::history_row(reader, reached, version - 1)
                .await?
                .map_or(BEGINNING, |row| row.entry),
        };
        let proven = chain_key(&self.chain, subject, &salt)?.entry(&previous, &replayed.canonical()) == entry;
        Ok(Replay {
            identical: proven && replayed.content == stored.content,
            stored: self.explained(stored, statements, true).await?,
            replayed,
        })
    }

    /// Checks the chain of one subject, or of a page of everybody.
    pub(super) async fn verify_chains(
        &self,
        only: Option<SubjectId>,
        after: Option<SubjectId>,
        limit: u64,
    ) -> Result<Chains, Fault> {
        let reader = self.database.reader();
        let rows = match only {
            Some(subject) => subjects::find(reader, subject).await?.into_iter().collect(),
            None => subjects::decided(reader, after, limit).await?,
        };
        let ids: Vec<_> = rows.iter().map(|row| row.subject).collect();
        let mut histories: HashMap<SubjectId, Vec<HistoryRow>> = HashMap::new();
        for row in decisions::histories(reader, &ids).await? {
            histories.entry(row.subject).or_default().push(row);
        }
        let mut chains = Chains::default();
        for row in &rows {
            let history = histories.remove(&row.subject).unwrap_or_default();
            let verified = self.verify_one(row, history)?;
            chains.subjects += 1;
            chains.intact += verified.intact;
            chains.erased += verified.erased;
            let broken = verified.breaks.into_iter();
            chains
                .breaks
                .extend(broken.map(|(version, what)| (row.subject, version, what)));
        }
        let full = only.is_none() && rows.len() as u64 == limit;
        chains.next = rows.last().map(|row| row.subject).filter(|_| full);
        Ok(chains)
    }

    fn verify_one(&self, row: &SubjectRow, history: Vec<HistoryRow>) -> Result<Verified, Fault> {
        let key = row
            .salt
            .as_ref()
            .map(|salt| chain_key(&self.chain, row.subject, salt));
        let links: Vec<Link> = history
            .into_iter()
            .map(|row| Link {
                version: row.version,
                entry: row.entry,
                content: row.decision.map(|decision| decision.canonical()),
            })
            .collect();
        Ok(verify(key.transpose()?.as_ref(), &links, (row.version, row.head)))
    }

    /// Counts a day's decisions anew and compares them with its seal.
    pub async fn verify_day(&self, day: LocalDay) -> Result<DayCheck, Fault> {
        let reader = self.database.reader();
        let seal = day_seals::find(reader, day).await?.ok_or_else(not_sealed)?;
        let previous = day_seals::find(reader, day.plus_days(-1)).await?;
        let previous = previous.map_or(BEGINNING, |seal| seal.root);
        let digest = self.day(day).await?;
        let proof = keyed_hash(&self.chain, &seal.root);
        Ok(DayCheck {
            found: digest.decisions(),
            broken_buckets: digest.differing(&seal.digest),
            proven: seal.digest.root(day, &previous) == seal.root && proof[..] == seal.proof[..],
            seal,
        })
    }

    async fn day(&self, day: LocalDay) -> Result<DayDigest, StorageError> {
        let (mut digest, mut after) = (DayDigest::default(), None);
        loop {
            let bounds = (day.start(), day.end());
            after = decisions::add_day_page(self.database.reader(), bounds, after, PAGE, &mut digest).await?;
            if after.is_none() {
                return Ok(digest);
            }
        }
    }

    /// Seals the next day that is over: `true` when there was one.
    async fn seal_next(&self) -> Result<bool, Fault> {
        let reader = self.database.reader();
        let last = day_seals::last(reader).await?;
        let next = match &last {
            Some(seal) => Some(seal.day.plus_days(1)),
            None => decisions::first(reader).await?.map(Timestamp::local_day),
        };
        let now = self.clock.now();
        let Some(day) = next.filter(|day| now >= day.end().plus(GRACE)) else {
            return Ok(false);
        };
        let digest = self.day(day).await?;
        let root = digest.root(day, &last.map_or(BEGINNING, |seal| seal.root));
        let seal = DaySeal {
            day,
            sealed_at: now,
            proof: keyed_hash(&self.chain, &root).to_vec(),
            digest,
            root,
        };
        let decisions = seal.digest.decisions();
        let sealed: Result<(), StorageError> = self
            .database
            .write(move |transaction| async move { day_seals::insert(transaction, &seal).await }.boxed())
            .await;
        sealed?;
        tracing::info!(%day, decisions, "a day's decisions are sealed");
        Ok(true)
    }
}

/// Seals each day when it is over, until `stop`.
pub async fn seal_days(decider: Decider, stop: CancellationToken) {
    loop {
        match decider.seal_next().await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(fault) => tracing::warn!(%fault, "a day could not be sealed; it is tried again"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}

fn erased() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "DECISION_ERASED",
        "该决定的内容已依法删除",
        "the content of this decision was erased by law",
    )
}

fn not_sealed() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "DAY_NOT_SEALED",
        "该日尚未封存：当日结束十分钟后封存",
        "the day is not sealed: it is ten minutes after its end",
    )
}
