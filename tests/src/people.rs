//! People who use the mesh, through its public gateway only.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lutong_kernel::document::check_character;
use prost::bytes::Bytes;
use serde_json::{Value, json};

/// A client whose connections are kept.
pub type Connections = Client<HttpConnector, Full<Bytes>>;

/// A gateway, called over JSON.
#[derive(Debug, Clone)]
pub struct Gateway {
    pub base: String,
    /// The purpose sent with access to other people's data.
    purpose: Option<&'static str>,
}

/// An answer: HTTP status and JSON.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
}

impl Answer {
    /// The reason of a problem.
    pub fn reason(&self) -> &str {
        self.body["reason"].as_str().unwrap_or_default()
    }

    /// `field reason` of each violation.
    pub fn violations(&self) -> Vec<String> {
        let list = self.body["errors"].as_array().cloned().unwrap_or_default();
        let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
        list.iter()
            .map(|one| format!("{} {}", text(one, "field"), text(one, "reason")))
            .collect()
    }

    pub fn expect(self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body
    }
}

impl Gateway {
    pub fn at(port: u16) -> Self {
        Self {
            base: format!("http://127.0.0.1:{port}"),
            purpose: None,
        }
    }

    /// The same gateway, with a purpose.
    pub fn for_purpose(&self, purpose: &'static str) -> Self {
        Self {
            purpose: Some(purpose),
            ..self.clone()
        }
    }

    /// `Err` if no answer came: the outcome is unknown.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        session: Option<&str>,
        body: Option<Value>,
    ) -> Result<Answer, String> {
        let client = Client::builder(TokioExecutor::new()).build_http();
        self.call_over(&client, method, path, session, body).await
    }

    /// Like [`Self::call`], over kept connections.
    pub async fn call_over(
        &self,
        client: &Connections,
        method: Method,
        path: &str,
        session: Option<&str>,
        body: Option<Value>,
    ) -> Result<Answer, String> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        if let Some(session) = session {
            request = request.header(header::AUTHORIZATION, format!("Bearer {session}"));
        }
        if let Some(purpose) = self.purpose {
            request = request.header("lutong-purpose", purpose);
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = request
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::<Bytes>::from(body))
            .unwrap();
        let answered = async {
            let answer = client.request(request).await.map_err(|error| error.to_string())?;
            let status = answer.status();
            let body = answer
                .into_body()
                .collect()
                .await
                .map_err(|error| error.to_string())?
                .to_bytes();
            Ok(Answer {
                status,
                body: serde_json::from_slice(&body).unwrap_or(Value::Null),
            })
        };
        tokio::time::timeout(Duration::from_secs(15), answered)
            .await
            .map_err(|_| "no answer".to_owned())?
    }

    /// Signs in at the development identity provider.
    pub async fn sign_in(&self, account: &str) -> Result<String, String> {
        let body = json!({"account_id": account});
        let answer = self
            .call(Method::POST, "/v1/dev/sessions", None, Some(body))
            .await?;
        answer.body["token"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| answer.body.to_string())
    }

    /// Signs in, retrying while identity starts.
    pub async fn session(&self, account: &str) -> String {
        let started = Instant::now();
        loop {
            match self.sign_in(account).await {
                Ok(session) => return session,
                Err(error) if started.elapsed() > Duration::from_secs(20) => {
                    panic!("sign-in of {account}: {error}")
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    pub async fn person(&self) -> Person {
        let number = next_number();
        let account = format!("wx-{number}");
        Person {
            session: self.session(&account).await,
            gateway: self.clone(),
            account,
            number,
        }
    }
}

/// A person with an account and a resident number of their own.
#[derive(Debug, Clone)]
pub struct Person {
    pub gateway: Gateway,
    pub account: String,
    pub session: String,
    /// Resident ID number.
    pub number: String,
}

/// A resident number that is unique in this run.
pub fn next_number() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed) + u64::from(std::process::id() % 1000) * 20_000;
    // A birth date of 1970 to 1997 and a sequence number, as the standard prescribes.
    let (year, month, day, sequence) = (
        1970 + n / 336_000 % 28,
        1 + n / 28_000 % 12,
        1 + n / 1_000 % 28,
        n % 1_000,
    );
    let digits = format!("370202{year:04}{month:02}{day:02}{sequence:03}");
    format!("{digits}{}", check_character(digits.as_bytes()).unwrap())
}

/// A unique request id.
pub fn request_id() -> String {
    let mut random = [0_u8; 16];
    lutong_kernel::Random::fill(&lutong_operating::entropy::Entropy, &mut random);
    // Only the format of a UUIDv7 matters.
    random[6] = 0x70 | (random[6] & 0x0f);
    random[8] = 0x80 | (random[8] & 0x3f);
    uuid::Uuid::from_bytes(random).to_string()
}

impl Person {
    pub fn form(&self) -> Value {
        json!({
            "person": {
                "full_name": "王小明",
                "document": {"type": "DOCUMENT_TYPE_RESIDENT_ID", "number": self.number},
                "mobile": "13800138000",
                "nationality": "CHN",
                "home_address": {"division": "370202", "detail": "香港中路1号"},
            },
            "contact_history": [],
            "commitment": {"accepted": true, "text_version": "2020-02"},
        })
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.gateway
            .call(Method::POST, path, Some(&self.session), Some(body))
            .await
            .unwrap()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.gateway
            .call(Method::GET, path, Some(&self.session), None)
            .await
            .unwrap()
    }

    pub async fn apply_with(&self, form: Value) -> Answer {
        self.post(
            "/v1/applications",
            json!({"request_id": request_id(), "form": form}),
        )
        .await
    }

    pub async fn apply(&self) -> Value {
        self.apply_with(self.form()).await.expect()["application"].clone()
    }

    /// The colour of the shown code, or the reason of a refusal.
    pub async fn colour(&self) -> String {
        let answer = self.get("/v1/code").await;
        match answer.body["colour"].as_str() {
            Some(colour) => colour.trim_start_matches("COLOUR_").to_lowercase(),
            None => answer.reason().to_owned(),
        }
    }

    /// Waits for a colour, for some seconds.
    pub async fn becomes(&self, colour: &str) {
        let started = Instant::now();
        loop {
            let now = self.colour().await;
            if now == colour {
                return;
            }
            assert!(
                started.elapsed() < Duration::from_secs(10),
                "{now} instead of {colour}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The rules cited by the decision.
    pub async fn rules(&self) -> Vec<String> {
        let decision = self.get("/v1/decision").await.expect()["decision"].clone();
        let citations = decision["citations"].as_array().cloned().unwrap_or_default();
        citations
            .iter()
            .map(|one| one["rule_id"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}
