//! The operations that open a session: they are the edge's own and in no service's contract.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::examples::Examples;
use super::ordered::Ordered;
use super::schema::reference;
use crate::problem::MEDIA_TYPE;
use crate::sign_in::{dev_session, device_session, mini_program};

/// Which of them this gateway has.
#[derive(Debug, Clone, Copy)]
pub struct SessionRoutes {
    /// Signing in for development.
    pub dev: bool,
    /// Signing in from the WeChat mini-program.
    pub mini_program: bool,
    /// Signing in of checkpoint devices.
    pub devices: bool,
}

impl SessionRoutes {
    /// Path and operation of each.
    pub fn operations(self, tags: &mut Ordered<Value>, examples: &Examples) -> Vec<(String, Value)> {
        if !self.dev && !self.mini_program && !self.devices {
            return Vec::new();
        }
        let about = "登录 Where a session comes from.";
        tags.push(
            "Sessions".to_owned(),
            json!({"name": "Sessions", "description": about}),
        );
        let dev = self.dev.then(|| (dev_session::PATH.to_owned(), dev(examples)));
        let mini = (mini_program::PATH.to_owned(), mini_program(examples));
        let mini = self.mini_program.then_some(mini);
        let device = (device_session::PATH.to_owned(), device(examples));
        let device = self.devices.then_some(device);
        dev.into_iter().chain(mini).chain(device).collect()
    }

    pub fn add_schemas(self, schemas: &mut BTreeMap<String, Value>) {
        if self.dev {
            schemas.insert("SignInRequest".to_owned(), sign_in_request());
        }
        if self.mini_program {
            schemas.insert("MiniProgramSignInRequest".to_owned(), mini_program_request());
        }
        if self.devices {
            schemas.insert("DeviceSignInRequest".to_owned(), device_request());
            schemas.insert("DeviceSession".to_owned(), device_session());
        }
        if self.dev || self.mini_program {
            schemas.insert("Session".to_owned(), session());
        }
    }
}

/// A refusal by status, with its reasons.
type Refusal = (&'static str, &'static str, &'static [&'static str]);

fn dev(examples: &Examples) -> Value {
    const REFUSALS: [Refusal; 4] = [
        ("400", "请求有误 Bad request", &["INVALID_FIELDS"]),
        ("403", "没有权限 Not permitted", &["ACCOUNT_DISABLED"]),
        ("429", "请求过于频繁 Too many requests", &["TOO_MANY_CALLS"]),
        ("503", "服务暂时不可用 Unavailable", &["PART_UNAVAILABLE"]),
    ];
    let operation = json!({
        "operationId": "createDevSession",
        "summary": "Signs in for development: whoever says a name is it.",
        "description": "Only with `--dev`, on loopback. Any name is a citizen; `lutong accounts add` gives one roles.",
    });
    opens_session(operation, ("SignInRequest", "Session"), &REFUSALS, examples)
}

fn mini_program(examples: &Examples) -> Value {
    const REFUSALS: [Refusal; 5] = [
        ("400", "请求有误 Bad request", &["INVALID_FIELDS"]),
        (
            "401",
            "未登录 Not signed in",
            &["SIGN_IN_EXPIRED", "SIGN_IN_NOT_VERIFIED", "SIGN_IN_PREVIEW"],
        ),
        (
            "403",
            "没有权限 Not permitted",
            &["ACCOUNT_DISABLED", "SIGN_IN_BLOCKED"],
        ),
        (
            "429",
            "请求过于频繁 Too many requests",
            &["TOO_MANY_CALLS", "CHANNEL_BUSY"],
        ),
        (
            "503",
            "服务暂时不可用 Unavailable",
            &["CHANNEL_MISCONFIGURED", "CHANNEL_UNAVAILABLE", "PART_UNAVAILABLE"],
        ),
    ];
    let operation = json!({
        "operationId": "createMiniProgramSession",
        "summary": "Signs in from the WeChat mini-program.",
        "description": "With the code that `wx.login` gives the mini-program, which holds for five minutes and once. The session is a bearer.",
    });
    opens_session(
        operation,
        ("MiniProgramSignInRequest", "Session"),
        &REFUSALS,
        examples,
    )
}

