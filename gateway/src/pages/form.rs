//! A form that a browser posted. The extractor is the only way to read one, so that no page forgets who sent it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRef, FromRequest, Request};
use http::header::CONTENT_TYPE;
use lutong_kernel::Fault;
use lutong_transport::peer::PeerAddress;

use crate::fault;
use crate::problem::Problem;
use crate::request_body;
use crate::sessions::cross_site::RequestSite;
use crate::sessions::csrf;
use crate::sessions::identification::{Connection, Identification, PageSession};

const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";
/// No form is larger, in bytes.
const LARGEST: usize = 32 * 1_024;

/// What forms are read with.
#[derive(Clone)]
pub struct FormReader {
    pub identification: Arc<Identification>,
    pub patience: Duration,
}

/// A form of this site: from no page of another one, and where the browser has a session, with the session's token.
pub struct FormPost {
    pub session: Option<PageSession>,
    pub address: Option<PeerAddress>,
    fields: Vec<(String, String)>,
}

impl FormPost {
    /// A field by its name; empty where there is none.
    pub fn field(&self, name: &str) -> &str {
        value_of(&self.fields, name).unwrap_or_default()
    }
}

impl<S> FromRequest<S> for FormPost
where
    S: Send + Sync,
    FormReader: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let FormReader {
            identification,
            patience,
        } = FormReader::from_ref(state);
        let (head, body) = request.into_parts();
        RequestSite::of(&head).check()?;
        let connection = Connection::of(&head.extensions);
        let session = identification.page_session(&head, &connection).await?;
        if !head
            .headers
            .get(CONTENT_TYPE)
            .is_some_and(|value| request_body::is_of(value, MEDIA_TYPE))
        {
            return Err(Problem::not_a_form());
        }
        let body = request_body::read(body, LARGEST, patience).await?;
        let fields = fields_of(&body)?;
        if let Some(session) = &session {
            let token = value_of(&fields, csrf::FIELD).map(str::as_bytes);
            identification.csrf.check(&session.id, token)?;
        }
        Ok(Self {
            session,
            address: connection.address,
            fields,
        })
    }
}

fn value_of<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let field = fields.iter().find(|(field, _)| field == name);
    field.map(|(_, value)| value.as_str())
}

/// The fields of a form; one that comes twice has no one meaning.
fn fields_of(body: &[u8]) -> Result<Vec<(String, String)>, Fault> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for (name, value) in form_urlencoded::parse(body) {
        if value_of(&fields, &name).is_some() {
            return Err(Fault::invalid(vec![fault::http::form_field_twice()]));
        }
        fields.push((name.into_owned(), value.into_owned()));
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_each_field_once() {
        let fields = fields_of("account_id=%E6%9D%8E+1&return_to=%2Fa%3Fb%3Dc&empty=".as_bytes()).unwrap();
        assert_eq!(value_of(&fields, "account_id"), Some("李 1"));
        assert_eq!(value_of(&fields, "return_to"), Some("/a?b=c"));
        assert_eq!(value_of(&fields, "empty"), Some(""));
        assert_eq!(value_of(&fields, "other"), None);
        for twice in ["a=1&a=1", "csrf_token=a&csrf%5Ftoken=b"] {
            let refused = fields_of(twice.as_bytes()).unwrap_err();
            assert_eq!(refused.violations[0].reason, "DUPLICATE_FIELD");
        }
    }
}
