//! The development identity provider for browsers: a form that sets the session's cookie.

use askama::Template;
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use lutong_transport::access::Channel;

use super::SignIn;
use super::return_path::ReturnPath;
use crate::pages::form::FormPost;
use crate::pages::html::{page, see_other};
use crate::problem::Problem;
use crate::sessions::identification::Connection;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    return_to: &'a str,
}

#[derive(Template)]
#[template(path = "signed_in.html")]
struct SignedInPage<'a> {
    account: &'a str,
    csrf_token: &'a str,
}

/// `GET /sign-in?return_to=/…`: the form, or whoever is signed in already.
pub async fn show(State(sign_in): State<SignIn>, request: Request) -> Result<Response, Problem> {
    let (head, _) = request.into_parts();
    let connection = Connection::of(&head.extensions);
    let session = sign_in.identification.page_session(&head, &connection).await?;
    if let Some(session) = session {
        let template = SignedInPage {
            account: &session.verified.principal.account,
            csrf_token: &session.csrf_token,
        };
        return page(StatusCode::OK, &template);
    }
    let query = head.uri.query().unwrap_or_default();
    let return_to = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "return_to");
    let return_to = return_to
        .map(|(_, path)| ReturnPath::or_sign_in(&path))
        .unwrap_or_default();
    page(
        StatusCode::OK,
        &SignInPage {
            return_to: return_to.as_str(),
        },
    )
}

/// `POST /sign-in/dev`: opens a session for the account that the form names. A session that the browser had before, or
/// that somebody planted in it, ends.
pub async fn submit(State(sign_in): State<SignIn>, form: FormPost) -> Result<Response, Problem> {
    let identification = &sign_in.identification;
    identification.limits.sign_in(form.address).await?;
    let (account_id, previous) = (form.field("account_id"), form.session.as_ref().map(|one| one.id));
    let (session, _) = sign_in.open(account_id, Channel::Development, previous).await?;
    let cookie = identification.cookie.set(&session, sign_in.ttl.as_secs())?;
    let return_to = ReturnPath::or_sign_in(form.field("return_to"));
    Ok(see_other(return_to.into_header(), cookie))
}
