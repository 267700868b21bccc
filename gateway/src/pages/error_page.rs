//! A problem as a page.

use askama::Template;
use axum::response::Response;

use super::html::page;
use crate::problem::{Problem, title};

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    title: &'a str,
    zh: &'a str,
    en: &'a str,
    reason: &'a str,
    trace_id: &'a str,
}

/// None where the page itself cannot be made.
pub fn of(problem: &Problem, trace_id: &str) -> Option<Response> {
    let fault = problem.fault();
    let template = ErrorPage {
        title: title(problem.status()),
        zh: &fault.zh,
        en: &fault.en,
        reason: &fault.reason,
        trace_id,
    };
    let mut response = page(problem.status(), &template).ok()?;
    response.headers_mut().extend(problem.headers());
    Some(response)
}
