//! The authority's real-name check: knows the people of the stand-ins and those whom it was told of, and nobody else.

use std::collections::HashMap;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use crate::faults::{self, Fault};
use crate::people::{PEOPLE, StandInPerson};
use crate::{SECRET, Shared};

/// What the authority has of a person, by the number of the resident card.
pub(crate) type Register = HashMap<String, Registered>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Registered {
    full_name: String,
    /// E.164.
    mobile: String,
}

impl Registered {
    pub(crate) fn new(full_name: &str, mobile: &str) -> Self {
        Self {
            full_name: full_name.to_owned(),
            mobile: format!("+86{mobile}"),
        }
    }
}

/// The people of the stand-ins.
pub(crate) fn register() -> Register {
    let registered = |person: &StandInPerson| {
        (
            person.resident_id.to_owned(),
            Registered::new(person.full_name, person.mobile),
        )
    };
    PEOPLE.iter().map(registered).collect()
}

pub(crate) fn routes() -> Router<Shared> {
    Router::new().route("/real-name", post(check))
}

#[derive(Deserialize)]
struct Question {
    full_name: String,
    document_type: String,
    number: String,
    issuing_country: String,
    mobile: String,
}

/// Whether the bearer token is ours.
pub(crate) fn is_authorised(headers: &HeaderMap) -> bool {
    let expected = format!("Bearer {SECRET}");
    headers
        .get(header::AUTHORIZATION)
        .is_some_and(|given| *given == expected)
}

async fn check(State(shared): State<Shared>, headers: HeaderMap, Json(asked): Json<Question>) -> Response {
    shared.faults.count("real-name");
    if let Some(fault) = faults::common(&shared.faults).await {
        return fault;
    }
    if !is_authorised(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if shared.faults.is_on(Fault::RealNameUnavailable) || asked.document_type != "RESIDENT_ID" {
        return Json(json!({"result": "unavailable"})).into_response();
    }
    let known = shared.registered().get(&asked.number).cloned();
    let stated = Registered {
        full_name: asked.full_name,
        mobile: asked.mobile,
    };
    let is_known = asked.issuing_country.is_empty() && known == Some(stated);
    let result = if is_known { "verified" } else { "mismatch" };
    Json(json!({ "result": result })).into_response()
}
