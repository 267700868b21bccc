//! What is not an RPC: the sign at the door, the contract as OpenAPI, and signing in for development.

use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, Method, Request, Response};
use lutong_kernel::Fault;
use tonic::body::Body;

use super::json::json_response;
use super::{Inner, address_of};
use crate::problem::Problem;
use crate::sign_in::dev;

const SIGN: &[u8] =
    r#"{"name":"鲁通 Lutong","openapi":"/openapi.json","grpc":"the same port; reflection is on"}"#.as_bytes();

impl Inner {
    /// `/` and `/openapi.json`.
    pub fn page(&self, request: &Request<Body>) -> Result<Response<Body>, Problem> {
        let body = match request.uri().path() {
            "/" => Bytes::from_static(SIGN),
            "/openapi.json" => self.openapi.clone(),
            _ => return Err(Problem::no_such_route()),
        };
        if request.method() != Method::GET {
            return Err(Problem::method_not_allowed("GET".to_owned()));
        }
        let mut response = json_response(body);
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
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
