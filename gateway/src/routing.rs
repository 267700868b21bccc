//! Routes of one method. axum answers HEAD by GET and 405 with an empty body; here every other method is refused with the
//! one that the path has.

use axum::handler::Handler;
use axum::routing::{MethodRouter, get, post};

use crate::problem::Problem;

/// A path that answers GET.
pub fn get_only<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    let refuse = || async { Problem::method_not_allowed("GET".to_owned()) };
    get(handler).head(refuse).fallback(refuse)
}

/// A path that answers POST.
pub fn post_only<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    let refuse = || async { Problem::method_not_allowed("POST".to_owned()) };
    post(handler).fallback(refuse)
}
