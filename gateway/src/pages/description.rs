//! What the edge says of itself: a pointer at `/`, the contract as OpenAPI.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;

use super::static_files::public_file;
use crate::routing::get_only;

const POINTER: &[u8] =
    r#"{"name":"鲁通 Lutong","docs":"/docs","openapi":"/openapi.json","grpc":"the same port; reflection is on"}"#
        .as_bytes();

/// What the pages show that is made at start.
#[derive(Clone)]
pub struct Pages {
    pub openapi: Bytes,
}

pub fn routes(pages: Pages) -> Router {
    Router::new()
        .route("/", get_only(pointer))
        .route("/openapi.json", get_only(openapi))
        .with_state(pages)
}

async fn pointer() -> Response {
    public_file("application/json", Bytes::from_static(POINTER))
}

async fn openapi(State(pages): State<Pages>) -> Response {
    public_file("application/json", pages.openapi)
}
