//! The public API over JSON, for commands that print its answers.

use std::time::Duration;

use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use super::connection::{Connector, Transport, unreachable};
use crate::Failure;
use crate::output::in_language;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// A gateway, and the session with which it is called.
#[derive(Clone)]
pub struct Api {
    base: String,
    session: Option<String>,
    client: Client<Connector, Full<prost::bytes::Bytes>>,
}

impl Api {
    pub fn over(transport: &Transport) -> Self {
        Self {
            base: transport.base().to_owned(),
            session: None,
            client: Client::builder(TokioExecutor::new()).build(transport.connector("http/1.1")),
        }
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn with_session(self, session: String) -> Self {
        Self {
            session: Some(session),
            ..self
        }
    }

    /// A session of the development identity provider.
    pub async fn sign_in(&self, account: &str) -> Result<String, Failure> {
        let answer = self
            .post("/v1/dev/sessions", &json!({"account_id": account}))
            .await;
        let answer = answer.map_err(|failure| match failure {
            Failure::Because(said) if said.starts_with("ROUTE_NOT_FOUND") => Failure::Because(format!(
                "{}: {}",
                self.base,
                in_language(
                    "未开启开发登录（serve --dev），--account 不可用；请用 --session",
                    "the development sign-in (serve --dev) is off, so --account does not work here; use --session",
                )
            )),
            other => other,
        })?;
        let token = answer["token"].as_str().map(str::to_owned);
        token.ok_or_else(|| Failure::Because(format!("{}: no session", self.base)))
    }

    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        if let Some(session) = &self.session {
            request = request.header(header::AUTHORIZATION, format!("Bearer {session}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::from(body.map(Value::to_string).unwrap_or_default()))?;
        let answering = tokio::time::timeout(PATIENCE, self.client.request(request));
        let Ok(Ok(answer)) = answering.await else {
            return Err(Failure::Because(unreachable()));
        };
        let is_done = answer.status().is_success();
        let body = answer.into_body().collect().await?.to_bytes();
        let json: Value = serde_json::from_slice(&body)
            .map_err(|_| Failure::Because(format!("{}: {}", self.base, not_ours())))?;
        if is_done { Ok(json) } else { Err(refused(&json)) }
    }
}

fn not_ours() -> &'static str {
    in_language("应答的不是鲁通网关", "what answers there is no gateway of Lutong")
}

/// A problem document as a failure: invalid input, or a refused or failed call.
fn refused(problem: &Value) -> Failure {
    let text = |one: &Value| {
        let message = &one["message"];
        let (zh, en) = (message["zh"].as_str(), message["en"].as_str());
        in_language(zh.unwrap_or_default(), en.unwrap_or_default()).to_owned()
    };
    let errors = problem["errors"].as_array().map_or(&[][..], Vec::as_slice);
    // The overall message would only repeat the field errors.
    let whole = if errors.is_empty() {
        text(problem)
    } else {
        String::new()
    };
    let reason = problem["reason"].as_str().unwrap_or("?");
    let mut said = format!("{reason}: {whole}").trim_end().to_owned();
    for one in errors {
        said.push_str(&format!(
            "\n  {}: {}",
            one["field"].as_str().unwrap_or_default(),
            text(one)
        ));
    }
    if ["INVALID_ARGUMENT", "OUT_OF_RANGE"].contains(&problem["code"].as_str().unwrap_or_default()) {
        Failure::Input(said)
    } else {
        Failure::Because(said)
    }
}

/// Percent-encodes a value as a segment of a URL path.
pub fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(byte.into()),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

/// The id in a resource name; a bare id is returned unchanged.
pub fn id_of<'a>(collection: &str, name: &'a str) -> &'a str {
    let id = name.strip_prefix(collection);
    id.and_then(|id| id.strip_prefix('/')).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_into_a_path_is_one_segment() {
        assert_eq!(segment("a/b?c=鲁"), "a%2Fb%3Fc%3D%E9%B2%81");
    }

    #[test]
    fn an_id_may_be_typed_with_its_collection_or_without() {
        assert_eq!(id_of("key-areas", "key-areas/1"), "1");
        assert_eq!(id_of("key-areas", "1"), "1");
        assert_eq!(id_of("key-areas", "key-areas-1"), "key-areas-1");
    }
}
