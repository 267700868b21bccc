//! Declaration's part of the configuration: the databases that it pulls on a schedule.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use lutong_chassis::BuildError;
use lutong_kernel::{DivisionCode, Secret};
use lutong_transport::access::FeedGrant;
use serde::{Deserialize, Serialize};

use crate::SERVICE;
use crate::declarations::domain::daily_limits::DailyLimits;
use crate::feeds::domain::{self as feed, MAX_ROWS};
use crate::https::{Credential, Endpoint};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeclarationConfig {
    /// Databases that are pulled on a schedule.
    pub pull: Vec<PullConfig>,
    /// The most daily reports of a person on a local day.
    pub daily_reports_per_day: NonZeroU32,
    /// The most applications of an account on a local day that replace another one.
    pub application_edits_per_day: NonZeroU32,
}

const TEN: NonZeroU32 = NonZeroU32::new(10).unwrap();
const TWENTY: NonZeroU32 = NonZeroU32::new(20).unwrap();

impl Default for DeclarationConfig {
    fn default() -> Self {
        Self {
            pull: Vec::new(),
            daily_reports_per_day: TEN,
            application_edits_per_day: TWENTY,
        }
    }
}

impl DeclarationConfig {
    pub(crate) const fn daily_limits(&self) -> DailyLimits {
        DailyLimits {
            daily_reports: self.daily_reports_per_day.get(),
            edits: self.application_edits_per_day.get(),
        }
    }
}

/// A database and what it may report. `formats/pull.md` specifies request and answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PullConfig {
    /// The source of its facts, for example `epidemic-database`.
    pub source: String,
    /// `https://…`, or `http://…` on this machine.
    pub url: String,
    /// A file whose text is sent as bearer token; read again at each page, so that it can be renewed.
    #[serde(default)]
    pub credential_file: Option<PathBuf>,
    /// An environment variable with that text, when there is no file.
    #[serde(default)]
    pub credential_variable: Option<String>,
    /// The CA (PEM) of the database's certificate. Default: the CAs that this machine trusts.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Seconds between two pulls.
    #[serde(default = "five_minutes")]
    pub interval_s: u64,
    /// The most records of a page.
    #[serde(default = "five_hundred")]
    pub page_size: u32,
    /// Seconds until the last byte of a page must have arrived.
    #[serde(default = "half_a_minute")]
    pub timeout_s: u64,
    /// Fact kinds that the database may report.
    pub kinds: Vec<String>,
    /// Divisions whose places it may report. Default: the whole province.
    #[serde(default)]
    pub divisions: Vec<String>,
}

const fn five_minutes() -> u64 {
    300
}

const fn five_hundred() -> u32 {
    500
}

const fn half_a_minute() -> u64 {
    30
}

/// The longest interval and the longest timeout, in seconds.
const LONGEST_INTERVAL: u64 = 7 * 86_400;
const LONGEST_TIMEOUT: u64 = 60;

/// A configured database.
#[derive(Debug)]
pub struct PullSource {
    pub grant: FeedGrant,
    pub endpoint: Endpoint,
    pub interval: Duration,
    pub page_size: u32,
}

/// Checks and opens the configured sources; `lutong config check` calls it, too.
pub fn sources(config: &DeclarationConfig) -> Result<Vec<PullSource>, BuildError> {
    let mut sources: Vec<PullSource> = Vec::with_capacity(config.pull.len());
    for (n, one) in config.pull.iter().enumerate() {
        let failed = |(key, reason): (&str, String)| BuildError::Config {
            service: SERVICE,
            reason: format!("declaration.pull[{n}].{key}: {reason}"),
        };
        let source = read(one).map_err(failed)?;
        if sources.iter().any(|other| other.grant.source == one.source) {
            return Err(failed(("source", format!("{:?} is there twice", one.source))));
        }
        sources.push(source);
    }
    Ok(sources)
}