fn device(examples: &Examples) -> Value {
    const REFUSALS: [Refusal; 5] = [
        ("400", "请求有误 Bad request", &["INVALID_FIELDS"]),
        ("401", "未登录 Not signed in", &["CREDENTIAL_INVALID"]),
        ("403", "没有权限 Not permitted", &["DEVICE_ENDED"]),
        ("429", "请求过于频繁 Too many requests", &["TOO_MANY_CALLS"]),
        ("503", "服务暂时不可用 Unavailable", &["PART_UNAVAILABLE"]),
    ];
    let operation = json!({
        "operationId": "createDeviceSession",
        "summary": "Signs in a checkpoint device.",
        "description": "With the credential of its registration or of the session before. The answer has the next one; the one that was sent stays good until the next one was used. One that was replaced before ends the device. The session is a bearer.",
    });
    opens_session(
        operation,
        ("DeviceSignInRequest", "DeviceSession"),
        &REFUSALS,
        examples,
    )
}

fn opens_session(
    mut operation: Value,
    (request, answer): (&str, &str),
    refusals: &[Refusal],
    examples: &Examples,
) -> Value {
    let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
    let mut body = json!({"schema": reference(request)});
    examples.of_body(&id, &mut body);
    let mut answer = json!({"schema": reference(answer)});
    examples.of_answer(&id, &mut answer);
    operation["tags"] = json!(["Sessions"]);
    operation["security"] = json!([{}]);
    operation["parameters"] = json!([]);
    operation["requestBody"] = json!({"required": true, "content": {"application/json": body}});
    operation["responses"] = json!({
        "200": {"description": "The session.", "content": {"application/json": answer}},
        "default": {"$ref": "#/components/responses/Problem"},
    });
    for (status, description, reasons) in refusals {
        operation["responses"][*status] = json!({
            "description": description,
            "content": {MEDIA_TYPE: {"schema": reference("Problem")}},
            "x-lutong-reasons": reasons,
        });
    }
    operation
}

fn sign_in_request() -> Value {
    json!({
        "type": "object",
        "description": "Who signs in.",
        "required": ["account_id"],
        "properties": {"account_id": {
            "type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[0-9A-Za-z._:@-]+$",
            "description": "The account.",
        }},
        "additionalProperties": false,
    })
}

fn mini_program_request() -> Value {
    json!({
        "type": "object",
        "description": "Who signs in, as WeChat knows them.",
        "required": ["code"],
        "properties": {"code": {
            "type": "string", "minLength": 1, "maxLength": 512,
            "description": "As `wx.login` gives it.",
        }},
        "additionalProperties": false,
    })
}

fn device_request() -> Value {
    json!({
        "type": "object",
        "description": "Which device signs in.",
        "required": ["credential"],
        "properties": {"credential": {
            "type": "string", "minLength": 1, "maxLength": 200,
            "description": "As its registration or its last session answered it.",
        }},
        "additionalProperties": false,
    })
}

fn device_session() -> Value {
    json!({
        "type": "object",
        "description": "A session of a device.",
        "required": ["token", "expire_time", "credential"],
        "properties": {
            "token": {"type": "string", "description": "For `Authorization: Bearer {token}`."},
            "expire_time": {"type": "string", "format": "date-time", "description": "Until when."},
            "credential": {"type": "string", "description": "What it signs in with next: to be stored before anything else."},
        },
    })
}

fn session() -> Value {
    json!({
        "type": "object",
        "description": "A session.",
        "required": ["token", "expire_time"],
        "properties": {
            "token": {"type": "string", "description": "For `Authorization: Bearer {token}`."},
            "expire_time": {"type": "string", "format": "date-time", "description": "Until when."},
        },
    })
}
