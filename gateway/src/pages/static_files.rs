//! Files that are part of the program: the reader of the API's description at `/docs`, and the stylesheet of the pages. None
//! of them loads anything from another host: they work where there is no internet.

use axum::Router;
use axum::body::Body;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, Response};

use crate::routing::get_only;
use crate::rpc::json_response;

#[derive(Clone, Copy)]
struct StaticFile {
    path: &'static str,
    media_type: &'static str,
    body: &'static [u8],
}

const DOCS: StaticFile = StaticFile {
    path: "/docs",
    media_type: "text/html; charset=utf-8",
    body: include_bytes!("../../docs/index.html"),
};

const FILES: [StaticFile; 5] = [
    DOCS,
    StaticFile {
        path: "/docs/",
        ..DOCS
    },
    StaticFile {
        path: "/docs/page.css",
        media_type: "text/css; charset=utf-8",
        body: include_bytes!("../../docs/page.css"),
    },
    StaticFile {
        path: "/docs/page.js",
        media_type: "text/javascript; charset=utf-8",
        body: include_bytes!("../../docs/page.js"),
    },
    StaticFile {
        path: "/assets/pages.css",
        media_type: "text/css; charset=utf-8",
        body: include_bytes!("../../assets/pages.css"),
    },
];

/// Nothing but this host's own files.
const OWN_FILES_ONLY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

pub fn routes() -> Router {
    FILES.into_iter().fold(Router::new(), |router, file| {
        let handler = move || async move { public_file(file.media_type, file.body.into()) };
        router.route(file.path, get_only(handler))
    })
}

/// A file that is the same for everybody and is asked for again each time, so that a new version is seen at once.
pub fn public_file(media_type: &'static str, body: bytes::Bytes) -> Response<Body> {
    let mut response = json_response(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(OWN_FILES_ONLY));
    response
}
