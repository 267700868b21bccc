use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use lutong_proto::policy::Role;
use serde_json::{Value, json};
use tonic::body::Body;
use tower::ServiceExt as _;

use crate::mesh::{Mesh, SUBJECT, dev};

/// Bindings of the services that these tests fake.
fn bindings() -> Vec<(Method, String, Option<Value>)> {
    let get = |path: &str| (Method::GET, path.to_owned(), None);
    let post = |path: &str, body: Value| (Method::POST, path.to_owned(), Some(body));
    vec![
        get("/v1/code"),
        get("/v1/decision"),
        get(&format!("/v1/subjects/{SUBJECT}/decisions/latest")),
        get("/v1/keys"),
        get("/v1/applications/a"),
        get("/v1/arrivals/a"),
        get("/v1/complaints/SD1"),
        get("/v1/complaints?page_size=10"),
        post("/v1/tokens:verify", json!({"token": "LT1:x"})),
        post("/v1/checkpoint-devices/me:heartbeat", json!({})),
        post("/v1/applications", json!({"request_id": "r", "form": {}})),
        post("/v1/arrivals", json!({"request_id": "r", "form": {}})),
        post(
            "/v1/complaints",
            json!({"request_id": "r", "feedback": {"text": "x"}}),
        ),
    ]
}

/// Every role that a binding may require.
const ROLES: [Role; 14] = [
    Role::CounterStaff,
    Role::HotlineAgent,
    Role::AuthorityFeed,
    Role::Organisation,
    Role::Citizen,
    Role::Checkpoint,
    Role::Hospital,
    Role::HealthOfficer,
    Role::Supervisor,
    Role::Epidemiologist,
    Role::RuleAuthor,
    Role::RuleApprover,
    Role::Auditor,
    Role::Operator,
];

#[tokio::test]
async fn what_the_version_that_runs_behind_does_not_serve_is_501() {
    let mesh = Mesh::new();
    let session = mesh.session("all", SUBJECT, &ROLES).await;
    // The fake services have no key areas.
    let answered = mesh.get("/v1/key-areas", Some(&session)).await;
    assert_eq!(answered.status, StatusCode::NOT_IMPLEMENTED, "{}", answered.body);
    assert_eq!(answered.body["reason"], "NOT_SERVED");
    assert_eq!(answered.body["code"], "UNIMPLEMENTED");
}

#[tokio::test]
async fn every_binding_of_the_contract_reaches_its_service() {
    let mesh = Mesh::new();
    let session = mesh.session("all", SUBJECT, &ROLES).await;
    for (method, path, body) in bindings() {
        let answered = mesh.call(method, &path, Some(&session), body).await;
        assert_eq!(answered.status, StatusCode::OK, "{path} {}", answered.body);
        assert_eq!(answered.headers["content-type"], "application/json");
        assert_eq!(answered.headers["cache-control"], "no-store");
    }
    let listed = mesh.get("/openapi.json", None).await.body;
    for (number, (template, item)) in listed["paths"].as_object().unwrap().iter().enumerate() {
        // An account of its own for each path: one account's calls in a short time are limited.
        let session = mesh.session(&format!("all-{number}"), SUBJECT, &ROLES).await;
        for (method, operation) in item.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let is_played =
                |(bound, path, _): &(Method, String, _)| *bound == method && is_of(template, path);
            if operation.get("x-lutong-rpc").is_none() || bindings().iter().any(is_played) {
                continue;
            }
            // If a service is not faked, the binding is still known and the call reaches the service, which does not
            // implement it. An unbound path would be 404, a wrong body or variable 400.
            let path = with_sevens(template);
            let body = (method != Method::GET).then(|| json!({}));
            let answered = mesh.call(method, &path, Some(&session), body).await;
            let is_known = matches!(answered.status.as_u16(), 200 | 501);
            assert!(is_known, "{path} {}", answered.body);
        }
    }
}

/// Whether a path matches a template, segment by segment; a verb may follow a variable.
fn is_of(template: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap();
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    let same = |(template, path): (&&str, &&str)| {
        let verb = template.split_once('}').map(|(_, verb)| verb);
        template == path
            || (template.starts_with('{')
                && verb.is_some_and(|verb| path.ends_with(verb) && (verb.is_empty() != path.contains(':'))))
    };
    template.len() == path.len() && template.iter().zip(&path).all(same)
}

/// The template's path with 7 for every variable.
fn with_sevens(template: &str) -> String {
    let mut parts = template.split('{');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |path, rest| path + "7" + rest.split_once('}').unwrap().1)
}

