//! The colour that a set of statements makes: the order's words once more, by hand, for the few facts that are reported
//! here. The product evaluates a rule set; this must not.

use std::collections::BTreeSet;

use crate::never::history::{Colour, Fact, History, Moment, Said};

/// Statements of one person whose effect is unknown at the most: every set of them is tried.
const MOST_OPEN: usize = 14;

/// The colours that some set of statements makes which has all of `must` in it and else what was sent before `until`.
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

/// The colour that these statements make; `None` where what one of them takes back is not among them, which cannot be.
fn colour(history: &History, statements: &BTreeSet<usize>) -> Option<Colour> {
    let said = |n: &usize| history.statements[*n].said;
    let targets: BTreeSet<usize> = statements.iter().filter_map(|n| said(n).target()).collect();
    if !targets.is_subset(statements) {
        return None;
    }
    if !statements.iter().any(|n| said(n) == Said::Application) {
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
