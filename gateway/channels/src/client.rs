//! Requests to a provider. No URL is logged: some carry a secret.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use lutong_https::{HttpsClient, OutsideUrl};

use crate::failure::SignInFailure;

/// What a form is sent as.
const FORM: &str = "application/x-www-form-urlencoded;charset=utf-8";

/// A client of one provider; cheap to clone.
#[derive(Debug, Clone)]
pub struct ProviderClient(pub HttpsClient);

/// Parameters, percent-encoded as in a form.
pub fn encoded<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish()
}

impl ProviderClient {
    pub async fn get(&self, url: &OutsideUrl, query: &str) -> Result<Response<Bytes>, SignInFailure> {
        let uri = with_query(url, query)?;
        self.send(Method::GET, uri, None, Bytes::new()).await
    }

    /// Posts a form, its parameters encoded already.
    pub async fn post(
        &self,
        url: &OutsideUrl,
        query: &str,
        form: String,
        authorization: Option<HeaderValue>,
    ) -> Result<Response<Bytes>, SignInFailure> {
        let uri = with_query(url, query)?;
        self.send(Method::POST, uri, authorization, form.into()).await
    }

    async fn send(
        &self,
        method: Method,
        uri: Uri,
        authorization: Option<HeaderValue>,
        body: Bytes,
    ) -> Result<Response<Bytes>, SignInFailure> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method.clone();
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if method == Method::POST {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
        }
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, value);
        }
        let answer = self.0.send(request).await?;
        match answer.status() {
            StatusCode::TOO_MANY_REQUESTS => Err(SignInFailure::Throttled(crate::failure::RETRY)),
            status if status.is_server_error() => Err(SignInFailure::Away),
            _ => Ok(answer),
        }
    }
}

fn with_query(url: &OutsideUrl, query: &str) -> Result<Uri, SignInFailure> {
    if query.is_empty() {
        return Ok(url.uri().clone());
    }
    url.with_query(query).map_err(|_| SignInFailure::Unreadable)
}
