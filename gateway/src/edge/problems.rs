//! The one place where a [`Problem`] over HTTP becomes an answer: a page for somebody who looks at pages, a document for
//! every other client.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use http::header::ACCEPT;
use lutong_kernel::Random;

use crate::pages::error_page;
use crate::problem::Problem;
use crate::trace;

/// Runs a handler and answers the problem that it returned, if it did.
pub async fn answer(State(random): State<Arc<dyn Random>>, request: Request, next: Next) -> Response {
    let trace_id = trace::of_client(request.headers());
    let wants_page = wants_page(request.uri().path(), request.headers());
    let mut response = next.run(request).await;
    let Some(mut problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let trace_id = trace::id(trace_id, problem.take_trace_id(), &*random);
    if problem.is_of_the_server() {
        let (rpc, fault) = (problem.rpc(), problem.fault());
        tracing::warn!(
            trace_id,
            rpc,
            reason = &*fault.reason,
            cause = fault.cause(),
            "a call over HTTP could not be answered"
        );
    }
    if wants_page {
        error_page::of(&problem, &trace_id).unwrap_or_else(|| problem.into_document(&trace_id))
    } else {
        problem.into_document(&trace_id)
    }
}

/// Whether a browser is about to show the answer to somebody. What the contract and its description answer is the same
/// for everybody.
fn wants_page(path: &str, headers: &HeaderMap) -> bool {
    if path.starts_with("/v1/") || path == "/openapi.json" {
        return false;
    }
    let accepted = headers.get_all(ACCEPT).iter();
    let mut types = accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    types.any(|media_type| {
        let name = media_type.split(';').next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case("text/html")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_names_html_gets_a_page_and_never_at_a_path_of_the_contract() {
        const CHROMIUM: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (path, accept, page) in [
            ("/nothing", CHROMIUM, true),
            ("/sign-in", "TEXT/HTML", true),
            ("/nothing", "application/json, text/html;q=0.5", true),
            ("/nothing", "*/*", false),
            ("/nothing", "application/json", false),
            ("/v1/code", CHROMIUM, false),
            ("/v1/nothing", CHROMIUM, false),
            ("/openapi.json", CHROMIUM, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(wants_page(path, &headers), page, "{path} {accept}");
        }
        assert!(!wants_page("/nothing", &HeaderMap::new()));
    }
}
