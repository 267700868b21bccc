//! A browser as seen by the gateway: it keeps its cookie and sends the headers that say where a request comes from.

use http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use lutong_proto::policy::Role;
use serde_json::Value;
use tonic::body::Body;
use tower::ServiceExt as _;

use crate::mesh::{Mesh, SUBJECT};

pub const HERE: &str = "127.0.0.1:8080";
const FORM: &str = "application/x-www-form-urlencoded";

/// Headers of a request from a page of the same site, and of another site.
pub const SAME_ORIGIN: [(&str, &str); 1] = [("sec-fetch-site", "same-origin")];
pub const CROSS_SITE: [(&str, &str); 2] = [
    ("sec-fetch-site", "cross-site"),
    ("origin", "https://evil.example"),
];

pub struct Page {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Page {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The reason of a problem, in a JSON document or on a page.
    pub fn reason(&self) -> String {
        if let Some(reason) = self.json()["reason"].as_str() {
            return reason.to_owned();
        }
        let (_, after) = self.text.split_once(r#"<p class="small">"#).unwrap_or_default();
        after.split('<').next().unwrap().trim().to_owned()
    }

    pub fn location(&self) -> &str {
        self.headers[LOCATION].to_str().unwrap()
    }

    /// `name=value` of the cookie that the response sets.
    pub fn cookie(&self) -> Option<String> {
        let header = self.headers.get(SET_COOKIE)?.to_str().unwrap();
        Some(header.split(';').next().unwrap().to_owned())
    }

    /// The CSRF token in the page's form.
    pub fn csrf_token(&self) -> String {
        let (_, after) = self.text.split_once(r#"name="csrf_token" value=""#).unwrap();
        after.split('"').next().unwrap().to_owned()
    }
}

pub struct Browser<'a> {
    mesh: &'a Mesh,
    pub cookie: Option<String>,
}

impl<'a> Browser<'a> {
    pub fn new(mesh: &'a Mesh) -> Self {
        Self { mesh, cookie: None }
    }

    /// A browser in which a citizen has signed in through the form.
    pub async fn signed_in(mesh: &'a Mesh) -> Self {
        Self::signed_in_as(mesh, "citizen").await
    }

    pub async fn signed_in_as(mesh: &'a Mesh, account: &str) -> Self {
        mesh.account(account, SUBJECT, &[Role::Citizen]);
        let mut browser = Self::new(mesh);
        let answered = browser.sign_in(account, "/sign-in").await;
        assert_eq!(answered.status, StatusCode::SEE_OTHER, "{}", answered.text);
        browser
    }

    pub async fn sign_in(&mut self, account: &str, return_to: &str) -> Page {
        let return_to: String = form_urlencoded::byte_serialize(return_to.as_bytes()).collect();
        let form = format!("account_id={account}&return_to={return_to}");
        let answered = self.post_form("/sign-in/dev", &form, &SAME_ORIGIN).await;
        if answered.status == StatusCode::SEE_OTHER {
            self.cookie = answered.cookie();
        }
        answered
    }

    /// The CSRF token of this browser's session.
    pub async fn csrf_token(&self) -> String {
        self.get("/sign-in").await.csrf_token()
    }

    pub async fn get(&self, path: &str) -> Page {
        self.send(Method::GET, path, &[], "").await
    }

    pub async fn post_form(&self, path: &str, form: &str, headers: &[(&str, &str)]) -> Page {
        let headers = [headers, &[(CONTENT_TYPE.as_str(), FORM)]].concat();
        self.send(Method::POST, path, &headers, form).await
    }

    pub async fn post_json(&self, path: &str, json: &Value, headers: &[(&str, &str)]) -> Page {
        let headers = [headers, &[(CONTENT_TYPE.as_str(), "application/json")]].concat();
        self.send(Method::POST, path, &headers, &json.to_string()).await
    }

    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Page {
        let mut request = Request::builder().method(method).uri(path).header(HOST, HERE);
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Body::new(Full::from(body.to_owned()));
        let response = self.mesh.edge.clone().oneshot(request.body(body).unwrap()).await;
        let (head, body) = response.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Page {
            status: head.status,
            headers: head.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }
}
