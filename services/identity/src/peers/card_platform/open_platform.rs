//! The health-card open platform: a signed envelope `{commonIn, req}`, answered by `{commonOut, rsp}`, under an application token of two
//! hours. Source: the published SDK (`HealthcardSdk`) and the platform's list of operations.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use lutong_chassis::Foundation;
use lutong_kernel::{Clock, Random, Secret, Timestamp};
use lutong_storage::crypto::hex;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use super::{Answer, Endpoint, ReportedUse, code_of, document_code, signed_text, wall_clock};
use crate::health_cards::domain::CardNumber;
use crate::medical_steps::domain::MedicalStep;
use crate::medical_terminals::domain::Place;
use crate::people::domain::Person;

const TOKEN_PATH: &str = "rest/auth/HealthCard/HealthOpenAuth/AuthObj/getAppToken";
const OPERATIONS: &str = "rest/auth/HealthCard/HealthOpenPlatform/ISVOpenObj";
const GOOD: &str = "0";
/// A token is renewed so long before its end.
const EARLY: Duration = Duration::from_secs(300);
/// How long a token lives that the answer says nothing about.
const TOKEN_LIFE: u64 = 7_200;
/// A scanner at an institution.
const CHANNEL: u8 = 4;

/// Speaks to the open platform.
pub struct OpenPlatform {
    endpoint: Endpoint,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// One renewal at a time.
    token: Mutex<Option<Token>>,
}

#[derive(Clone)]
struct Token {
    text: Secret<String>,
    until: Timestamp,
}

impl OpenPlatform {
    pub fn new(endpoint: Endpoint, foundation: &Foundation) -> Self {
        Self {
            endpoint,
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            token: Mutex::new(None),
        }
    }

    /// `registerBatchHealthCard` with one person: the one registration that needs no person at the platform's own page.
    pub async fn register(&self, person: &Person) -> Answer<CardNumber> {
        let item = json!({
            "name": person.name.expose(),
            "idType": document_code(person.document.kind()),
            "idNumber": person.document.number(),
            "phone1": person.mobile.expose(),
            "address": person.home_detail.expose(),
        });
        let answer = self.call("registerBatchHealthCard", json!({ "healthCardItems": [item] }));
        answer.await.and_then(|rsp| number_in(&rsp["rspItems"][0]))
    }

    /// `verifyQRCode`.
    pub async fn verify(
        &self,
        code: &Secret<String>,
        place: &Place,
        step: MedicalStep,
    ) -> Answer<CardNumber> {
        let question = json!({
            "qrCodeText": code.expose(),
            "terminalId": place.terminal.code,
            "medicalStep": step.code(),
            "channelCode": place.terminal.kind.channel(),
            "useCityCode": place.institution.division.to_string(),
            "hospitalCode": place.institution.code,
            "hospitalName": place.institution.title,
            "time": wall_clock(self.clock.now()),
        });
        let answer = self.call("verifyQRCode", question).await;
        answer.and_then(|rsp| number_in(&rsp))
    }

    /// `reportHISData`.
    pub async fn report(&self, used: &ReportedUse<'_>) -> Answer<()> {
        let question = json!({
            "qrCodeText": format!("{}:1", used.number.expose()),
            "idCardNumber": used.person.document.number(),
            "name": used.person.name.expose(),
            "time": wall_clock(used.at),
            "hospitalCode": used.place.institution.code,
            "scene": used.step.code(),
            "department": used.department,
            "cardType": "11",
            "cardChannel": used.place.terminal.kind.channel(),
            "cardCostTypes": used.payment,
        });
        let answer = self.call("reportHISData", question).await;
        answer.and_then(|_| Answer::Good(()))
    }

    /// Calls an operation; once more with a new token where the first call failed with one that was kept.
    async fn call(&self, operation: &str, question: Value) -> Answer<Value> {
        let Some((token, is_kept)) = self.token().await else {
            return Answer::Unavailable;
        };
        let path = format!("{OPERATIONS}/{operation}");
        let first = self.ask(&path, Some(&token), &question).await;
        if !is_kept || matches!(first, Answer::Good(_) | Answer::Refused) {
            return first;
        }
        self.forget(&token).await;
        match self.token().await {
            Some((token, _)) => self.ask(&path, Some(&token), &question).await,
            None => Answer::Unavailable,
        }
    }

    /// The application's token, and whether it was kept from a call before.
    async fn token(&self) -> Option<(Secret<String>, bool)> {
        let mut kept = self.token.lock().await;
        let now = self.clock.now();
        if let Some(token) = kept.as_ref().filter(|token| now.plus(EARLY) < token.until) {
            return Some((token.text.clone(), true));
        }
        let question = json!({ "appId": self.endpoint.config.app_id });
        let Answer::Good(rsp) = self.ask(TOKEN_PATH, None, &question).await else {
            return None;
        };
        let text = Secret::new(rsp["appToken"].as_str()?.to_owned());
        let life = rsp["expiresIn"].as_u64().unwrap_or(TOKEN_LIFE);
        *kept = Some(Token {
            text: text.clone(),
            until: now.plus(Duration::from_secs(life)),
        });
        Some((text, false))
    }

    async fn forget(&self, token: &Secret<String>) {
        let mut kept = self.token.lock().await;
        if kept
            .as_ref()
            .is_some_and(|kept| kept.text.expose() == token.expose())
        {
            *kept = None;
        }
    }

    async fn ask(&self, path: &str, token: Option<&Secret<String>>, question: &Value) -> Answer<Value> {
        let Some(secret) = self.endpoint.secret().await else {
            return Answer::Unavailable;
        };
        let mut common = json!({
            "requestId": hex(&self.random.bytes::<16>()),
            "hospitalId": self.endpoint.config.organisation,
            "channelNum": CHANNEL,
            "timestamp": (self.clock.now().millis() / 1_000).to_string(),
        });
        if let Some(token) = token {
            common["appToken"] = token.expose().as_str().into();
        }
        common["sign"] = sign(&common, question, &secret).into();
        let body = json!({ "commonIn": common, "req": question });
        let Some(answer) = self.endpoint.post(path, &body).await else {
            return Answer::Unavailable;
        };
        match code_of(answer["commonOut"].get("resultCode")) {
            Some(code) if code == GOOD => Answer::Good(answer["rsp"].clone()),
            Some(code) => self.endpoint.refusal(&code),
            None => Answer::Unavailable,
        }
    }
}

/// SHA-256 over the fields of both parts and the secret, Base64.
pub fn sign(common: &Value, question: &Value, secret: &Secret<String>) -> String {
    let fields = [common, question];
    let fields = fields.iter().filter_map(|part| part.as_object()).flatten();
    let text = signed_text(fields.filter(|(name, _)| *name != "sign"));
    BASE64_STANDARD.encode(Sha256::digest(format!("{text}{}", secret.expose())))
}

fn number_in(answer: &Value) -> Answer<CardNumber> {
    let number = answer["healthCardId"].as_str().and_then(CardNumber::parse);
    number.map_or(Answer::Unavailable, Answer::Good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_covers_every_field_that_is_not_empty_and_the_secret() {
        let secret = Secret::new("k".to_owned());
        let common = json!({"b": "2", "sign": "x", "empty": ""});
        let question = json!({"a": {"nested": 1}, "c": null});
        let expected = BASE64_STANDARD.encode(Sha256::digest("a={\"nested\":1}&b=2k"));
        assert_eq!(sign(&common, &question, &secret), expected);
        let other = json!({"a": {"nested": 2}});
        assert_ne!(sign(&common, &other, &secret), expected);
    }
}
