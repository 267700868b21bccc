//! Verification of the chains of decisions.

use std::collections::HashMap;

use lutong_kernel::{Fault, SubjectId};
use lutong_storage::Database;

use crate::decisions::store::{self as decisions, HistoryRow};
use crate::history::domain::{Break, ChainKeys, ChainReport, Link, verify};
use crate::subjects::store::{self as subjects, SubjectRow};

/// The result for the chains of a page of subjects.
#[derive(Debug, Default)]
pub struct ChainsReport {
    pub subjects: i64,
    pub intact: i64,
    pub erased: i64,
    pub breaks: Vec<(SubjectId, i64, Break)>,
    /// The last subject of the page; `None` if there are no more subjects.
    pub next: Option<SubjectId>,
}

/// Verifies chains. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ChainVerifier {
    database: Database,
    chain: ChainKeys,
}

impl ChainVerifier {
    pub const fn new(database: Database, chain: ChainKeys) -> Self {
        Self { database, chain }
    }

    /// Verifies the chain of one subject, or of a page of all subjects.
    pub async fn verify(
        &self,
        only: Option<SubjectId>,
        after: Option<SubjectId>,
        limit: u64,
    ) -> Result<ChainsReport, Fault> {
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
        let mut report = ChainsReport::default();
        for row in &rows {
            let history = histories.remove(&row.subject).unwrap_or_default();
            let chain = self.verify_one(row, history);
            report.subjects += 1;
            report.intact += chain.intact;
            report.erased += chain.erased;
            let broken = chain.breaks.into_iter();
            report
                .breaks
                .extend(broken.map(|(version, what)| (row.subject, version, what)));
        }
        let full = only.is_none() && rows.len() as u64 == limit;
        report.next = rows.last().map(|row| row.subject).filter(|_| full);
        Ok(report)
    }

    fn verify_one(&self, row: &SubjectRow, history: Vec<HistoryRow>) -> ChainReport {
        let salt = row.salt.as_ref();
        let key = salt.map(|salt| self.chain.of_subject(row.subject, salt));
        let links: Vec<Link> = history
            .into_iter()
            .map(|row| Link {
                version: row.version,
                entry: row.entry,
                content: row.decision.map(|decision| decision.canonical()),
            })
            .collect();
        verify(key.as_ref(), &links, (row.version, row.head))
    }
}
