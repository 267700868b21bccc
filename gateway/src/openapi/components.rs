//! What the edge itself adds to the contract: headers, shared parameters, problems.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::schema::reference;
use super::sessions::SessionRoutes;
use crate::problem::MEDIA_TYPE;
use crate::sessions::csrf;

pub fn of(mut schemas: BTreeMap<String, Value>, cookie: &str, sessions: SessionRoutes) -> Value {
    schemas.insert("Problem".to_owned(), problem());
    schemas.insert("ProblemField".to_owned(), problem_field());
    schemas.insert("ProblemText".to_owned(), problem_text());
    sessions.add_schemas(&mut schemas);
    json!({
        "schemas": schemas,
        "responses": {"Problem": {
            "description": "出错 What went wrong.",
            "content": {MEDIA_TYPE: {"schema": reference("Problem")}},
        }},
        "parameters": {
            "PageSize": {
                "name": "page_size", "in": "query", "required": false,
                "description": "How many at the most: 50 where it is 0 or not said, 1,000 where it is more.",
                "schema": {"type": "integer", "format": "int32", "minimum": 0, "default": 0},
            },
            "PageToken": {
                "name": "page_token", "in": "query", "required": false,
                "description": "`next_page_token` of the page before, as it came, with the same filters; empty for the first page.",
                "schema": {"type": "string"},
            },
            "Traceparent": {
                "name": "traceparent", "in": "header", "required": false,
                "description": "W3C Trace Context: the call goes on in this trace, and a problem names it.",
                "schema": {"type": "string", "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"},
            },
        },
        "headers": {
            "Retry-After": {
                "description": "Whole seconds until it makes sense to try again; absent where that does not help.",
                "schema": {"type": "integer", "minimum": 1},
            },
            "WWW-Authenticate": {
                "description": "Always `Bearer`.",
                "schema": {"type": "string", "const": "Bearer"},
            },
            "Allow": {
                "description": "The methods that the path has.",
                "schema": {"type": "string"},
            },
            "Cache-Control": {
                "description": "Always `no-store`: an answer about a person is kept by nobody.",
                "schema": {"type": "string"},
            },
        },
        "securitySchemes": {
            "session": {
                "type": "http",
                "scheme": "bearer",
                "description": "登录后得到的会话。 The session that signing in gives: `Authorization: Bearer {token}`, until its `expire_time`.",
            },
            "cookie": {
                "type": "apiKey",
                "in": "cookie",
                "name": cookie,
                "description": "浏览器登录后的会话。 The session of a browser, set by its sign-in page. A bearer that is sent as well wins.",
            },
            "csrf": {
                "type": "apiKey",
                "in": "header",
                "name": csrf::HEADER.as_str(),
                "description": "防伪令牌。 With the cookie, on everything but GET: the token of the session, which its pages carry; and the request comes from no page of another site (`Sec-Fetch-Site`, `Origin`).",
            },
        },
    })
}

fn problem_text() -> Value {
    json!({
        "type": "object",
        "description": "The same in two languages.",
        "required": ["zh", "en"],
        "properties": {
            "zh": {"type": "string", "description": "Chinese."},
            "en": {"type": "string", "description": "English."},
        },
    })
}

fn problem_field() -> Value {
    json!({
        "type": "object",
        "description": "A field that is wrong.",
        "required": ["field", "reason", "message"],
        "properties": {
            "field": {
                "type": "string",
                "description": "Path in the request, for example `form.contact_history[2].day`; empty: the whole.",
            },
            "reason": {"type": "string", "description": "Stable, UPPER_SNAKE."},
            "message": reference("ProblemText"),
        },
    })
}

fn problem() -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    json!({
        "type": "object",
        "description": "What went wrong (RFC 9457). `code` and `reason` are the same as over gRPC (`google.rpc.Status`, `google.rpc.ErrorInfo`).",
        "required": ["type", "title", "status", "detail", "code", "reason", "message", "trace_id"],
        "properties": {
            "type": {"type": "string", "format": "uri", "description": "`urn:lutong:problem:` and the reason."},
            "title": text("The status in words, Chinese and English."),
            "status": {"type": "integer", "description": "The HTTP status."},
            "detail": text("The Chinese text, for clients that know RFC 9457 only."),
            "code": text("The gRPC code, for example `INVALID_ARGUMENT`."),
            "reason": text("Stable, UPPER_SNAKE; each operation lists its own by status under `x-lutong-reasons`."),
            "message": reference("ProblemText"),
            "errors": {
                "type": "array",
                "description": "The fields that are wrong; all of them at once.",
                "items": reference("ProblemField"),
            },
            "metadata": {
                "type": "object",
                "description": "Ids and names that belong to the reason.",
                "additionalProperties": {"type": "string"},
            },
            "retry_after_s": {
                "type": "integer",
                "description": "Seconds until it makes sense to try again; absent where that does not help.",
            },
            "trace_id": text("What to name when asking about it: the trace of the call, 32 hexadecimal digits."),
        },
    })
}
