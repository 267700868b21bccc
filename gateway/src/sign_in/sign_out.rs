//! Signing out of a browser.

use axum::extract::State;
use axum::response::Response;

use super::SignIn;
use super::return_path::ReturnPath;
use crate::pages::form::FormPost;
use crate::pages::html::see_other;

/// `POST /sign-out`: ends the session and takes its cookie out of the browser.
pub async fn submit(State(sign_in): State<SignIn>, form: FormPost) -> Response {
    let identification = &sign_in.identification;
    if let Some(session) = &form.session {
        identification.tokens.end(session.id);
    }
    see_other(ReturnPath::default().into_header(), identification.cookie.clear())
}
