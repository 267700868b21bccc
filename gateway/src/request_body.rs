//! Reading the body of an HTTP request: whole, bounded in size and time, of the expected media type.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::problem::Problem;

/// No JSON body is larger, in bytes; a form with its whole contact history has a tenth of it.
pub const LARGEST: usize = 256 * 1_024;

/// A body of any type, of at most `limit` bytes, that arrives within `patience`.
pub async fn read(body: Body, limit: usize, patience: Duration) -> Result<Bytes, Problem> {
    let reading = Limited::new(body, limit).collect();
    match tokio::time::timeout(patience, reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::body_too_large(limit)),
        Ok(Err(_)) => Err(Problem::body_cut_off()),
        Err(_) => Err(Problem::body_too_slow()),
    }
}

/// A body that says it is JSON.
pub async fn read_json(headers: &HeaderMap, body: Body, patience: Duration) -> Result<Bytes, Problem> {
    if !headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| is_of(value, "application/json"))
    {
        return Err(Problem::not_json());
    }
    read(body, LARGEST, patience).await
}

/// Whether a content type is this media type, in UTF-8 if it names a character set.
pub fn is_of(content_type: &HeaderValue, media_type: &str) -> bool {
    let Ok(text) = content_type.to_str() else {
        return false;
    };
    let mut parts = text.split(';').map(str::trim);
    let given = parts.next().unwrap_or_default();
    let utf_8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    given.eq_ignore_ascii_case(media_type) && utf_8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_json_in_utf_8_only() {
        for (content_type, json) in [
            ("application/json", true),
            ("Application/JSON; charset=UTF-8", true),
            ("application/json;charset=\"utf-8\"", true),
            ("application/json; charset=gbk", false),
            ("application/jsonp", false),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
        ] {
            let value = HeaderValue::from_static(content_type);
            assert_eq!(is_of(&value, "application/json"), json, "{content_type}");
        }
    }
}
