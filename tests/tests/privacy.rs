//! No personal data in error texts, log lines, spans or URLs, and none readable in a store: valid and invalid applications, arrivals, changes
//! and imports through the gateway and all services in this process, with the log captured at its most verbose level.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use futures::stream;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use lutong_gateway::{Dependencies, Edge, GatewayConfig, SessionKeys};
use lutong_identity::{Account, AccountId};
use lutong_kernel::{DivisionCode, ServiceName};
use lutong_operating::health::Readiness;
use lutong_proto::declaration::v1 as declaration;
use lutong_proto::declaration::v1::fact_row::Subject;
use lutong_proto::declaration::v1::feed_service_client::FeedServiceClient;
use lutong_proto::policy::{self, Caller, Role};
use lutong_storage::Engine;
use lutong_testing::Bed;
use lutong_tests::feed;
use lutong_transport::access::{FeedGrant, Roles};
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, Value as Field};
use serde_json::{Value, json};
use tonic::body::Body;
use tower::ServiceExt as _;

const NAME: &str = "阿依古丽·麦麦提";
/// The example number of GB 11643, and the same with one wrong character.
const NUMBER: &str = "11010519491231002X";
const WRONG_NUMBER: &str = "110105194912310021";
const OLD_NUMBER: &str = "110105491231002";
const MOBILE: &str = "13987654321";
const WRONG_MOBILE: &str = "1398765432123";
const ADDRESS: &str = "燕儿岛路77号甲";
const COMMUNITY: &str = "贵和小区九号楼";
const FACILITY: &str = "省立医院发热门诊三诊室";

/// Personal data, which may appear only in requests and encrypted in the stores.
const PERSONAL: [&str; 10] = [
    NAME,
    "麦麦提",
    NUMBER,
    WRONG_NUMBER,
    OLD_NUMBER,
    MOBILE,
    WRONG_MOBILE,
    ADDRESS,
    COMMUNITY,
    FACILITY,
];

/// The captured log of the process.
#[derive(Clone, Default)]
struct CapturedLog(Arc<Mutex<Vec<u8>>>);