#[tokio::test]
async fn path_query_and_body_reach_the_service_and_its_answer_comes_back_in_proto_json() {
    let mesh = Mesh::new();
    let session = mesh.citizen().await;
    let shown = mesh
        .get("/v1/code?image_format=IMAGE_FORMAT_PNG", Some(&session))
        .await;
    for (field, value) in [
        ("token", json!(format!("LT1:{SUBJECT}"))),
        ("name_mask", json!("citizen")),
        ("colour", json!("COLOUR_GREEN")),
        ("version", json!("2")),
        // Fields without presence are included even if empty.
        ("shape", json!("")),
    ] {
        assert_eq!(shown.body[field], value, "{field} {}", shown.body);
    }
    assert!(shown.body.get("image").is_none(), "an unset message is absent");
    let asked = mesh.get("/v1/complaints/SD1", Some(&session)).await;
    assert_eq!(asked.body["complaint"]["name"], "complaints/SD1");
    assert!(
        asked.body["complaint"].get("state").is_none(),
        "UNSPECIFIED is never out"
    );
    let keys = mesh.get("/v1/keys", None).await;
    assert_eq!(keys.body["keys"][0]["algorithm"], -8);
    assert_eq!(keys.body["keys"][0]["public_key"], "+/8=");
}

#[tokio::test]
async fn an_unknown_field_is_refused_by_name_and_reaches_nobody() {
    let mesh = Mesh::new();
    let session = mesh.citizen().await;
    let body = json!({"request_id": "r", "feedback": {"text": "x"}, "colour": "red"});
    let answered = mesh
        .call(Method::POST, "/v1/complaints", Some(&session), Some(body))
        .await;
    assert_eq!(answered.status, StatusCode::BAD_REQUEST);
    assert_eq!(answered.headers["content-type"], "application/problem+json");
    assert_eq!(answered.body["reason"], "INVALID_FIELDS");
    assert_eq!(answered.body["errors"][0]["field"], "colour");
    assert_eq!(answered.body["errors"][0]["reason"], "UNKNOWN_FIELD");
    assert_eq!(mesh.world.filed.load(std::sync::atomic::Ordering::SeqCst), 0);
    let answered = mesh.get("/v1/code?colour=green", Some(&session)).await;
    assert_eq!(answered.body["errors"][0]["reason"], "UNKNOWN_PARAMETER");
}

#[tokio::test]
async fn a_services_refusal_comes_out_with_its_fields_and_both_languages() {
    let mesh = Mesh::new();
    let session = mesh.citizen().await;
    let body = json!({"request_id": "r"});
    let answered = mesh
        .call(Method::POST, "/v1/complaints", Some(&session), Some(body))
        .await;
    assert_eq!(answered.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        answered.body["errors"],
        json!([{
            "field": "kind",
            "reason": "MISSING",
            "message": {"zh": "必填", "en": "is required"},
        }])
    );
    // Another person's subject: the service's own refusal.
    let other = "/v1/subjects/00000000-0000-0000-0000-000000000008/decisions/latest";
    let answered = mesh.get(other, Some(&session)).await;
    assert_eq!(answered.status, StatusCode::NOT_FOUND);
    assert_eq!(answered.body["reason"], "CODE_NOT_FOUND");
}

async fn post_raw(mesh: &Mesh, session: &str, content_type: Option<&str>, body: Vec<u8>) -> (u16, String) {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri("/v1/complaints")
        .header("authorization", format!("Bearer {session}"));
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    let answered = mesh
        .send(request.body(Body::new(Full::from(body))).unwrap())
        .await;
    let reason = answered.body["errors"][0]["reason"]
        .as_str()
        .or(answered.body["reason"].as_str());
    (answered.status.as_u16(), reason.unwrap_or_default().to_owned())
}