/// A wrong key, and why it is wrong.
type ConfigViolation = (&'static str, String);

fn read(config: &PullConfig) -> Result<PullSource, ConfigViolation> {
    feed::check_source(&config.source).map_err(|error| ("source", error.to_string()))?;
    if config.kinds.is_empty() {
        return Err(("kinds", "says what it may report".to_owned()));
    }
    for kind in &config.kinds {
        feed::check_kind(kind).map_err(|error| ("kinds", error.to_string()))?;
    }
    let divisions = config
        .divisions
        .iter()
        .map(|code| DivisionCode::parse(code).map_err(|error| ("divisions", format!("{code}: {error}"))));
    check_range("interval_s", config.interval_s, LONGEST_INTERVAL)?;
    check_range("timeout_s", config.timeout_s, LONGEST_TIMEOUT)?;
    check_range("page_size", u64::from(config.page_size), MAX_ROWS as u64)?;
    let timeout = Duration::from_secs(config.timeout_s);
    Ok(PullSource {
        grant: FeedGrant {
            source: config.source.clone(),
            kinds: config.kinds.clone(),
            divisions: divisions.collect::<Result<_, _>>()?,
        },
        endpoint: Endpoint::open(
            &config.source,
            &config.url,
            credential(config)?,
            config.ca_file.as_deref(),
            timeout,
        )?,
        interval: Duration::from_secs(config.interval_s),
        page_size: config.page_size,
    })
}

fn check_range(key: &'static str, value: u64, most: u64) -> Result<(), ConfigViolation> {
    if (1..=most).contains(&value) {
        return Ok(());
    }
    Err((key, format!("lies between 1 and {most}")))
}

fn credential(config: &PullConfig) -> Result<Credential, ConfigViolation> {
    match (&config.credential_file, &config.credential_variable) {
        (None, None) => Ok(Credential::None),
        (Some(file), None) => Ok(Credential::File(file.clone())),
        (None, Some(name)) => match std::env::var(name) {
            Ok(text) => Ok(Credential::Text(Secret::new(text))),
            Err(_) => Err(("credential_variable", format!("{name} is not set"))),
        },
        (Some(_), Some(_)) => {
            let reason = "either credential_file or credential_variable, not both";
            Err(("credential_variable", reason.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> PullConfig {
        let text = r#"{"source": "epidemic-database", "url": "https://db.example/changes", "kinds": ["database_anomaly"]}"#;
        serde_json::from_str(text).unwrap()
    }

    fn of(pull: Vec<PullConfig>) -> DeclarationConfig {
        DeclarationConfig {
            pull,
            ..DeclarationConfig::default()
        }
    }

    #[test]
    fn limits_are_at_least_one_and_nothing_else_can_be_configured() {
        let read = |text| serde_json::from_str::<DeclarationConfig>(text);
        let config = read(r#"{"daily_reports_per_day": 3}"#).unwrap();
        let limits = config.daily_limits();
        assert_eq!((limits.daily_reports, limits.edits), (3, 20));
        for wrong in [
            r#"{"daily_reports_per_day": 0}"#,
            r#"{"application_edits_per_day": -1}"#,
            r#"{"conditions_of_green": ["quarantine"]}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    fn wrong(change: impl FnOnce(&mut PullConfig)) -> String {
        let mut changed = config();
        change(&mut changed);
        let pull = vec![changed];
        sources(&of(pull)).unwrap_err().to_string()
    }

    #[test]
    fn a_source_needs_its_name_address_and_kinds_only() {
        let read = sources(&of(vec![config()])).unwrap();
        assert_eq!(read[0].interval, Duration::from_secs(300));
        assert_eq!(read[0].page_size, 500);
        assert!(sources(&DeclarationConfig::default()).unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_by_its_key() {
        assert!(wrong(|one| one.source = "self".into()).contains("declaration.pull[0].source"));
        assert!(wrong(|one| one.kinds.clear()).contains("pull[0].kinds"));
        assert!(wrong(|one| one.kinds = vec!["designation".into()]).contains("pull[0].kinds"));
        assert!(wrong(|one| one.divisions = vec!["37".into()]).contains("pull[0].divisions: 37"));
        assert!(wrong(|one| one.interval_s = 0).contains("pull[0].interval_s"));
        assert!(wrong(|one| one.timeout_s = 3_600).contains("pull[0].timeout_s"));
        assert!(wrong(|one| one.page_size = 1_001).contains("pull[0].page_size"));
        let both = wrong(|one| {
            one.credential_file = Some("token".into());
            one.credential_variable = Some("TOKEN".into());
        });
        assert!(both.contains("not both"), "{both}");
        let unset = wrong(|one| one.credential_variable = Some("NO_SUCH_VARIABLE_HERE".into()));
        assert!(unset.contains("is not set"), "{unset}");
        let twice = of(vec![config(), config()]);
        let twice = sources(&twice).unwrap_err().to_string();
        assert!(
            twice.contains("pull[1].source") && twice.contains("twice"),
            "{twice}"
        );
    }

    #[test]
    fn personal_data_goes_over_tls_or_stays_on_this_machine() {
        for bad in [
            "http://db.example/changes",
            "ftp://db.example/",
            "db.example",
            "",
            "https://user:password@db.example/",
            "http://127.0.0.1.example/",
        ] {
            assert!(wrong(|one| one.url = bad.into()).contains("pull[0].url"), "{bad}");
        }
        for good in [
            "http://127.0.0.1:8000/x",
            "http://[::1]:8000/",
            "http://localhost/",
            "https://db:8443",
        ] {
            let mut one = config();
            one.url = good.to_owned();
            assert!(sources(&of(vec![one])).is_ok(), "{good}");
        }
    }
}
