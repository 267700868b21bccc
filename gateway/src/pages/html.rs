//! A page from its template, with the headers that every page has.

use askama::Template;
use axum::body::Body;
use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use lutong_kernel::Fault;

use crate::problem::Problem;

/// No script, no file of another host, no frame around the page, forms to this host only.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// The page that a template makes.
pub fn page(status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
    let html = template
        .render()
        .map_err(|error| Fault::internal(format_args!("a page could not be rendered: {error}")))?;
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    *response.headers_mut() = security_headers();
    let media_type = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    Ok(response)
}

/// Sends the browser to another page of this host after a form, with the session's cookie as it is from now on.
pub fn see_other(path: HeaderValue, cookie: HeaderValue) -> Response {
    see_other_with(path, [cookie])
}

/// The same with several cookies.
pub fn see_other_with<const N: usize>(path: HeaderValue, cookies: [HeaderValue; N]) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    *response.headers_mut() = security_headers();
    response.headers_mut().insert(LOCATION, path);
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// A page may show a person's data or the token of their session: it is stored by nobody. The referrer is kept from other
/// hosts, and not from this one: with `no-referrer` a browser would send `Origin: null` with a form of this site.
fn security_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers
}
