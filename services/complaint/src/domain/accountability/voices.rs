//! What complaints about one place count for. One person has one voice in a period; what looks like a campaign counts up to the caps of the
//! rules; what would have opened a case but for them is left to a human. A function of what was filed and found alone: it says the same
//! whenever it is asked, and in whatever order the complaints are given.

use std::collections::{BTreeSet, HashMap, VecDeque};

use lutong_kernel::Timestamp;

use super::rules::{Caps, Counts, Rules, Threshold};

const DAY: i64 = 86_400;

/// Whether what was reported is so, stored in snake case.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, strum::EnumString, strum::IntoStaticStr,
)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Finding {
    Confirmed,
    NotConfirmed,
}

/// What makes complaints look like a campaign, stored in snake case.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, strum::EnumString, strum::IntoStaticStr,
)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Signal {
    Burst,
    OneNetwork,
    NewPersons,
    Unnamed,
}

/// A complaint about a place, as it is weighed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Voice {
    pub filed_at: Timestamp,
    /// Keyed hash of the person; absent of a complaint that names nobody.
    pub person: Option<[u8; 32]>,
    /// Keyed hash of the network from which it was filed, where that is known.
    pub network: Option<[u8; 32]>,
    /// Whether the person was registered shortly before, or the account has none.
    pub is_new: bool,
    pub finding: Option<Finding>,
    /// Whether a supervisor has dismissed what it was a part of.
    pub is_dismissed: bool,
}

/// What complaints amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment<'a> {
    pub threshold: &'a Threshold,
    /// Whether a case is opened; otherwise it is queued for a human.
    pub opens: bool,
    /// How many voices counted.
    pub counted: usize,
    pub signals: BTreeSet<Signal>,
}

/// What the complaints about a place on which no published outcome rests amount to: the first rule that opens a case, or else the first
/// that a human must look at.
pub fn assess<'a>(rules: &'a Rules, voices: &[Voice]) -> Option<Assessment<'a>> {
    let mut voices = voices.to_vec();
    voices.sort_unstable();
    let mut queued = None;
    for threshold in &rules.thresholds {
        let found = match threshold.counts {
            Counts::Confirmed => confirmed(rules, threshold, &voices),
            Counts::Persons => persons(rules, threshold, &voices),
        };
        match found {
            Some(assessment) if assessment.opens => return Some(assessment),
            found => queued = queued.or(found),
        }
    }
    queued
}

/// The first voice of each person in each period, in the order of time. Complaints that name nobody are one voice of their network.
fn one_of_each<'v>(voices: impl Iterator<Item = &'v Voice>, period_days: i64) -> Vec<&'v Voice> {
    let mut last = HashMap::new();
    let is_first = |voice: &&Voice| {
        let network = || voice.network.map(|network| (false, network));
        let Some(who) = voice.person.map(|person| (true, person)).or_else(network) else {
            return true;
        };
        let begins = |before: &mut Timestamp| {
            let is_over = before.plus_seconds(period_days * DAY) <= voice.filed_at;
            if is_over {
                *before = voice.filed_at;
            }
            is_over
        };
        match last.get_mut(&who) {
            Some(before) => begins(before),
            None => last.insert(who, voice.filed_at).is_none(),
        }
    };
    voices.filter(is_first).collect()
}

fn confirmed<'a>(rules: &Rules, threshold: &'a Threshold, voices: &[Voice]) -> Option<Assessment<'a>> {
    let confirmed = voices
        .iter()
        .filter(|voice| voice.finding == Some(Finding::Confirmed));
    let mut window = VecDeque::new();
    for voice in one_of_each(confirmed, rules.period_days) {
        window.push_back(voice.filed_at);
        forget(&mut window, threshold, voice.filed_at, |at| *at);
        if window.len() >= threshold.count {
            return Some(Assessment {
                threshold,
                opens: true,
                counted: window.len(),
                signals: BTreeSet::new(),
            });
        }
    }
    None
}

fn persons<'a>(rules: &Rules, threshold: &'a Threshold, voices: &[Voice]) -> Option<Assessment<'a>> {
    let standing = voices
        .iter()
        .filter(|voice| voice.finding != Some(Finding::NotConfirmed));
    let (mut counted, mut claimed, mut left_out) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
    let mut queued = None;
    for voice in one_of_each(standing, rules.period_days) {
        let at = voice.filed_at;
        forget(&mut counted, threshold, at, |one: &&Voice| one.filed_at);
        forget(&mut claimed, threshold, at, |at| *at);
        forget(&mut left_out, threshold, at, |(at, _)| *at);
        if !voice.is_dismissed {
            claimed.push_back(at);
        }
        match left_out_for(&rules.caps, &counted, voice) {
            None => counted.push_back(voice),
            Some(signal) => left_out.push_back((at, signal)),
        }
        if counted.len() >= threshold.count {
            return Some(Assessment {
                threshold,
                opens: true,
                counted: counted.len(),
                signals: BTreeSet::new(),
            });
        }
        if claimed.len() >= threshold.count && queued.is_none() {
            queued = Some(Assessment {
                threshold,
                opens: false,
                counted: counted.len(),
                signals: left_out.iter().map(|(_, signal)| *signal).collect(),
            });
        }
    }
    queued
}

/// Drops what no longer lies in the days of a rule.
fn forget<T>(window: &mut VecDeque<T>, threshold: &Threshold, now: Timestamp, at: impl Fn(&T) -> Timestamp) {
    let is_over = |one: &T| at(one).plus_seconds(threshold.days * DAY) <= now;
    while window.front().is_some_and(is_over) {
        window.pop_front();
    }
}

/// Why a voice does not count beside those that do. One that an officer has found to be so always counts.
fn left_out_for(caps: &Caps, counted: &VecDeque<&Voice>, voice: &Voice) -> Option<Signal> {
    if voice.finding == Some(Finding::Confirmed) {
        return None;
    }
    if voice.person.is_none() {
        return Some(Signal::Unnamed);
    }
    let burst_from = voice.filed_at.plus_seconds(-60 * caps.burst_minutes);
    let at_once = counted.iter().rev().take_while(|one| burst_from < one.filed_at);
    if at_once.count() >= caps.burst {
        return Some(Signal::Burst);
    }
    let of_network = counted
        .iter()
        .filter(|one| one.network.is_some() && one.network == voice.network);
    if of_network.count() >= caps.network {
        return Some(Signal::OneNetwork);
    }
    let new = counted.iter().filter(|one| one.is_new);
    (voice.is_new && new.count() >= caps.new).then_some(Signal::NewPersons)
}

#[cfg(test)]
mod tests;
