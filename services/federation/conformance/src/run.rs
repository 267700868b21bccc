//! Runs the plan: every case that the system declares, and those that everybody keeps, in the order of their table.

use strum::VariantArray as _;

use crate::cases::Case;
use crate::kept::KeptExchange;
use crate::session::{Kit, Session};
use crate::verdict::Verdict;

/// What came of a case, with every exchange of it.
#[derive(Debug, Clone)]
pub struct Ran {
    pub case: Case,
    /// Or why it was not run.
    pub verdict: Result<Verdict, &'static str>,
    pub exchanges: Vec<KeptExchange>,
}

/// Runs the cases; `done` hears of each one when it is over.
pub async fn run(kit: &Kit, mut done: impl FnMut(&Ran)) -> Vec<Ran> {
    let mut all = Vec::new();
    for case in Case::VARIANTS.iter().copied() {
        let mut session = Session::new(kit);
        let verdict = match case.about().need.missing(&kit.peer) {
            Some(missing) => Err(missing),
            None => Ok(session.judge(case).await),
        };
        let ran = Ran {
            case,
            verdict,
            exchanges: session.exchanges,
        };
        done(&ran);
        all.push(ran);
    }
    all
}
