//! Alipay: `alipay.system.oauth.token` over the gateway, requests and answers signed (RSA2).
//! Source: opendocs.alipay.com and Alipay's own SDKs (npm `alipay-sdk`, PyPI `alipay-sdk-python`).

mod answer;
mod signature;

use std::sync::Arc;

use lutong_https::OutsideUrl;
use lutong_kernel::{Clock, Timestamp};

use self::answer::METHOD;
pub use self::signature::{AlipayKey, AppKey};
use crate::attempt::{Attempt, Callback};
use crate::client::{ProviderClient, encoded};
use crate::failure::SignInFailure;
use crate::recognised::Recognised;

/// A client of Alipay for one application.
#[derive(Debug)]
pub struct Alipay {
    pub client: ProviderClient,
    pub app_id: String,
    pub app_key: AppKey,
    pub answer_key: AlipayKey,
    pub authorize: OutsideUrl,
    pub gateway: OutsideUrl,
    pub clock: Arc<dyn Clock>,
}

impl Alipay {
    /// The silent scope: it gives the user's id alone.
    pub fn authorization_url(&self, attempt: &Attempt) -> String {
        let parameters = encoded([
            ("app_id", &*self.app_id),
            ("scope", "auth_base"),
            ("redirect_uri", &attempt.redirect_uri),
            ("state", &attempt.state),
        ]);
        format!("{}?{parameters}", self.authorize.uri())
    }

    pub async fn recognise(&self, callback: &Callback) -> Result<Recognised, SignInFailure> {
        self.exchange(callback.code()?).await
    }

    /// The common parameters go into the query string, those of the method into the body; all of them are signed together.
    async fn exchange(&self, code: &str) -> Result<Recognised, SignInFailure> {
        let timestamp = beijing_time(self.clock.now());
        let common = [
            ("app_id", &*self.app_id),
            ("charset", "utf-8"),
            ("format", "JSON"),
            ("method", METHOD),
            ("sign_type", "RSA2"),
            ("timestamp", &*timestamp),
            ("version", "1.0"),
        ];
        let own = [("code", code), ("grant_type", "authorization_code")];
        let sign = self.app_key.sign(common.into_iter().chain(own))?;
        let query = encoded(common.into_iter().chain([("sign", &*sign)]));
        let answer = self
            .client
            .post(&self.gateway, &query, encoded(own), None)
            .await?;
        let body = std::str::from_utf8(answer.body()).map_err(|_| SignInFailure::Unreadable)?;
        answer::read(body, &self.answer_key)
    }

    /// A code that cannot be: where the rest is right, Alipay refuses the code.
    pub async fn check(&self) -> Result<(), SignInFailure> {
        match self.exchange("lutong-check").await {
            Err(SignInFailure::Expired) => Ok(()),
            Err(failure) => Err(failure),
            Ok(_) => Err(SignInFailure::Unreadable),
        }
    }
}

/// `yyyy-MM-dd HH:mm:ss` in Beijing, which is the offset that RFC 3339 texts of this system have.
fn beijing_time(now: Timestamp) -> String {
    let text = now.to_rfc3339();
    text.get(..19).unwrap_or(&text).replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_request_is_beijings() {
        let now = Timestamp::parse("2022-11-26T01:02:03Z").unwrap();
        assert_eq!(beijing_time(now), "2022-11-26 09:02:03");
    }
}
