//! Finds violations in a history. A pure function without a clock or mesh.
//!
//! An observation is valid if some set of statements explains it: all statements in force before it began, plus any
//! subset of those sent before it ended. So neither the order of concurrent statements nor the outcome of unanswered
//! ones need be known.

mod colours;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::history::{Colour, History, Moment, Observation, Observer, Outcome, Stated, Statement};
use colours::possible;

/// Pending statements come into force within this time once the services are connected.
pub const PENDING_LIMIT: Moment = 5_000_000;

/// A violated guarantee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Breach {
    /// An observation begun after a statement was in force does not reflect it.
    Older {
        seen: Observation,
        possible: BTreeSet<Colour>,
    },
    /// A green observation begun after a confirmed case was acknowledged.
    GreenOverCase { seen: Observation, case: usize },
    /// A later observation shows an earlier version, or the same version with another colour.
    VersionWentBack { seen: Observation, after: i64 },
    /// The services were connected for longer than 5 s, and it is not in force.
    PendingTooLong {
        seen: Observation,
        possible: BTreeSet<Colour>,
    },
    /// After that time it is still reported as pending.
    SaidPending { statement: usize, asked: Moment },
    /// A valid statement was refused.
    Refused { statement: usize, reason: String },
    /// An acknowledged statement does not exist, or a statement was never answered.
    Lost { statement: usize },
    /// There is no observation of the final state: the history proves nothing about this person.
    NotSeenAtTheEnd { person: usize },
}

