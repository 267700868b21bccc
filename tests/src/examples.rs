//! Examples of the API: one walk over a running mesh calls every operation and records requests and answers. Values
//! that differ from run to run (ids, instants, tokens) are replaced by [`Placeholders`], so that two walks can be
//! compared.

mod placeholders;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Map, Value, json};

use crate::mesh::Mesh;
pub use placeholders::Placeholders;

/// How long a walk waits for asynchronous effects.
const PATIENCE: Duration = Duration::from_secs(30);

/// The parameters and body of a request.
#[derive(Debug, Clone, Default)]
pub struct RequestParts {
    /// Path and query parameters, by name.
    pub parameters: Vec<(&'static str, String)>,
    pub body: Option<Value>,
}

impl RequestParts {
    pub fn nothing() -> Self {
        Self::default()
    }

    pub fn body(body: Value) -> Self {
        Self::default().and_body(body)
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.parameters.push((name, value.into()));
        self
    }

    pub fn and_body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }
}

/// An operation of the OpenAPI description: method and path template.
#[derive(Debug, Clone)]
struct Operation {
    method: Method,
    template: String,
}

/// One walk over a mesh.
pub struct Walk<'a> {
    pub mesh: &'a Mesh,
    pub placeholders: Placeholders,
    operations: BTreeMap<String, Operation>,
    sessions: BTreeMap<String, String>,
    recorded: Map<String, Value>,
}

impl<'a> Walk<'a> {
    pub async fn start(mesh: &'a Mesh) -> Self {
        let described = mesh.gateway.call(Method::GET, "/openapi.json", None, None).await;
        Self {
            mesh,
            placeholders: Placeholders::default(),
            operations: operations(&described.unwrap().expect()),
            sessions: BTreeMap::new(),
            recorded: Map::new(),
        }
    }

    /// Calls an operation, which must succeed. The first call of each operation becomes its example.
    pub async fn call(&mut self, id: &str, account: &str, sent: RequestParts) -> Value {
        self.call_until(id, account, sent, |_| true).await
    }

    /// Calls an operation repeatedly until its answer is `wanted`; that call becomes its example.
    pub async fn call_until(
        &mut self,
        id: &str,
        account: &str,
        sent: RequestParts,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let operation = self.operations.get(id).cloned();
        let operation = operation.unwrap_or_else(|| panic!("{id} is not described"));
        let session = self.session(account).await;
        let path = path_of(&operation.template, &sent.parameters);
        let started = Instant::now();
        let answer = loop {
            let (method, body) = (operation.method.clone(), sent.body.clone());
            let gateway = &self.mesh.gateway;
            let answer = gateway
                .call(method, &path, session.as_deref(), body)
                .await
                .unwrap();
            if answer.status == 200 && wanted(&answer.body) {
                break answer.body;
            }
            assert!(started.elapsed() < PATIENCE, "{id} {path}: {}", answer.body);
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        self.record(id, &sent, &answer);
        answer
    }

    /// Calls of `account` are made with this session from now on: that of a device, which no sign-in page opens.
    pub fn use_session(&mut self, account: &str, session: &str) {
        self.sessions.insert(account.to_owned(), session.to_owned());
    }

    /// A session of an account; `None` for an empty name.
    async fn session(&mut self, account: &str) -> Option<String> {
        if account.is_empty() {
            return None;
        }
        if !self.sessions.contains_key(account) {
            let session = self.mesh.gateway.session(account).await;
            self.sessions.insert(account.to_owned(), session);
        }
        self.sessions.get(account).cloned()
    }

    fn record(&mut self, id: &str, sent: &RequestParts, answer: &Value) {
        if self.recorded.contains_key(id) {
            return;
        }
        let mut example = json!({});
        for (name, value) in &sent.parameters {
            example["parameters"][*name] = self.placeholders.member(name, &json!(value));
        }
        if let Some(body) = &sent.body {
            example["body"] = self.placeholders.of(body);
        }
        // A file has no JSON to show.
        if !answer.is_null() {
            example["answer"] = self.placeholders.of(answer);
        }
        self.recorded.insert(id.to_owned(), example);
    }

    /// The examples, and the operations without one.
    pub fn finish(self) -> (Map<String, Value>, Vec<String>) {
        let without = self.operations.into_keys();
        let without = without.filter(|id| !self.recorded.contains_key(id)).collect();
        (self.recorded, without)
    }
}

fn operations(document: &Value) -> BTreeMap<String, Operation> {
    let mut found = BTreeMap::new();
    for (template, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let operation_id = operation["operationId"].as_str().unwrap().to_owned();
            let operation = Operation {
                method: method.to_uppercase().parse().unwrap(),
                template: template.clone(),
            };
            found.insert(operation_id, operation);
        }
    }
    found
}

/// Fills in the variables of a path template; other parameters become the query. None of them needs escaping.
fn path_of(template: &str, parameters: &[(&'static str, String)]) -> String {
    let (mut path, mut query) = (template.to_owned(), Vec::new());
    for (name, value) in parameters {
        let variable = format!("{{{name}}}");
        if path.contains(&variable) {
            path = path.replace(&variable, value);
        } else {
            query.push(format!("{name}={value}"));
        }
    }
    assert!(!path.contains('{'), "{path}");
    if query.is_empty() {
        path
    } else {
        format!("{path}?{}", query.join("&"))
    }
}
