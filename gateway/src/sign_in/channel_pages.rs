//! Signing in through a channel: the browser is sent to the provider and comes back with a code.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::HeaderValue;
use lutong_channels::{Callback, Provider};
use lutong_kernel::{Channel, Fault};

use super::SignIn;
use super::return_path::ReturnPath;
use crate::fault::sign_in as fault;
use crate::pages::html::{see_other, see_other_with};
use crate::problem::Problem;
use crate::sessions::identification::Connection;

/// `GET /sign-in/{channel}?return_to=/…`: sends the browser to the provider.
pub async fn begin(
    State(sign_in): State<SignIn>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (head, _) = request.into_parts();
    let address = Connection::of(&head.extensions).address;
    sign_in.identification.limits.sign_in(address).await?;
    let provider = page_of(&sign_in, &name)?;
    let return_to = ReturnPath::of_query(head.uri.query());
    let redirect_uri = format!("{}/sign-in/{}/callback", sign_in.public_url, provider.channel);
    let (attempt, cookie) = sign_in
        .attempts
        .begin(provider.channel, redirect_uri, &return_to)?;
    let url = provider
        .authorization_url(&attempt)
        .await
        .map_err(|failure| fault::not_recognised(provider.channel, failure))?;
    let url = HeaderValue::try_from(url).map_err(Fault::internal)?;
    Ok(see_other(url, cookie))
}

/// `GET /sign-in/{channel}/callback`: the provider sends the browser back. The attempt is used up, whatever comes of it.
pub async fn finish(
    State(sign_in): State<SignIn>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (head, _) = request.into_parts();
    let connection = Connection::of(&head.extensions);
    sign_in.identification.limits.sign_in(connection.address).await?;
    let provider = page_of(&sign_in, &name)?;
    let channel = provider.channel;
    let begun = sign_in
        .attempts
        .finish(channel, &head.headers)
        .ok_or_else(fault::attempt_missing)?;
    let callback = Callback::parse(head.uri.query().unwrap_or_default());
    let recognised = provider.recognise(&begun.attempt, &callback).await;
    let recognised = recognised.map_err(|failure| fault::not_recognised(channel, failure))?;
    let previous = sign_in
        .identification
        .page_session(&head, &connection)
        .await?
        .map(|session| session.id);
    let (session, _) = sign_in.open_recognised(channel, recognised, previous).await?;
    let cookie = sign_in
        .identification
        .cookie
        .set(&session, sign_in.ttl.as_secs())?;
    let return_to = begun.return_path().into_header();
    Ok(see_other_with(return_to, [cookie, sign_in.attempts.clear()]))
}

/// The provider of a configured channel that has a page.
fn page_of<'a>(sign_in: &'a SignIn, name: &str) -> Result<&'a Provider, Fault> {
    let wanted: Option<Channel> = name.parse().ok();
    let provider = sign_in.providers.iter().find(|one| Some(one.channel) == wanted);
    provider
        .filter(|one| one.has_page())
        .ok_or_else(fault::channel_unknown)
}
