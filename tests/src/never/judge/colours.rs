//! The colour that results from a set of statements: the rules written by hand for the few facts that are reported
//! here, independent of the product's rule sets.

use std::collections::BTreeSet;

use crate::never::history::{Colour, Fact, History, Moment, Stated};

/// Maximum number of statements of one person with unknown effect, since every subset of them is tried.
const MOST_OPEN: usize = 14;

/// The colours that result from some set of statements that includes all of `must` and any sent before `until`.
pub fn possible(
    history: &History,
    about: &[usize],
    must: &BTreeSet<usize>,
    until: Moment,
) -> BTreeSet<Colour> {
    let may = about.iter().copied().filter(|n| {
        let sent = history.statements[*n].sent;
        !must.contains(n) && sent.is_some_and(|sent| sent < until)
    });
    let may: Vec<usize> = may.collect();
    assert!(may.len() <= MOST_OPEN, "{} statements at once", may.len());
    let sets = 0_u32..1 << may.len();
    let with = |bits: u32| {
        let more = may.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
        must.iter().copied().chain(more.map(|(_, n)| *n)).collect()
    };
    sets.filter_map(|bits| colour(history, &with(bits))).collect()
}

/// The colour that results from these statements; `None` if the target of one is missing, which is impossible.
fn colour(history: &History, statements: &BTreeSet<usize>) -> Option<Colour> {
    let said = |n: &usize| history.statements[*n].said;
    let targets: BTreeSet<usize> = statements.iter().filter_map(|n| said(n).target()).collect();
    if !targets.is_subset(statements) {
        return None;
    }
    if !statements.iter().any(|n| said(n) == Stated::Application) {
        return Some(Colour::None);
    }
    let believed = statements.iter().filter(|n| !targets.contains(n));
    Some(worst(believed.filter_map(|n| said(n).fact()).collect()))
}

fn worst(facts: Vec<Fact>) -> Colour {
    let tested = facts.contains(&Fact::NegativeTest);
    let each = facts.into_iter().map(|fact| match fact {
        Fact::Case | Fact::Contact => Colour::Red,
        Fact::CaseDischarged | Fact::FeverClinic | Fact::Symptoms | Fact::Entry => Colour::Yellow,
        Fact::EntryAfterQuarantine if !tested => Colour::Yellow,
        Fact::EntryAfterQuarantine | Fact::NegativeTest => Colour::Green,
    });
    each.max().unwrap_or(Colour::Green)
}
