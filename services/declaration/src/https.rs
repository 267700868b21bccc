//! An authority's database over HTTPS: one request a page.

mod page;

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Full;
use lutong_https::{CallFailure, HttpsClient, OutsideUrl, Settings};
use lutong_kernel::Secret;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use prost::bytes::Bytes;

use crate::pulls::domain::PullFailure;
pub use page::Page;

/// Bytes of one page: a thousand records have less than a quarter of it.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// What proves to the database who asks.
#[derive(Debug)]
pub enum Credential {
    None,
    Text(Secret<String>),
    File(PathBuf),
}

/// Where a database is, and how it is asked.
#[derive(Debug)]
pub struct Endpoint {
    url: OutsideUrl,
    client: HttpsClient,
    credential: Credential,
}

impl Endpoint {
    /// `name` stands for the database in metrics. An error names the key of the configuration that is wrong.
    pub fn open(
        name: &str,
        url: &str,
        credential: Credential,
        ca: Option<&Path>,
        timeout: Duration,
    ) -> Result<Self, (&'static str, String)> {
        let url = OutsideUrl::parse(url).map_err(|error| ("url", error.to_string()))?;
        let client = HttpsClient::new(Settings {
            name: name.to_owned(),
            timeout,
            max_bytes: MAX_BYTES,
            ca: ca.map(Path::to_owned),
        });
        Ok(Self {
            url,
            client: client.map_err(|error| ("ca_file", error.to_string()))?,
            credential,
        })
    }

    /// The records after `cursor`.
    pub async fn page(&self, cursor: &str, limit: u32) -> Result<Page, PullFailure> {
        let answer = self
            .client
            .send(self.request(cursor, limit)?)
            .await
            .map_err(failed)?;
        match answer.status() {
            StatusCode::OK => Page::parse(answer.body()),
            other => Err(status(other)),
        }
    }

    fn request(&self, cursor: &str, limit: u32) -> Result<Request<Full<Bytes>>, PullFailure> {
        let after = utf8_percent_encode(cursor, NON_ALPHANUMERIC);
        let url = self.url.with_query(&format!("after={after}&limit={limit}"));
        let url = url.map_err(|_| failed(CallFailure::Unreachable))?;
        let mut request = Request::get(url).header(ACCEPT, "application/json");
        if let Some(credential) = self.authorization()? {
            request = request.header(AUTHORIZATION, credential);
        }
        request
            .body(Full::default())
            .map_err(|_| failed(CallFailure::Unreachable))
    }

    fn authorization(&self) -> Result<Option<HeaderValue>, PullFailure> {
        let missing = || {
            PullFailure::new(
                "CREDENTIAL_MISSING",
                "无法读取访问凭证",
                "the credential cannot be read or is no token",
            )
        };
        let text = match &self.credential {
            Credential::None => return Ok(None),
            Credential::Text(text) => text.clone(),
            Credential::File(path) => Secret::new(std::fs::read_to_string(path).map_err(|_| missing())?),
        };
        let token = text.expose().trim();
        if token.is_empty() {
            return Err(missing());
        }
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| missing())?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

fn status(status: StatusCode) -> PullFailure {
    let code = status.as_u16();
    PullFailure::new(
        "HTTP_STATUS",
        format!("对方返回状态{code}"),
        format!("the database answered with status {code}"),
    )
}

fn failed(failure: CallFailure) -> PullFailure {
    match failure {
        CallFailure::Unreachable | CallFailure::Paused => PullFailure::new(
            "UNREACHABLE",
            "无法连接对方，或连接中断",
            "the database cannot be reached, or broke off",
        ),
        CallFailure::TlsRefused => PullFailure::new(
            "TLS_REFUSED",
            "对方的证书不可信，或加密连接失败",
            "the database's certificate is not trusted, or it speaks no TLS",
        ),
        CallFailure::TimedOut(within) => {
            let seconds = within.as_secs();
            PullFailure::new(
                "TIMEOUT",
                format!("对方未在{seconds}秒内答复完毕"),
                format!("the whole answer was not there within {seconds} s"),
            )
        }
        CallFailure::Redirected => PullFailure::new(
            "REDIRECTED",
            "对方要求转到其他地址，未予跟随",
            "the database sent us elsewhere, which is not followed",
        ),
        CallFailure::TooLarge(_) => {
            PullFailure::new("TOO_LARGE", "一页超过4 MiB", "a page has more than 4 MiB")
        }
    }
}
