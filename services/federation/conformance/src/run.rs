//! Runs the plan: every case that the system declares, and those that everybody keeps, in the order of their table.

use strum::VariantArray as _;

use crate::cases::Case;
use crate::kept::KeptExchange;
use crate::session::{Kit, Session};
use crate::verdict::{Failure, Finding, Verdict};

/// Cases from the beginning after which a system that has answered none of them is asked no more.
const PATIENCE: usize = 3;

/// What came of a case, with every exchange of it.
#[derive(Debug, Clone)]
pub struct CaseRun {
    pub case: Case,
    /// Or why it was not run.
    pub verdict: Result<Verdict, &'static str>,
    pub exchanges: Vec<KeptExchange>,
}

/// Runs the cases; `done` hears of each one when it is over.
pub async fn run(kit: &Kit, mut done: impl FnMut(&CaseRun)) -> Vec<CaseRun> {
    let mut all: Vec<CaseRun> = Vec::new();
    for case in Case::VARIANTS.iter().copied() {
        let mut session = Session::new(kit);
        let verdict = match case.about().need.missing(&kit.peer) {
            Some(missing) => Err(missing),
            None if is_away(&all) => Ok(Err(not_asked())),
            None => Ok(session.judge(case).await),
        };
        let ran = CaseRun {
            case,
            verdict,
            exchanges: session.exchanges,
        };
        done(&ran);
        all.push(ran);
    }
    all
}

/// Whether the system has answered none of the first cases.
fn is_away(ran: &[CaseRun]) -> bool {
    let judged = ran.iter().filter_map(|ran| ran.verdict.as_ref().ok());
    let first: Vec<&Verdict> = judged.take(PATIENCE).collect();
    let is_unanswered = |verdict: &&Verdict| verdict.as_ref().is_err_and(Failure::is_unanswered);
    first.len() == PATIENCE && first.iter().all(is_unanswered)
}

fn not_asked() -> Failure {
    Failure::new(
        Finding::Unreachable,
        "not asked: the system has not answered from the beginning on",
    )
}
