//! The page on which a person says who they are and agrees. A test adds `as=wang` to the address and is sent on at once.

use axum::response::{Html, IntoResponse as _, Redirect, Response};

use crate::people::{self, PEOPLE, StandInPerson};

/// What somebody decided.
pub enum Decision {
    Agreed(&'static StandInPerson),
    Declined,
    /// The page that asks.
    Undecided(Response),
}

/// Reads the decision from the query, or asks for it.
pub fn decide(title: &str, query: &str) -> Decision {
    let chosen = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "as");
    match chosen {
        Some((_, id)) => people::find(&id).map_or(Decision::Declined, Decision::Agreed),
        None => Decision::Undecided(page(title, query)),
    }
}

/// The parameters stand in links of the page: escaped, because they come from whoever sent the browser here.
fn page(title: &str, query: &str) -> Response {
    let query = query
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;");
    let link = |id: &str, text: &str| format!(r#"<p><a href="?{query}&amp;as={id}">{text}</a></p>"#);
    let people: String = PEOPLE
        .iter()
        .map(|person| link(person.id, person.full_name))
        .collect();
    Html(format!(
        "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <body style=\"font:17px sans-serif;max-width:30em;margin:2em auto;padding:0 1em\">\
         <h1>{title}</h1><p>开发环境中的替身，不是真正的登录页面。 / A stand-in for development.</p>\
         <h2>以谁的身份登录？ / Who are you?</h2>{people}{}</body></html>",
        link("nobody", "拒绝 / Decline"),
    ))
    .into_response()
}

/// Sends the browser back with parameters.
pub fn back(redirect_uri: &str, parameters: &[(&str, &str)]) -> Response {
    let encoded = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    let join = if redirect_uri.contains('?') { '&' } else { '?' };
    Redirect::to(&format!("{redirect_uri}{join}{encoded}")).into_response()
}
