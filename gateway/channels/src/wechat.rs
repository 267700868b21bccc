//! WeChat. Errors come with status 200 and any content type; the secret travels in the query string.
//! Source: developers.weixin.qq.com, service/guide/h5/auth, sns/oauth2/access_token, sns/jscode2session.

mod answer;

use lutong_https::OutsideUrl;
use lutong_kernel::Secret;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use self::answer::{error_of, read};
use crate::attempt::{Attempt, Callback};
use crate::client::{ProviderClient, encoded};
use crate::failure::SignInFailure;
use crate::recognised::Recognised;

/// What the person is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeChatKind {
    /// A page inside WeChat's browser; the silent scope, which gives the openid alone.
    ServiceAccount,
    MiniProgram,
}

/// A client of WeChat for one application.
#[derive(Debug)]
pub struct WeChat {
    pub kind: WeChatKind,
    pub client: ProviderClient,
    pub app_id: String,
    pub secret: Secret<String>,
    pub authorize: OutsideUrl,
    /// `…/sns/oauth2/access_token`, or `…/sns/jscode2session` of a mini-program.
    pub exchange: OutsideUrl,
}

impl WeChat {
    /// WeChat matches the link by a regular expression: the order of the parameters counts, and so does the fragment.
    pub fn authorization_url(&self, attempt: &Attempt) -> String {
        let redirect = utf8_percent_encode(&attempt.redirect_uri, NON_ALPHANUMERIC);
        format!(
            "{}?appid={}&redirect_uri={redirect}&response_type=code&scope=snsapi_base&state={}#wechat_redirect",
            self.authorize.uri(),
            self.app_id,
            attempt.state,
        )
    }

    pub async fn recognise(&self, callback: &Callback) -> Result<Recognised, SignInFailure> {
        self.recognise_code(callback.code()?).await
    }

    pub async fn recognise_code(&self, code: &str) -> Result<Recognised, SignInFailure> {
        let code_name = match self.kind {
            WeChatKind::ServiceAccount => "code",
            WeChatKind::MiniProgram => "js_code",
        };
        let query = encoded([
            ("appid", &*self.app_id),
            ("secret", self.secret.expose()),
            (code_name, code),
            ("grant_type", "authorization_code"),
        ]);
        let answer = self.client.get(&self.exchange, &query).await?;
        read(answer.body())
    }

    /// A code that cannot be: where the rest is right, WeChat refuses the code.
    pub async fn check(&self) -> Result<(), SignInFailure> {
        match self.recognise_code("lutong-check").await {
            Err(SignInFailure::Expired) => Ok(()),
            Err(failure) => Err(failure),
            Ok(_) => Err(error_of(0, "")),
        }
    }
}
