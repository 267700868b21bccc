//! Client of the card platform, which numbers health cards, verifies its own dynamic codes and is told of uses. Two families of
//! interfaces are in use; an installation speaks one of them.

mod card_management;
mod open_platform;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use http_body_util::Full;
use lutong_chassis::{BuildError, Foundation};
use lutong_https::{HttpsClient, OutsideUrl, Settings};
use lutong_kernel::document::DocumentType;
use lutong_kernel::{Secret, Timestamp};
use prost::bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::card_management::CardManagement;
use self::open_platform::OpenPlatform;
use crate::SERVICE;
use crate::health_cards::domain::CardNumber;
use crate::medical_steps::domain::MedicalStep;
use crate::medical_terminals::domain::Place;
use crate::people::domain::Person;

/// Bytes of an answer.
const MAX_BYTES: usize = 64 * 1024;

/// Which interface the platform has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// The health-card open platform for service accounts and mini-programs (JSON, SHA-256).
    #[default]
    OpenPlatform,
    /// The national card-management system behind a front machine, V2 (SM3, SM4).
    CardManagement,
}

/// Where and as whom the platform is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CardPlatformConfig {
    /// `https://…`, the address before the names of operations; empty: this system has no health cards.
    pub url: String,
    pub family: Family,
    /// The id that the platform gave this system.
    pub app_id: String,
    /// A file with the secret that the platform gave: it signs, and with the card-management family its first 16 bytes encrypt.
    pub secret_file: Option<PathBuf>,
    /// The code under which this system is known as an institution (hospitalId, orgCode).
    pub organisation: String,
    /// Answers by which the platform says that what it was told is wrong for good. Every other answer that is not good is tried again.
    pub refused_codes: Vec<String>,
    /// The authority (PEM) of its certificate; absent: those that this machine trusts.
    pub ca_file: Option<PathBuf>,
    /// How long it may take, in milliseconds: a patient is waiting.
    pub timeout_ms: u64,
    /// How long it is left alone after it did not answer, in seconds.
    pub retry_s: u64,
}

impl Default for CardPlatformConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            family: Family::default(),
            app_id: String::new(),
            secret_file: None,
            organisation: String::new(),
            refused_codes: Vec::new(),
            ca_file: None,
            timeout_ms: 3_000,
            retry_s: 30,
        }
    }
}

/// What the platform answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    Good(T),
    /// What it was told is wrong for good.
    Refused,
    /// It gave no clear answer.
    Unavailable,
}

impl<T> Answer<T> {
    /// What a good answer says, where it can be read.
    fn and_then<U>(self, read: impl FnOnce(T) -> Answer<U>) -> Answer<U> {
        match self {
            Self::Good(answer) => read(answer),
            Self::Refused => Answer::Refused,
            Self::Unavailable => Answer::Unavailable,
        }
    }
}

/// A use of a card, to be reported.
#[derive(Debug)]
pub struct ReportedUse<'a> {
    pub place: &'a Place,
    pub number: &'a CardNumber,
    pub person: &'a Person,
    pub step: MedicalStep,
    pub department: &'a str,
    pub payment: &'a str,
    pub at: Timestamp,
}

/// A client of the platform; cheap to clone.
#[derive(Clone)]
pub struct CardPlatform(Option<Arc<Speaker>>);

enum Speaker {
    OpenPlatform(OpenPlatform),
    CardManagement(CardManagement),
}

impl CardPlatform {
    pub fn new(config: &CardPlatformConfig, foundation: &Foundation) -> Result<Self, BuildError> {
        if config.url.is_empty() {
            return Ok(Self(None));
        }
        let endpoint = Endpoint::new(config)?;
        let speaker = match config.family {
            Family::OpenPlatform => Speaker::OpenPlatform(OpenPlatform::new(endpoint, foundation)),
            Family::CardManagement => Speaker::CardManagement(CardManagement::new(endpoint, foundation)),
        };
        Ok(Self(Some(Arc::new(speaker))))
    }

    /// Whether there is a platform.
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Asks for a person's card. Asking again answers the same number.
    pub async fn register(&self, person: &Person) -> Answer<CardNumber> {
        match self.0.as_deref() {
            None => Answer::Unavailable,
            Some(Speaker::OpenPlatform(speaker)) => speaker.register(person).await,
            Some(Speaker::CardManagement(speaker)) => speaker.register(person).await,
        }
    }

    /// Tells what a holder's items are now. Answers the number of their card, which a platform that numbers documents may have changed.
    pub async fn modify(&self, person: &Person, number: &CardNumber) -> Answer<CardNumber> {
        match self.0.as_deref() {
            None => Answer::Unavailable,
            // The family has no operation for it: a registration takes the items as they are.
            Some(Speaker::OpenPlatform(speaker)) => speaker.register(person).await,
            Some(Speaker::CardManagement(speaker)) => speaker.modify(person, number).await,
        }
    }

    /// Asks whose a dynamic code of the platform is.
    pub async fn verify(
        &self,
        code: &Secret<String>,
        place: &Place,
        step: MedicalStep,
    ) -> Answer<CardNumber> {
        match self.0.as_deref() {
            None => Answer::Refused,
            Some(Speaker::OpenPlatform(speaker)) => speaker.verify(code, place, step).await,
            Some(Speaker::CardManagement(speaker)) => speaker.verify(code, place, step).await,
        }
    }