impl Write for CapturedLog {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl CapturedLog {
    fn listen() -> Self {
        use tracing_subscriber::fmt::format::FmtSpan;
        let said = Self::default();
        let writer = said.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .init();
        said
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn assert_nothing_personal(place: &str, text: &str) {
    for secret in PERSONAL {
        let at = text.lines().find(|line| line.contains(secret));
        assert!(at.is_none(), "{secret} in {place}: {at:?}");
    }
}

struct Mesh {
    bed: Bed,
    edge: Edge,
}

async fn start() -> Mesh {
    let bed = Bed::new(Engine::Sqlite);
    let foundation = &bed.foundation;
    let storage = bed
        .storage::<lutong_identity::Migrations>(ServiceName::Identity)
        .await;
    let accounts = lutong_identity::open_accounts(foundation, &storage)
        .await
        .unwrap();
    let feed = Account {
        roles: Roles::of(&[Role::AuthorityFeed]),
        feed: Some(FeedGrant {
            source: "cdc-370200".to_owned(),
            kinds: vec!["fever_clinic_visit".to_owned()],
            divisions: Vec::new(),
        }),
        ..Account::citizen(AccountId::parse("cdc-370200").unwrap())
    };
    accounts.add(feed, "test").await.unwrap();
    let counter = Account {
        roles: Roles::of(&[Role::CounterStaff]),
        division: Some(DivisionCode::parse("370202").unwrap()),
        ..Account::citizen(AccountId::parse("counter-1").unwrap())
    };
    accounts.add(counter, "test").await.unwrap();
    let peers = lutong_identity::Peers {
        declaration: bed.channel(ServiceName::Declaration, Caller::Identity),
        code_rendering: bed.channel(ServiceName::CodeRendering, Caller::Identity),
    };
    let config = lutong_identity::IdentityConfig {
        trust_stated: true,
        messages: lutong_identity::MessagesConfig {
            file: Some(bed.folder().join("messages.ndjson")),
            ..lutong_identity::MessagesConfig::default()
        },
        ..lutong_identity::IdentityConfig::default()
    };
    let identity = lutong_identity::build(foundation, &storage, &config, peers).await;
    bed.bind(identity.unwrap());
    let storage = bed
        .storage::<lutong_declaration::Migrations>(ServiceName::Declaration)
        .await;
    let channel = |to| bed.channel(to, Caller::Declaration);
    let peers = lutong_declaration::Peers {
        identity: channel(ServiceName::Identity),
        risk_rules: channel(ServiceName::RiskRules),
        federation: channel(ServiceName::Federation),
    };
    bed.bind(
        lutong_declaration::build(
            foundation,
            &storage,
            &lutong_declaration::DeclarationConfig::default(),
            peers,
        )
        .await
        .unwrap(),
    );
    let config = GatewayConfig {
        dev: true,
        ..GatewayConfig::default()
    };
    let peers = ServiceName::WITH_STORAGE.map(|service| bed.channel(service, Caller::Gateway));
    let dependencies = Dependencies {
        peers: peers.into_iter().collect(),
        session_keys: SessionKeys::new([2; 32]),
        redis: None,
        readiness: Readiness::default(),
        mesh_ca: PathBuf::new(),
    };
    let gateway = lutong_gateway::build(foundation, &config, dependencies).unwrap();
    let edge = gateway.router;
    Mesh { bed, edge }
}

impl Mesh {
    /// Starts risk-rules and code-rendering later than the others, so that pending work is logged.
    async fn complete(&self) {
        let (bed, foundation) = (&self.bed, &self.bed.foundation);
        let storage = bed
            .storage::<lutong_risk_rules::Migrations>(ServiceName::RiskRules)
            .await;
        let channel = |to| bed.channel(to, Caller::RiskRules);
        let peers = lutong_risk_rules::Peers {
            identity: channel(ServiceName::Identity),
            declaration: channel(ServiceName::Declaration),
            code_rendering: channel(ServiceName::CodeRendering),
        };
        let component = lutong_risk_rules::build(foundation, &storage, peers);
        bed.bind(component.await.unwrap());
        let storage = bed
            .storage::<lutong_code_rendering::Migrations>(ServiceName::CodeRendering)
            .await;
        let channel = |to| bed.channel(to, Caller::CodeRendering);
        let peers = lutong_code_rendering::Peers {
            identity: channel(ServiceName::Identity),
            risk_rules: channel(ServiceName::RiskRules),
        };
        let config = lutong_code_rendering::CodeRenderingConfig::default();
        let component = lutong_code_rendering::build(foundation, &storage, &config, peers);
        bed.bind(component.await.unwrap());
    }

    async fn call(&self, method: Method, path: &str, session: Option<&str>, body: Option<&Value>) -> Value {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(session) = session {
            request = request.header("authorization", format!("Bearer {session}"));
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request
            .header("content-type", "application/json")
            .body(Body::new(Full::from(body)))
            .unwrap();
        let response = self.edge.clone().oneshot(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&body).unwrap()
    }

    async fn session(&self, account: &str) -> String {
        let body = json!({"account_id": account});
        let answer = self
            .call(Method::POST, "/v1/dev/sessions", None, Some(&body))
            .await;
        answer["token"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"))
            .to_owned()
    }

    async fn apply(&self, session: &str, n: u32, change: impl FnOnce(&mut Value)) -> Value {
        let mut form = json!({
            "person": {
                "full_name": NAME,
                "document": {"type": "DOCUMENT_TYPE_RESIDENT_ID", "number": NUMBER},
                "mobile": MOBILE,
                "nationality": "CHN",
                "home_address": {"division": "370202", "detail": ADDRESS},
            },
            "contact_history": [
                {"contact_date": "2022-11-26", "type": "CONTACT_TYPE_AREA_STAY", "division": "370202", "community": COMMUNITY},
            ],
            "commitment": {"accepted": true, "text_version": "2020-02"},
        });
        change(&mut form);
        let request_id = format!("00000000-0000-7000-9000-{n:012}");
        let body = json!({"request_id": request_id, "form": form});
        self.call(Method::POST, "/v1/applications", Some(session), Some(&body))
            .await
    }

    async fn import(
        &self,
        session: &str,
        mode: declaration::ImportMode,
        rows: Vec<declaration::FactRow>,
    ) -> Result<declaration::ImportFactsResponse, tonic::Status> {
        use declaration::import_facts_request::Content;
        let options = Content::Options(declaration::ImportOptions { mode: mode.into() });
        let messages = [options, Content::Rows(declaration::FactRows { rows })];
        let messages = messages.map(|content| declaration::ImportFactsRequest {
            content: Some(content),
        });
        let mut request = tonic::Request::new(stream::iter(messages));
        let credential = format!("Bearer {session}").parse().unwrap();
        request.metadata_mut().insert("authorization", credential);
        let answer = FeedServiceClient::new(self.edge.clone())
            .import_facts(request)
            .await;
        answer.map(tonic::Response::into_inner)
    }
}

fn row(key: &str, number: &str, kind: &str, attributes: &Value) -> declaration::FactRow {
    feed::row("cdc-370200", key, number, feed::fact(kind, attributes))
}

fn visit(key: &str, number: &str, facility: &str) -> declaration::FactRow {
    let visit = json!({"visited_at": "2022-11-25T10:00:00+08:00", "facility": facility});
    row(key, number, "fever_clinic_visit", &visit)
}

/// Every refusal of an application whose text could repeat input, with the expected reason.
async fn refused_applications(mesh: &Mesh, session: &str) -> Vec<(Value, &'static str)> {
    let set = |path: &'static str, value: String| {
        move |form: &mut Value| {
            *form.pointer_mut(path).unwrap() = Value::String(value);
        }
    };
    let number = "/person/document/number";
    let told = [
        (number, WRONG_NUMBER.to_owned(), "RESIDENT_ID_CHECK_CHARACTER"),
        (number, format!("{NUMBER}{NUMBER}"), "TOO_LONG"),
        (number, format!("{NUMBER}#"), "DOCUMENT_NUMBER_CHARACTERS"),
        ("/person/full_name", format!("{NAME}{NUMBER}"), "NAME_CHARACTERS"),
        ("/person/full_name", NAME.repeat(5_000), "TOO_LONG"),
        ("/person/full_name", NAME.repeat(50_000), "BODY_TOO_LARGE"),
        ("/person/mobile", WRONG_MOBILE.to_owned(), "MOBILE_SHAPE"),
        ("/person/nationality", NAME.to_owned(), "COUNTRY_UNKNOWN"),
        ("/person/document/type", NUMBER.to_owned(), ""),
        (
            "/person/home_address/division",
            NUMBER.to_owned(),
            "DIVISION_SHAPE",
        ),
        ("/person/home_address/detail", ADDRESS.repeat(40), "TOO_LONG"),
        ("/contact_history/0/community", COMMUNITY.repeat(40), "TOO_LONG"),
        ("/contact_history/0/contact_date", MOBILE.to_owned(), "DATE_SHAPE"),
        ("/contact_history/0/division", NAME.to_owned(), "DIVISION_SHAPE"),
        ("/contact_history/0/country", NAME.to_owned(), "COUNTRY_UNKNOWN"),
        ("/commitment/text_version", NAME.repeat(21), "TOO_LONG"),
    ];
    let mut answers = Vec::new();
    for (path, value, reason) in told {
        let change = move |form: &mut Value| {
            if path.ends_with("country") {
                form["contact_history"][0]["country"] = Value::Null;
            }
            set(path, value)(form);
        };
        answers.push((mesh.apply(session, 100, change).await, reason));
    }
    answers.push((
        mesh.apply(session, 100, |form| form[NAME] = json!(NUMBER)).await,
        "",
    ));
    answers
}

/// A change of one's own data, an arrival whose code waits for the conversion, and what a counter does, with whatever is refused of it.
async fn changes_and_the_counter(mesh: &Mesh, person: &str, waits: &Value) {
    const OTHER_NUMBER: &str = "440524188001010014";
    let request_id = |n: u32| format!("00000000-0000-7000-9001-{n:012}");
    let post = async |session: &str, path: &str, body: Value| {
        mesh.call(Method::POST, path, Some(session), Some(&body)).await
    };
    let moved = json!({
        "request_id": request_id(1),
        "person": {"home_address": {"division": "370203", "detail": format!("{ADDRESS}乙")}},
        "update_mask": "homeAddress",
    });
    let path = "/v1/subjects/me/person";
    let moved = mesh.call(Method::PATCH, path, Some(person), Some(&moved)).await;
    assert_eq!(moved["person"]["home_address"]["division"], "370203", "{moved}");
    let wrong =
        json!({"request_id": request_id(2), "person": {"mobile": WRONG_MOBILE}, "update_mask": "mobile"});
    let wrong = mesh.call(Method::PATCH, path, Some(person), Some(&wrong)).await;
    let document = |number: &str| json!({"type": "DOCUMENT_TYPE_RESIDENT_ID", "number": number});
    let replaced =
        json!({"request_id": request_id(3), "full_name": NAME, "document": document(WRONG_NUMBER)});
    let replaced = post(person, "/v1/subjects/me/document:replace", replaced).await;

    let counter = mesh.session("counter-1").await;
    let purpose = json!({"code": "PURPOSE_CODE_ASSISTANCE", "reference": ""});
    let confirm = |n, number: &str| json!({"request_id": request_id(n), "document": document(number), "full_name": NAME, "purpose": purpose});
    let path = format!(
        "/v1/{}:confirm",
        waits["application"]["registration"].as_str().unwrap()
    );
    let differs = post(&counter, &path, confirm(4, OTHER_NUMBER)).await;
    assert_eq!(differs["reason"], "REGISTRATION_DOCUMENT_DIFFERS", "{differs}");
    let form = |number: &str| {
        json!({
            "person": {
                "full_name": NAME, "document": document(number), "mobile": MOBILE, "nationality": "CHN",
                "home_address": {"division": "370202", "detail": ADDRESS},
            },
            "contact_history": [],
            "commitment": {"accepted": true, "text_version": "2020-02"},
        })
    };
    let entered = |n, number: &str| json!({"request_id": request_id(n), "form": form(number), "document_shown": true, "purpose": purpose});
    let path = "/v1/assisted-applications";
    let refused = post(&counter, path, entered(5, WRONG_NUMBER)).await;
    let assisted = post(&counter, path, entered(6, OTHER_NUMBER)).await;
    assert!(assisted["assisted_application"]["name"].is_string(), "{assisted}");

    let arrival = json!({
        "application": form(NUMBER),
        "partner_code": {"token": format!("LT1:{NUMBER}")},
        "destination": {"division": "370202", "detail": ADDRESS},
        "itinerary": [{"division": "370203", "detail": FACILITY, "arrive_time": "2022-11-25T10:00:00+08:00"}],
    });
    let arrival = json!({"request_id": request_id(7), "form": arrival});
    let arrival = post(person, "/v1/arrivals", arrival).await;
    let binding = json!({
        "request_id": request_id(8), "relation": "BINDING_RELATION_PARENT", "full_name": NAME, "document": document(NUMBER),
    });
    let binding = post(person, "/v1/bindings", binding).await;
    for answer in [wrong, replaced, differs, refused, assisted, arrival, binding] {
        assert_nothing_personal("an answer", &answer.to_string());
    }
}

/// Searches the files of all stores, with their write-ahead logs: whatever is personal in them is encrypted.
fn nothing_personal_is_readable_in_a_store(folder: &Path) {
    let mut stores = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.contains(".db") {
            continue;
        }
        stores += 1;
        let bytes = std::fs::read(&path).unwrap();
        for secret in PERSONAL {
            let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!found, "{secret} is readable in {name}");
        }
    }
    assert!(stores >= 4, "{stores} files of stores");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_and_an_import_leave_nothing_personal_in_errors_and_logs() {
    use declaration::ImportMode::{AllOrNothing, GoodRows};
    let said = CapturedLog::listen();
    let mesh = start().await;
    let person = mesh.session("wx-1").await;

    // Valid, while risk-rules is away: pending, which is logged; sent again; then in force.
    let applied = mesh.apply(&person, 1, |_| ()).await;
    assert_eq!(
        applied["application"]["state"], "DECLARATION_STATE_PENDING",
        "{applied}"
    );
    mesh.complete().await;
    let name = applied["application"]["name"].as_str().unwrap();
    assert_eq!(
        mesh.apply(&person, 1, |_| ()).await["application"]["state"],
        "DECLARATION_STATE_IN_FORCE"
    );
    let asked = mesh
        .call(Method::GET, &format!("/v1/{name}"), Some(&person), None)
        .await;
    assert_nothing_personal("the acknowledgement", &format!("{applied}{asked}"));
    let code = mesh.call(Method::GET, "/v1/code", Some(&person), None).await;
    assert_eq!(code["colour"], "COLOUR_GREEN", "{code}");

    // Invalid in every way whose error could repeat input.
    for (answer, reason) in refused_applications(&mesh, &person).await {
        let text = answer.to_string();
        assert!(
            answer["reason"].is_string() && text.contains(reason),
            "{reason}: {text}"
        );
        assert_nothing_personal("an error", &text);
    }
    let other_name = mesh
        .apply(&mesh.session("wx-2").await, 2, |form| {
            form["person"]["full_name"] = json!("王小明");
        })
        .await;
    assert_eq!(
        other_name["application"]["waiting_for"], "MISSING_PROOF_KNOWN_MOBILE_OR_COUNTER",
        "{other_name}"
    );
    let other_body = mesh
        .apply(&person, 1, |form| form["person"]["mobile"] = json!("13800138000"))
        .await;
    assert_eq!(other_body["reason"], "REQUEST_ID_REUSED");
    assert_nothing_personal("a conflict", &format!("{other_name}{other_body}"));

    // An import in both modes.
    let feed = mesh.session("cdc-370200").await;
    let good = || visit("1", OLD_NUMBER, FACILITY);
    let bad = || {
        let stay = json!({"division": FACILITY, "arrived_at": "2022-11-25T10:00:00+08:00"});
        let mut somebody = visit("4", NUMBER, FACILITY);
        somebody.subject = Some(Subject::SubjectId(MOBILE.to_owned()));
        [
            visit("2", WRONG_NUMBER, FACILITY),
            row("3", NUMBER, "stay", &stay),
            somebody,
            visit("5", NUMBER, &FACILITY.repeat(200)),
            visit("1", NUMBER, ADDRESS),
        ]
    };
    let stored = mesh.import(&feed, GoodRows, vec![good()]).await.unwrap();
    assert_eq!(stored.accepted, 1, "{stored:?}");
    let versions = [FACILITY, ADDRESS].map(|facility| visit("6", NUMBER, facility));
    let rows = std::iter::once(good()).chain(bad()).chain(versions).collect();
    let imported = mesh.import(&feed, GoodRows, rows).await.unwrap();
    assert!(imported.unchanged >= 1 && imported.refused >= 6, "{imported:?}");
    assert_nothing_personal("row errors", &format!("{imported:?}"));
    for one in bad() {
        if one.key == "5" {
            continue;
        }
        let refused = mesh.import(&feed, AllOrNothing, vec![one]).await.unwrap_err();
        let fault = lutong_transport::status::to_fault(&refused, "x");
        assert_eq!(fault.reason, "ROWS_REFUSED");
        assert_nothing_personal("a refused import", &format!("{refused:?} {fault:?}"));
    }
    let code = mesh.call(Method::GET, "/v1/code", Some(&person), None).await;
    assert_eq!(
        code["colour"], "COLOUR_YELLOW",
        "the import was about the applicant: {code}"
    );

    changes_and_the_counter(&mesh, &person, &other_name).await;
    nothing_personal_is_readable_in_a_store(mesh.bed.folder());

    tracing::trace!("the least of what is said");
    let log = said.text();
    for expected in [
        "a declaration is pending; the log delivers it",
        "a follower's batch failed",
        "the least of what is said",
    ] {
        assert!(
            log.contains(expected),
            "the log was not captured: {expected} is not in it"
        );
    }
    assert_nothing_personal("the log", &log);
}

/// Fields with personal data, at any depth.
fn personal_fields(message: &MessageDescriptor, seen: &mut Vec<String>) -> Vec<String> {
    const NAMES: [&str; 9] = [
        "full_name",
        "number",
        "mobile",
        "nationality",
        "detail",
        "token",
        "text",
        "community",
        "form",
    ];
    if seen.contains(&message.full_name().to_owned()) {
        return Vec::new();
    }
    seen.push(message.full_name().to_owned());
    let mut found = Vec::new();
    for field in message.fields() {
        if NAMES.contains(&field.name()) {
            found.push(field.full_name().to_owned());
        }
        if let Kind::Message(inner) = field.kind() {
            found.extend(personal_fields(&inner, seen));
        }
    }
    found
}

/// The bindings of an RPC: method, path template, and whether it has a body.
fn bindings(rule: &DynamicMessage) -> Vec<(String, String, bool)> {
    let text = |message: &DynamicMessage, name: &str| {
        message
            .get_field_by_name(name)
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    };
    let mut found = Vec::new();
    for method in ["get", "put", "post", "delete", "patch"] {
        let path = text(rule, method);
        if !path.is_empty() {
            found.push((method.to_owned(), path, text(rule, "body") == "*"));
        }
    }
    let more = rule.get_field_by_name("additional_bindings");
    let more = more.as_deref().and_then(Field::as_list).unwrap_or_default();
    for one in more.iter().filter_map(Field::as_message) {
        found.extend(bindings(one));
    }
    found
}

/// Path variables without personal data: opaque ids, divisions, versions, days, names of rule sets and feeds.
const IMPERSONAL: [&str; 9] = [
    "division",
    "name",
    "subject_id",
    "version",
    "decision_date",
    "rule_set",
    "source",
    "complaint",
    "case",
];

#[test]
fn no_url_carries_anything_personal() {
    let pool = lutong_proto::descriptor_pool();
    let http = pool.get_extension_by_name("google.api.http").unwrap();
    let (mut with_body, mut without) = (0, 0);
    for rpc in policy::rpcs(pool).unwrap() {
        let options = rpc.method.options();
        if !options.has_extension(&http) {
            continue;
        }
        let rule = options.get_extension(&http);
        for (method, path, body) in bindings(rule.as_message().unwrap()) {
            let variables = path.split('{').skip(1).map(|rest| {
                let end = rest.find(['=', '}']).unwrap();
                &rest[..end]
            });
            for variable in variables {
                assert!(IMPERSONAL.contains(&variable), "{path}");
            }
            // Without a body every field is a query parameter.
            if body {
                with_body += 1;
            } else {
                without += 1;
                let personal = personal_fields(&rpc.method.input(), &mut Vec::new());
                assert!(personal.is_empty(), "{method} {path}: {personal:?}");
            }
        }
    }
    assert!(with_body >= 4 && without >= 6, "{with_body} {without}");
    // The forms must contain the fields that are searched for.
    let form = pool
        .get_message_by_name("lutong.declaration.v1.CreateApplicationRequest")
        .unwrap();
    assert!(personal_fields(&form, &mut Vec::new()).len() >= 6);
}
