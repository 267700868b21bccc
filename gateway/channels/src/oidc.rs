//! OpenID Connect Core 1.0: the code flow with PKCE (RFC 7636), state, nonce and, where announced, `iss` (RFC 9207).

mod algorithm;
mod claims;
mod client_authentication;
mod discovery;
mod id_token;
mod key_set;

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use lutong_https::OutsideUrl;
use lutong_kernel::Clock;
use serde::Deserialize;

pub use self::algorithm::Algorithm;
pub use self::claims::ClaimNames;
pub use self::client_authentication::Client as OidcClient;
use self::discovery::{Discovery, Endpoints};
use self::id_token::{Expected, verify};
use self::key_set::KeySet;
use crate::attempt::{Attempt, Callback};
use crate::client::{ProviderClient, encoded};
use crate::failure::{Misconfiguration, RETRY, SignInFailure};
use crate::recognised::Recognised;

/// A client of one provider.
#[derive(Debug)]
pub struct Oidc {
    pub http: ProviderClient,
    pub client: OidcClient,
    pub scope: String,
    pub algorithms: Vec<Algorithm>,
    pub claims: ClaimNames,
    pub clock: Arc<dyn Clock>,
    pub discovery: Discovery,
    pub keys: KeySet,
}

/// The success of a token endpoint; the access token is used for nothing but `at_hash`.
#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
    #[serde(default)]
    access_token: String,
}

#[derive(Deserialize)]
struct TokenError {
    error: String,
}

impl Oidc {
    pub fn new(http: ProviderClient, settings: Settings) -> Self {
        let Settings {
            issuer,
            url,
            client,
            scope,
            algorithms,
            claims,
            clock,
        } = settings;
        Self {
            discovery: Discovery::new(issuer, url),
            keys: KeySet::default(),
            http,
            client,
            scope,
            algorithms,
            claims,
            clock,
        }
    }

    pub async fn authorization_url(&self, attempt: &Attempt) -> Result<String, SignInFailure> {
        let provider = self.provider().await?;
        let parameters = encoded([
            ("response_type", "code"),
            ("client_id", &*self.client.id),
            ("redirect_uri", &*attempt.redirect_uri),
            ("scope", &*self.scope),
            ("state", &*attempt.state),
            ("nonce", &*attempt.nonce),
            ("code_challenge", &*attempt.challenge()),
            ("code_challenge_method", "S256"),
        ]);
        let url = provider.authorization.with_query(&parameters);
        url.map(|url| url.to_string())
            .map_err(|_| SignInFailure::Misconfigured(Misconfiguration::Discovery))
    }

    pub async fn recognise(
        &self,
        attempt: &Attempt,
        callback: &Callback,
    ) -> Result<Recognised, SignInFailure> {
        let provider = self.provider().await?;
        // Another provider's answer, sent to this callback (RFC 9207).
        let is_announced = provider.announces_issuer;
        match callback.issuer.as_deref() {
            Some(issuer) if issuer == self.discovery.issuer => {}
            None if !is_announced => {}
            _ => return Err(SignInFailure::Forged("iss")),
        }
        let answer = self.exchange(&provider, attempt, callback.code()?).await?;
        let expected = Expected {
            issuer: &self.discovery.issuer,
            client_id: &self.client.id,
            nonce: &attempt.nonce,
            access_token: &answer.access_token,
            algorithms: &self.algorithms,
            now: self.clock.now().seconds(),
        };
        let payload = match verify(&answer.id_token, &expected, &*self.keys(&provider, None).await?) {
            // A key that the set of the cache does not have yet.
            Err(id_token::Refusal::UnknownKey(kid)) => {
                let keys = self.keys(&provider, Some(&kid)).await?;
                verify(&answer.id_token, &expected, &keys)
            }
            verified => verified,
        };
        self.claims.read(&payload.map_err(SignInFailure::from)?)
    }

    async fn exchange(
        &self,
        provider: &Endpoints,
        attempt: &Attempt,
        code: &str,
    ) -> Result<TokenAnswer, SignInFailure> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &*attempt.redirect_uri),
            ("code_verifier", &**attempt.verifier.expose()),
        ];
        if self.client.secret.is_none() {
            form.push(("client_id", &*self.client.id));
        }
        let authorization = self.client.authorization()?;
        let answer = self
            .http
            .post(&provider.token, "", encoded(form), authorization)
            .await?;
        read_token(&answer)
    }

    async fn provider(&self) -> Result<Arc<Endpoints>, SignInFailure> {
        self.discovery.provider(&self.http, self.clock.now()).await
    }

    async fn keys(
        &self,
        provider: &Endpoints,
        missing: Option<&str>,
    ) -> Result<Arc<key_set::Keys>, SignInFailure> {
        self.keys
            .get(&self.http, &provider.keys, self.clock.now(), missing)
            .await
    }

    /// Reads what the provider publishes about itself, and shows it our secret with a code that cannot be.
    pub async fn check(&self) -> Result<(), SignInFailure> {
        let provider = self.provider().await?;
        if self.keys(&provider, None).await?.is_empty() {
            return Err(SignInFailure::Misconfigured(Misconfiguration::Discovery));
        }
        let attempt = Attempt::nobody();
        match self.exchange(&provider, &attempt, "lutong-check").await {
            Err(SignInFailure::Expired) => Ok(()),
            Err(failure) => Err(failure),
            Ok(_) => Err(SignInFailure::Unreadable),
        }
    }
}

/// What a client of one provider is made of.
pub struct Settings {
    /// As the provider spells it: compared byte for byte.
    pub issuer: String,
    pub url: OutsideUrl,
    pub client: OidcClient,
    pub scope: String,
    pub algorithms: Vec<Algorithm>,
    pub claims: ClaimNames,
    pub clock: Arc<dyn Clock>,
}

fn read_token(answer: &Response<Bytes>) -> Result<TokenAnswer, SignInFailure> {
    if answer.status() == StatusCode::OK {
        return serde_json::from_slice(answer.body()).map_err(|_| SignInFailure::Unreadable);
    }
    let error: TokenError = serde_json::from_slice(answer.body()).map_err(|_| SignInFailure::Unreadable)?;
    let failure = match &*error.error {
        "invalid_grant" => SignInFailure::Expired,
        "invalid_client" => SignInFailure::Misconfigured(Misconfiguration::Secret),
        "unauthorized_client" | "invalid_scope" => SignInFailure::Misconfigured(Misconfiguration::Permission),
        "slow_down" => SignInFailure::Throttled(RETRY),
        "temporarily_unavailable" | "server_error" => SignInFailure::Away,
        _ => SignInFailure::Misconfigured(Misconfiguration::Request),
    };
    tracing::info!(error = error.error, %failure, "an OpenID provider refused a code");
    Err(failure)
}