impl Breach {
    /// The person concerned.
    pub fn person(&self, history: &History) -> usize {
        match self {
            Self::Older { seen, .. }
            | Self::GreenOverCase { seen, .. }
            | Self::VersionWentBack { seen, .. }
            | Self::PendingTooLong { seen, .. } => seen.person,
            Self::SaidPending { statement, .. }
            | Self::Refused { statement, .. }
            | Self::Lost { statement } => history.statements[*statement].person,
            Self::NotSeenAtTheEnd { person } => *person,
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// All violations in a history.
pub fn judge(history: &History) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for seen in &history.seen {
        breaches.extend(green_over_case(history, seen));
        breaches.extend(older(history, seen));
    }
    breaches.extend(versions_went_back(history));
    for (n, statement) in history.statements.iter().enumerate() {
        breaches.extend(badly_answered(history, n, statement));
    }
    if let Some(closed) = history.closed {
        let unseen = unseen(history, closed).into_iter();
        breaches.extend(unseen.map(|person| Breach::NotSeenAtTheEnd { person }));
    }
    breaches
}

/// People without an observation begun at `since` or later.
pub fn unseen(history: &History, since: Moment) -> BTreeSet<usize> {
    let looked = history.seen.iter().filter(|seen| seen.begun >= since);
    let looked: BTreeSet<_> = looked.map(|seen| seen.person).collect();
    history.people().difference(&looked).copied().collect()
}

/// Whether everything stored is visible: the latest observation of each person, begun after `since`, reflects all of
/// it.
pub fn is_settled(history: &History, since: Moment, now: Moment) -> bool {
    history.people().into_iter().all(|person| {
        let about = history.about(person);
        let stored = |n: &usize| {
            history.statements[*n]
                .answers
                .iter()
                .any(|one| one.outcome.is_stored())
        };
        let must = about.iter().copied().filter(stored).collect();
        let expected = possible(history, &about, &must, now);
        let latest = history.seen.iter().filter(|seen| seen.person == person);
        let latest = latest.max_by_key(|seen| seen.begun);
        latest.is_some_and(|seen| seen.begun > since && expected.contains(&seen.colour))
    })
}

fn older(history: &History, seen: &Observation) -> Option<Breach> {
    let about = history.about(seen.person);
    let mut must = in_force(history, &about, seen.begun);
    let allowed = possible(history, &about, &must, seen.ended);
    if !allowed.contains(&seen.colour) {
        let seen = seen.clone();
        return Some(Breach::Older {
            seen,
            possible: allowed,
        });
    }
    must.extend(due(history, &about, seen.begun));
    let allowed = possible(history, &about, &must, seen.ended);
    (!allowed.contains(&seen.colour)).then(|| Breach::PendingTooLong {
        seen: seen.clone(),
        possible: allowed,
    })
}

/// Statements in force at `at`: those acknowledged as in force, and reports stored by risk-rules before a report that
/// was acknowledged as in force was sent (its decision includes all of them).
fn in_force(history: &History, about: &[usize], at: Moment) -> BTreeSet<usize> {
    let answers = |n: usize| {
        history.statements[n]
            .answers
            .iter()
            .filter(move |one| one.answered < at)
    };
    let reported = |n: &usize| history.statements[*n].said != Stated::Application;
    let told = about.iter().filter(|n| reported(n)).flat_map(|n| answers(*n));
    let told = told.filter(|one| one.outcome == Outcome::InForce);
    let basis = told.map(|one| one.asked).max().unwrap_or_default();
    let holds = |n: &usize| {
        answers(*n).any(|one| {
            one.outcome == Outcome::InForce
                || (reported(n) && one.outcome.is_stored() && one.answered < basis)
        })
    };
    about.iter().copied().filter(holds).collect()
}

/// Statements that had to be in force at `at`, because they were stored and the services had been connected long
/// enough.
fn due(history: &History, about: &[usize], at: Moment) -> BTreeSet<usize> {
    let Some(healed) = history.healed else {
        return BTreeSet::new();
    };
    let is_due = |n: &usize| {
        let stored = history.statements[*n]
            .answers
            .iter()
            .filter(|one| one.outcome.is_stored());
        let stored = stored.map(|one| one.answered).min();
        stored.is_some_and(|stored| at > stored.max(healed) + PENDING_LIMIT)
    };
    about.iter().copied().filter(is_due).collect()
}

/// Deliberately independent of the colour model: it holds whatever else is known of the person.
fn green_over_case(history: &History, seen: &Observation) -> Option<Breach> {
    if seen.colour != Colour::Green {
        return None;
    }
    let about = history.about(seen.person);
    let taken_back = |case: usize| {
        about.iter().any(|n| {
            let other = &history.statements[*n];
            other.said.target() == Some(case) && other.sent.is_some_and(|sent| sent < seen.ended)
        })
    };
    let acknowledged = |case: &&usize| {
        let case = &history.statements[**case];
        case.said.is_open_case()
            && case
                .answers
                .iter()
                .any(|one| one.outcome.is_acknowledged() && one.answered < seen.begun)
    };
    let case = *about
        .iter()
        .filter(acknowledged)
        .find(|case| !taken_back(**case))?;
    Some(Breach::GreenOverCase {
        seen: seen.clone(),
        case,
    })
}

/// Shown versions only grow, and one version has one colour.
fn versions_went_back(history: &History) -> Vec<Breach> {
    let shown = |seen: &&Observation| matches!(seen.how, Observer::Shown(_));
    let mut begun: Vec<&Observation> = history.seen.iter().filter(shown).collect();
    let mut ended = begun.clone();
    begun.sort_by_key(|seen| seen.begun);
    ended.sort_by_key(|seen| seen.ended);
    let (mut ended, mut newest) = (ended.into_iter().peekable(), BTreeMap::new());
    let mut colours = BTreeMap::new();
    let mut breaches = Vec::new();
    for seen in begun {
        let Observer::Shown(version) = seen.how else {
            continue;
        };
        while let Some(before) = ended.next_if(|before| before.ended < seen.begun) {
            if let Observer::Shown(version) = before.how {
                let newest = newest.entry(before.person).or_insert(version);
                *newest = version.max(*newest);
            }
        }
        let after = newest.get(&seen.person).copied().unwrap_or_default();
        let colour = *colours.entry((seen.person, version)).or_insert(seen.colour);
        if version < after || colour != seen.colour {
            breaches.push(Breach::VersionWentBack {
                seen: seen.clone(),
                after,
            });
        }
    }
    breaches
}

fn badly_answered(history: &History, n: usize, statement: &Statement) -> Option<Breach> {
    let mut first_stored = None;
    for answer in &statement.answers {
        match &answer.outcome {
            Outcome::Refused(reason) => {
                let reason = reason.clone();
                return Some(Breach::Refused { statement: n, reason });
            }
            Outcome::Missing => return Some(Breach::Lost { statement: n }),
            outcome if outcome.is_stored() => {
                let since = *first_stored.get_or_insert(answer.answered);
                let late = history
                    .healed
                    .is_some_and(|healed| answer.asked > healed.max(since) + PENDING_LIMIT);
                if late && *outcome != Outcome::InForce {
                    return Some(Breach::SaidPending {
                        statement: n,
                        asked: answer.asked,
                    });
                }
            }
            _ => {}
        }
    }
    let at_last = statement
        .answers
        .iter()
        .any(|one| one.outcome == Outcome::InForce);
    (history.closed.is_some() && statement.sent.is_some() && !at_last)
        .then_some(Breach::Lost { statement: n })
}
