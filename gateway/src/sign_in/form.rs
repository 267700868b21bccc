//! The page that lists the channels, and the development identity provider's form that sets the session's cookie.

use askama::Template;
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;

use lutong_channels::Provider;

use super::SignIn;
use super::return_path::ReturnPath;
use crate::pages::form::FormPost;
use crate::pages::html::{page, see_other};
use crate::problem::Problem;
use crate::sessions::identification::Connection;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    channels: Vec<ChannelLink>,
    return_to: &'a str,
    dev: bool,
}

/// A channel that one can sign in with.
struct ChannelLink {
    url: String,
    zh: &'static str,
    en: &'static str,
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
    let return_to = ReturnPath::of_query(head.uri.query());
    let return_to = return_to.as_str();
    let link = |provider: &Provider| {
        let (zh, en) = provider.channel.title();
        let query = form_urlencoded::byte_serialize(return_to.as_bytes()).collect::<String>();
        let url = format!("{}/{}?return_to={query}", super::PATH, provider.channel);
        ChannelLink { url, zh, en }
    };
    let providers = sign_in.providers.iter().filter(|provider| provider.has_page());
    page(
        StatusCode::OK,
        &SignInPage {
            channels: providers.map(link).collect(),
            return_to,
            dev: sign_in.dev,
        },
    )
}

/// `POST /sign-in/dev`: opens a session for the account that the form names. A session that the browser had before, or
/// that somebody planted in it, ends.
pub async fn submit(State(sign_in): State<SignIn>, form: FormPost) -> Result<Response, Problem> {
    let identification = &sign_in.identification;
    identification.limits.sign_in(form.address).await?;
    let (account_id, previous) = (form.field("account_id"), form.session.as_ref().map(|one| one.id));
    let (session, _) = sign_in.open_named(account_id, previous).await?;
    let cookie = identification.cookie.set(&session, sign_in.ttl.as_secs())?;
    let return_to = ReturnPath::or_sign_in(form.field("return_to"));
    Ok(see_other(return_to.into_header(), cookie))
}