#[tokio::test]
async fn bodies_that_are_not_json_not_utf_8_or_too_large_are_each_told_so() {
    let mesh = Mesh::new();
    let session = mesh.citizen().await;
    let json = Some("application/json");
    let large = |length: usize| {
        let mut body = br#"{"feedback": {"text": ""#.to_vec();
        body.resize(length - 3, b'x');
        body.extend_from_slice(br#""}}"#);
        body
    };
    for (content_type, body, status, reason) in [
        (json, large(256 * 1_024), 200, ""),
        (json, large(256 * 1_024 + 1), 413, "BODY_TOO_LARGE"),
        (
            json,
            b"{\"feedback\": {\"text\": \"\xff\"}}".to_vec(),
            400,
            "BODY_NOT_UTF8",
        ),
        (json, b"{\"feedback\": ".to_vec(), 400, "BODY_NOT_JSON"),
        (json, Vec::new(), 400, "BODY_NOT_JSON"),
        (Some("text/plain"), b"{}".to_vec(), 415, "CONTENT_TYPE"),
        (
            Some("application/json; charset=gbk"),
            b"{}".to_vec(),
            415,
            "CONTENT_TYPE",
        ),
        (None, b"{}".to_vec(), 415, "CONTENT_TYPE"),
    ] {
        let got = post_raw(&mesh, &session, content_type, body).await;
        assert_eq!(got, (status, reason.to_owned()), "{content_type:?}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_is_there_for_another_method_405() {
    let mesh = Mesh::new();
    for (method, path, status, reason) in [
        (Method::GET, "/v1/nothing", 404, "ROUTE_NOT_FOUND"),
        (Method::GET, "/v1/applications/a/b", 404, "ROUTE_NOT_FOUND"),
        // Available over gRPC only, or not from outside at all.
        (
            Method::POST,
            "/lutong.declaration.v1.FeedService/ImportFacts",
            404,
            "ROUTE_NOT_FOUND",
        ),
        (Method::DELETE, "/v1/code", 405, "METHOD_NOT_ALLOWED"),
        (Method::POST, "/openapi.json", 405, "METHOD_NOT_ALLOWED"),
        (Method::GET, "/v1/dev/sessions", 405, "METHOD_NOT_ALLOWED"),
    ] {
        let answered = mesh.call(method, path, None, None).await;
        assert_eq!(answered.status.as_u16(), status, "{path}");
        assert_eq!(answered.body["reason"], reason, "{path}");
        assert_eq!(answered.headers.contains_key("allow"), status == 405, "{path}");
    }
}

#[tokio::test]
async fn the_sign_at_the_door_points_to_the_contract() {
    let mesh = Mesh::with(dev()).unwrap();
    let sign = mesh.get("/", None).await;
    assert_eq!(sign.status, StatusCode::OK);
    let contract = mesh.get(sign.body["openapi"].as_str().unwrap(), None).await;
    assert_eq!(contract.body["openapi"], "3.1.0");
}

#[tokio::test]
async fn the_docs_load_nothing_from_elsewhere() {
    let mesh = Mesh::new();
    let mut open = vec!["/docs".to_owned()];
    let mut read = Vec::new();
    while let Some(path) = open.pop() {
        let request = Request::get(&path).body(Body::empty()).unwrap();
        let response = mesh.edge.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let policy = response.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(
            !text.contains("http://") && !text.contains("https://") && !text.contains("innerHTML"),
            "{path}"
        );
        for found in text
            .split(['"', '\''])
            .filter(|part| part.starts_with("/docs/") || *part == "/openapi.json")
        {
            if !read.contains(&found.to_owned()) && !open.contains(&found.to_owned()) {
                open.push(found.to_owned());
            }
        }
        read.push(path);
    }
    read.sort_unstable();
    assert_eq!(
        read,
        ["/docs", "/docs/page.css", "/docs/page.js", "/openapi.json"]
    );
}

#[tokio::test]
async fn a_problem_carries_the_grpc_code_and_the_clients_trace_or_one_of_its_own() {
    let mesh = Mesh::new();
    let refused = mesh.get("/v1/code", None).await.body;
    assert_eq!(refused["code"], "UNAUTHENTICATED");
    assert_eq!(refused["trace_id"].as_str().unwrap().len(), 32);
    let again = mesh.get("/v1/code", None).await.body;
    assert_ne!(refused["trace_id"], again["trace_id"]);
    let trace = "0af7651916cd43dd8448eb211c80319c";
    for path in ["/v1/code", "/nothing"] {
        let request = Request::get(path).header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"));
        let refused = mesh.send(request.body(Body::empty()).unwrap()).await.body;
        assert_eq!(refused["trace_id"], trace, "{path}");
    }
}

#[tokio::test]
async fn who_calls_comes_before_what_they_sent() {
    let mesh = Mesh::new();
    let session = mesh.citizen().await;
    let send = async |session: Option<&str>, content_type: &str, body: &'static str| {
        let mut request = http::Request::post("/v1/complaints").header("content-type", content_type);
        if let Some(session) = session {
            request = request.header("authorization", format!("Bearer {session}"));
        }
        let body = tonic::body::Body::new(http_body_util::Full::from(body));
        let answered = mesh.send(request.body(body).unwrap()).await;
        (
            answered.status.as_u16(),
            answered.body["reason"].as_str().unwrap_or_default().to_owned(),
        )
    };
    for (content_type, body) in [
        ("application/json", "{"),
        ("application/json", r#"{"text": 1}"#),
        ("application/json", r#"{"text": "a", "text": "b"}"#),
        ("text/plain", "x"),
    ] {
        let (status, reason) = send(None, content_type, body).await;
        assert_eq!((status, reason.as_str()), (401, "NOT_SIGNED_IN"), "{body}");
        let (status, reason) = send(Some("AAAA"), content_type, body).await;
        assert_eq!((status, reason.as_str()), (401, "SESSION_INVALID"), "{body}");
        let (status, _) = send(Some(&session), content_type, body).await;
        assert!(matches!(status, 400 | 415), "{status} {body}");
    }
    assert!(
        mesh.world.metadata.lock().unwrap().is_empty(),
        "no service was reached"
    );
}