    /// Reports a use.
    pub async fn report(&self, used: &ReportedUse<'_>) -> Answer<()> {
        match self.0.as_deref() {
            None => Answer::Unavailable,
            Some(Speaker::OpenPlatform(speaker)) => speaker.report(used).await,
            // The family takes the step with the reading; it has no report afterwards.
            Some(Speaker::CardManagement(_)) => Answer::Good(()),
        }
    }
}

/// The platform's address, and as whom it is asked.
#[derive(Debug)]
struct Endpoint {
    base: String,
    client: HttpsClient,
    config: CardPlatformConfig,
}

impl Endpoint {
    fn new(config: &CardPlatformConfig) -> Result<Self, BuildError> {
        let wrong = |key: &str, reason: String| BuildError::Config {
            service: SERVICE,
            reason: format!("identity.card_platform.{key}: {reason}"),
        };
        OutsideUrl::parse(&config.url).map_err(|error| wrong("url", error.to_string()))?;
        if config.secret_file.is_none() {
            return Err(wrong(
                "secret_file",
                "is missing: the platform takes signed questions only".to_owned(),
            ));
        }
        let client = HttpsClient::new(Settings {
            name: "card-platform".to_owned(),
            timeout: Duration::from_millis(config.timeout_ms),
            max_bytes: MAX_BYTES,
            ca: config.ca_file.clone(),
        });
        Ok(Self {
            base: config.url.trim_end_matches('/').to_owned(),
            client: client.map_err(|error| wrong("ca_file", error.to_string()))?,
            config: config.clone(),
        })
    }

    /// The secret, read anew so that it can be renewed.
    async fn secret(&self) -> Option<Secret<String>> {
        let file = self.config.secret_file.as_ref()?;
        let text = tokio::fs::read_to_string(file).await.inspect_err(|error| {
            tracing::error!(file = %file.display(), %error, "the secret of the card platform cannot be read");
        });
        Some(Secret::new(text.ok()?.trim().to_owned()))
    }

    /// Sends a JSON body and reads a JSON answer. Whatever is none is no answer.
    async fn post(&self, path: &str, body: &Value) -> Option<Value> {
        let url = OutsideUrl::parse(&format!("{}/{path}", self.base)).ok()?;
        let request = Request::post(url.uri())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.to_string())))
            .ok()?;
        let answer = self.client.send(request).await;
        let answer = answer
            .inspect_err(|failure| tracing::warn!(%failure, "the card platform is away"))
            .ok()?;
        if answer.status() != StatusCode::OK {
            tracing::warn!(
                status = answer.status().as_u16(),
                "the card platform refused a question"
            );
            return None;
        }
        serde_json::from_slice(answer.body())
            .inspect_err(|_| tracing::warn!("the card platform answered what is none of its protocol"))
            .ok()
    }

    /// What a code of an answer means that is not good.
    fn refusal<T>(&self, code: &str) -> Answer<T> {
        if self.config.refused_codes.iter().any(|one| one == code) {
            return Answer::Refused;
        }
        tracing::warn!(code, "the card platform could not answer");
        Answer::Unavailable
    }
}

/// The parts of a signature: fields that are not empty, sorted by name, as `name=value`, joined by `&`. Nested values are JSON text.
fn signed_text<'a>(fields: impl Iterator<Item = (&'a String, &'a Value)>) -> String {
    let mut lines: Vec<String> = fields
        .filter_map(|(name, value)| {
            let text = match value {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                nested => nested.to_string(),
            };
            (!text.is_empty()).then(|| format!("{name}={text}"))
        })
        .collect();
    lines.sort_unstable();
    lines.join("&")
}

/// A code of an answer, which is a number or a text.
fn code_of(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The platform's code of a document: the same table in both families.
const fn document_code(kind: DocumentType) -> &'static str {
    match kind {
        DocumentType::ResidentId | DocumentType::TempResidentId => "01",
        DocumentType::HouseholdBook => "02",
        DocumentType::PassportOrdinary | DocumentType::PassportDiplomatic | DocumentType::PassportService => {
            "03"
        }
        DocumentType::MilitaryOfficer | DocumentType::ArmedPoliceOfficer => "04",
        DocumentType::HkmoHomeReturn => "06",
        DocumentType::TwTravelPermit | DocumentType::TwTravelPermitOnce => "07",
        DocumentType::BirthCert => "08",
        DocumentType::TravelDoc
        | DocumentType::ForeignPermanentResident
        | DocumentType::ForeignResidence
        | DocumentType::Other => "99",
    }
}

/// Shandong's time to the second, as the platform writes it.
fn wall_clock(at: Timestamp) -> String {
    let text = at.to_rfc3339();
    text.chars().take(19).collect::<String>().replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_clocks_in_shandong_show_it() {
        let at = Timestamp::parse("2022-11-26T16:30:05Z").unwrap();
        assert_eq!(wall_clock(at), "2022-11-27 00:30:05");
    }

    #[test]
    fn only_a_code_that_is_known_to_be_final_is_a_refusal() {
        let endpoint = Endpoint::new(&CardPlatformConfig {
            url: "https://card.example".to_owned(),
            secret_file: Some("/nowhere".into()),
            refused_codes: vec!["10012".to_owned()],
            ..CardPlatformConfig::default()
        })
        .unwrap();
        assert_eq!(endpoint.refusal::<()>("10012"), Answer::Refused);
        assert_eq!(endpoint.refusal::<()>("-1"), Answer::Unavailable);
    }
}
