//! Which of several records counts: a policy that is data, with the cases that prove it. Pure.

use std::collections::BTreeMap;

use lutong_kernel::Timestamp;
use lutong_token::Issuer;
use serde::Deserialize;

use super::HealthRecord;
use crate::colour_maps::domain::RecognitionOutcome;

/// The policies of this build.
const POLICIES: &str = include_str!("../../../data/record-policies.toml");
/// A record may say that it is so much newer than our clock.
const TOLERANCE_SECONDS: i64 = 300;
/// Days that a policy may look back.
const MAX_DAYS: u16 = 366;

/// One step of a policy: it keeps some of the records that the steps before have left, and never none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Step {
    /// Those updated within `days`, if there are any.
    Recent,
    /// Those that say the worst.
    Worst,
    /// Those of the province that the person says the code is of, if there are any.
    Own,
    /// Those updated last.
    Newest,
}

/// Which of several records counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordPolicy {
    pub id: String,
    pub source: String,
    days: u16,
    steps: Vec<Step>,
}

/// What came of several records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub outcome: RecognitionOutcome,
    /// The place of the record that decided; `None` where there is no record.
    pub record: Option<usize>,
}

/// Policies that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record policies: {0}")]
pub struct RecordPolicyError(String);

impl RecordPolicy {
    /// What counts of a partner's records. No record is NO_CODE: that nobody holds anything is no colour. `origin` is the province whose code
    /// the person says it is.
    ///
    /// A record that does not say when it was updated, or says a time that has not come, is as new as any: whoever writes no time, or a wrong
    /// one, neither hides what others say nor is hidden. Of those that are left at the end the worst counts.
    pub fn decide(&self, records: &[HealthRecord], origin: Option<Issuer>, now: Timestamp) -> Verdict {
        let mut left: Vec<usize> = (0..records.len()).collect();
        for step in self.steps.iter().chain(&[Step::Worst]) {
            let kept = self.keep(*step, &left, records, origin, now);
            if !kept.is_empty() {
                left = kept;
            }
        }
        match left
            .first()
            .and_then(|place| Some((*place, records.get(*place)?)))
        {
            None => Verdict {
                outcome: RecognitionOutcome::NoCode,
                record: None,
            },
            Some((place, record)) => Verdict {
                outcome: record.value,
                record: Some(place),
            },
        }
    }

    fn keep(
        &self,
        step: Step,
        left: &[usize],
        records: &[HealthRecord],
        origin: Option<Issuer>,
        now: Timestamp,
    ) -> Vec<usize> {
        let known = |place: &usize| Some((*place, records.get(*place)?));
        let all = || left.iter().filter_map(known);
        let updated = |record: &HealthRecord| {
            let latest = now.plus_seconds(TOLERANCE_SECONDS);
            record.updated.filter(|at| *at <= latest)
        };
        let kept = |is_kept: &dyn Fn(&HealthRecord) -> bool| {
            let kept = all().filter(|(_, record)| is_kept(record));
            kept.map(|(place, _)| place).collect()
        };
        match step {
            Step::Recent => {
                let first = now.local_day().plus_days(-i32::from(self.days)).start();
                kept(&|record| updated(record).is_none_or(|at| first <= at))
            }
            Step::Worst => {
                let worst = all().map(|(_, record)| severity(record.value)).max();
                kept(&|record| Some(severity(record.value)) == worst)
            }
            Step::Own => kept(&|record| Some(record.province) == origin),
            Step::Newest => {
                let newest = all().filter_map(|(_, record)| updated(record)).max();
                kept(&|record| updated(record).is_none_or(|at| Some(at) == newest))
            }
        }
    }
}

/// How bad a value is. What is no colour is worse than green, so that it never becomes green beside a green one, and better than a colour that
/// somebody did state.
const fn severity(value: RecognitionOutcome) -> u8 {
    match value {
        RecognitionOutcome::Green => 0,
        RecognitionOutcome::NoCode => 1,
        RecognitionOutcome::NotFound => 2,
        RecognitionOutcome::Throttled => 3,
        RecognitionOutcome::Unreachable => 4,
        RecognitionOutcome::UnknownValue => 5,
        RecognitionOutcome::NameMismatch => 6,
        RecognitionOutcome::UnderReview => 7,
        RecognitionOutcome::Yellow => 8,
        RecognitionOutcome::Red => 9,
    }
}

/// All policies, by id.
#[derive(Debug, Clone)]
pub struct RecordPolicies(BTreeMap<String, RecordPolicy>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    policy: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    source: String,
    #[serde(default)]
    days: u16,
    steps: Vec<Step>,
    case: Vec<Case>,
}

/// What a policy makes of some records; a policy whose cases do not hold is not used.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    origin: Option<String>,
    now: Timestamp,
    records: Vec<CaseRecord>,
    outcome: RecognitionOutcome,
    /// The place of the record that decides, from 0; absent where none does.
    decides: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseRecord {
    province: String,
    updated: Option<Timestamp>,
    value: RecognitionOutcome,
}

impl RecordPolicies {
    /// The policies of this build.
    pub fn of_build() -> Result<Self, RecordPolicyError> {
        Self::parse(POLICIES)
    }

    /// Reads policies and runs the cases of each.
    pub fn parse(text: &str) -> Result<Self, RecordPolicyError> {
        let file: File = toml::from_str(text).map_err(|error| RecordPolicyError(error.to_string()))?;
        let mut policies = BTreeMap::new();
        for entry in file.policy {
            let wrong = |reason: &str| RecordPolicyError(format!("{}: {reason}", entry.id));
            if entry.steps.is_empty() || entry.case.is_empty() {
                return Err(wrong("has steps, and cases that prove them"));
            }
            if entry.steps.contains(&Step::Recent) != (1..=MAX_DAYS).contains(&entry.days) {
                return Err(wrong("RECENT goes with days, 1 to 366"));
            }
            if policies.contains_key(&entry.id) {
                return Err(wrong("is there twice"));
            }
            let policy = RecordPolicy {
                id: entry.id.clone(),
                source: entry.source,
                days: entry.days,
                steps: entry.steps,
            };
            for case in &entry.case {
                case.check(&policy)
                    .map_err(|reason| RecordPolicyError(format!("{}: {}: {reason}", policy.id, case.name)))?;
            }
            policies.insert(entry.id, policy);
        }
        Ok(Self(policies))
    }

    pub fn get(&self, id: &str) -> Option<&RecordPolicy> {
        self.0.get(id)
    }

    /// In the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &RecordPolicy> {
        self.0.values()
    }
}

impl Case {
    fn check(&self, policy: &RecordPolicy) -> Result<(), String> {
        let issuer = |text: &str| Issuer::parse(text).map_err(|error| error.to_string());
        let origin = self.origin.as_deref().map(issuer).transpose()?;
        let mut records = Vec::new();
        for record in &self.records {
            records.push(HealthRecord {
                province: issuer(&record.province)?,
                city: String::new(),
                kind: String::new(),
                reason: String::new(),
                first_issued: None,
                updated: record.updated,
                value: record.value,
            });
        }
        let expected = Verdict {
            outcome: self.outcome,
            record: self.decides,
        };
        let found = policy.decide(&records, origin, self.now);
        if found == expected {
            Ok(())
        } else {
            Err(format!("it says {expected:?}, and the steps make it {found:?}"))
        }
    }
}
