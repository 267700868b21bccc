//! A daily report and the fact that it states.

use lutong_kernel::fault::Violations;
use lutong_kernel::{ApplicationId, Fault, LocalDay, Timestamp, Violation};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use crate::declarations::domain::statement::{SELF, Statement, key};
use crate::fault::daily_reports;

/// From 37.3 °C a temperature alone is stated as a fact. What colour follows is the rule set's to say.
const FEVER_TENTHS: i32 = 373;
/// Tenths of a degree that are not a rounding error.
const DECIMALS: f64 = 1e-6;

/// A report as stated, unchecked.
#[derive(Debug, Clone, PartialEq)]
pub struct StatedReport<'a> {
    pub date: &'a str,
    /// As rule sets name them, for example `dry_cough`; `None` for one without a name.
    pub symptoms: Vec<Option<String>>,
    pub temperature_c: Option<f64>,
    pub cleared: bool,
}

/// A checked report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DailyReport {
    /// Days since 1970-01-01.
    day: i32,
    symptoms: Vec<String>,
    temperature_tenths: Option<i32>,
    cleared: bool,
}

impl StatedReport<'_> {
    /// Checks the report, or returns every wrong field.
    pub fn check(self, today: LocalDay) -> Result<DailyReport, Fault> {
        let mut wrong = Violations::new();
        let day = wrong.take(check_day(self.date, today));
        let tenths = wrong.take(self.temperature_c.map(tenths).transpose());
        let is_unwell = !self.symptoms.is_empty() || tenths.flatten().is_some_and(is_fever);
        if self.cleared && is_unwell {
            wrong.push(daily_reports::cleared_with_symptoms());
        }
        let mut symptoms = Vec::with_capacity(self.symptoms.len());
        for (n, symptom) in self.symptoms.into_iter().enumerate() {
            symptoms.extend(wrong.take(symptom.ok_or_else(|| daily_reports::symptom_unknown(n))));
        }
        symptoms.sort_unstable();
        symptoms.dedup();
        let checked = day.zip(tenths).map(|(day, temperature_tenths)| DailyReport {
            day: day.days(),
            symptoms,
            temperature_tenths,
            cleared: self.cleared,
        });
        wrong.finish()?;
        checked.ok_or_else(|| Fault::internal("a daily report without violation was not read"))
    }
}

fn check_day(text: &str, today: LocalDay) -> Result<LocalDay, Violation> {
    let day = LocalDay::parse(text).map_err(|error| daily_reports::report_date_shape(&error))?;
    if day == today || day == today.plus_days(-1) {
        return Ok(day);
    }
    Err(daily_reports::report_date_outside())
}

#[allow(clippy::cast_possible_truncation)] // the contract bounds it to 34 to 43
fn tenths(celsius: f64) -> Result<i32, Violation> {
    let tenths = celsius * 10.0;
    if (tenths - tenths.round()).abs() < DECIMALS {
        return Ok(tenths.round() as i32);
    }
    Err(daily_reports::temperature_decimals())
}

const fn is_fever(tenths: i32) -> bool {
    tenths >= FEVER_TENTHS
}

impl DailyReport {
    pub const fn day(&self) -> LocalDay {
        LocalDay::from_days(self.day)
    }

    /// As rule sets name them, each once.
    pub fn symptoms(&self) -> &[String] {
        &self.symptoms
    }

    pub fn temperature_c(&self) -> Option<f64> {
        self.temperature_tenths.map(|tenths| f64::from(tenths) / 10.0)
    }

    /// Whether it says that earlier symptoms are gone.
    pub const fn is_cleared(&self) -> bool {
        self.cleared
    }

    /// The fact of symptoms or fever; a report of neither states none.
    pub fn statement(&self, declaration: ApplicationId, now: Timestamp) -> Option<Statement> {
        if self.symptoms.is_empty() && !self.temperature_tenths.is_some_and(is_fever) {
            return None;
        }
        // A report of yesterday is of that day from its start.
        let observed_at = if now.local_day() == self.day() {
            now
        } else {
            self.day().start()
        };
        let mut attributes = Map::new();
        attributes.insert("observed_at".to_owned(), json!(observed_at));
        attributes.insert("symptoms".to_owned(), json!(self.symptoms));
        if let Some(celsius) = self.temperature_c() {
            attributes.insert("temperature_c".to_owned(), json!(celsius));
        }
        Some(Statement {
            source: SELF.to_owned(),
            key: key(declaration, "symptoms"),
            kind: "symptoms".to_owned(),
            attributes,
            replaces: None,
            retracts: None,
        })
    }

    /// The corrections that end the symptoms stated before: those observed until this report says that they were gone.
    pub fn corrections(
        &self,
        declaration: ApplicationId,
        now: Timestamp,
        open: Vec<Statement>,
    ) -> Vec<Statement> {
        if !self.cleared {
            return Vec::new();
        }
        let cleared_at = now.min(self.day().end());
        let is_before = |one: &Statement| {
            let observed = one.attributes.get("observed_at").and_then(|at| at.as_str());
            observed
                .and_then(|at| Timestamp::parse(at).ok())
                .is_some_and(|at| at <= cleared_at)
        };
        let ended = open.into_iter().filter(is_before).enumerate();
        let correct = |(n, earlier): (usize, Statement)| {
            let mut attributes = earlier.attributes;
            attributes.insert("cleared_at".to_owned(), json!(cleared_at));
            Statement {
                key: key(declaration, format_args!("cleared-{n}")),
                replaces: Some(earlier.key),
                attributes,
                ..earlier
            }
        };
        ended.map(correct).collect()
    }
}

#[cfg(test)]
mod tests;
