//! What is not an RPC: the sign at the door, the contract as OpenAPI and as pages to read, and signing in for development.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response};
use lutong_kernel::Fault;
use tonic::body::Body;

use super::json::json_response;
use super::{Inner, address_of};
use crate::problem::Problem;
use crate::sign_in::dev;

const SIGN: &[u8] =
    r#"{"name":"鲁通 Lutong","docs":"/docs","openapi":"/openapi.json","grpc":"the same port; reflection is on"}"#.as_bytes();

/// The pages of `/docs` load nothing from elsewhere: they work where there is no internet.
const DOCS: [(&str, &str, &[u8]); 3] = [
    (
        "/docs",
        "text/html; charset=utf-8",
        include_bytes!("../../docs/index.html"),
    ),
    (
        "/docs/page.css",
        "text/css; charset=utf-8",
        include_bytes!("../../docs/page.css"),
    ),
    (
        "/docs/page.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../docs/page.js"),
    ),
];
/// Nothing but this host's own files.
const OWN_FILES_ONLY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

impl Inner {
    /// `/`, `/openapi.json` and `/docs`.
    pub fn page(&self, request: &Request<Body>) -> Result<Response<Body>, Problem> {
        let path = request.uri().path();
        let path = if path == "/docs/" { "/docs" } else { path };
        let (media_type, body) = match path {
            "/" => ("application/json", Bytes::from_static(SIGN)),
            "/openapi.json" => ("application/json", self.openapi.clone()),
            _ => {
                let page = DOCS.iter().find(|(at, _, _)| *at == path);
                let (_, media_type, body) = page.ok_or_else(Problem::no_such_route)?;
                (*media_type, Bytes::from_static(body))
            }
        };
        if request.method() != Method::GET {
            return Err(Problem::method_not_allowed("GET".to_owned()));
        }
        let mut response = json_response(body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(OWN_FILES_ONLY));
        Ok(response)
    }

    pub fn is_sign_in(&self, request: &Request<Body>) -> bool {
        self.dev_session.is_some() && request.uri().path() == dev::PATH
    }

    pub async fn sign_in(&self, request: Request<Body>) -> Result<Response<Body>, Problem> {
        if request.method() != Method::POST {
            return Err(Problem::method_not_allowed("POST".to_owned()));
        }
        self.try_sign_in(request).await.map(json_response)
    }

    async fn try_sign_in(&self, request: Request<Body>) -> Result<Bytes, Problem> {
        let ttl = self.dev_session.ok_or_else(Problem::no_such_route)?;
        self.limits.sign_in(address_of(&request)).await?;
        let (head, body) = request.into_parts();
        let body = self.read_body(&head.headers, body).await?;
        let session = dev::sign_in(&body, &self.accounts, &self.sessions, ttl).await?;
        let json = serde_json::to_vec(&session).map_err(|_| Fault::internal())?;
        Ok(Bytes::from(json))
    }
}
