//! A mock that is told how to behave, and the kit run against it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lutong_conformance::client::{Connection, WireClient};
use lutong_conformance::declaration::Declaration;
use lutong_conformance::exchange::Speaker;
use lutong_conformance::expected::Expected;
use lutong_conformance::mock::faults::FaultScript;
use lutong_conformance::mock::{Mock, MockSetup, serve};
use lutong_conformance::report::{Report, RunFiles};
use lutong_conformance::run::run;
use lutong_conformance::session::Kit;
use lutong_kernel::random::SeededRandom;
use lutong_kernel::{Clock, Colour, PartnerCode, Random, Timestamp};
use lutong_token::{Algorithm, Claims, Issuer, SigningKey, TrustedKey, VerifyingKeys};

#[derive(Debug)]
pub struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_669_435_200)
    }
}

/// Of the algorithm that is fast also where nothing is optimised.
pub fn key(seed: u64) -> SigningKey {
    SigningKey::generate(Algorithm::Es256, &SeededRandom::new(seed)).unwrap()
}

pub fn pem(seed: u64) -> String {
    key(seed).verifying_key().to_pem().unwrap()
}

pub fn keys(seed: u64) -> VerifyingKeys {
    let mut keys = VerifyingKeys::new();
    let trusted = TrustedKey {
        key: key(seed).verifying_key().clone(),
        issuers: Vec::new(),
        not_before: Timestamp::MIN,
        not_after: None,
        revoked_at: None,
    };
    keys.insert(trusted).unwrap();
    keys
}

fn parts(seed: u64) -> (Arc<dyn Clock>, Arc<dyn Random>) {
    (Arc::new(Fixed), Arc::new(SeededRandom::new(seed)))
}

/// Nonces of its own each time: a mock accepts none of them twice.
pub fn speaker() -> Speaker {
    static NEXT: AtomicU64 = AtomicU64::new(100);
    let (clock, random) = parts(NEXT.fetch_add(1, Ordering::Relaxed));
    Speaker {
        own: PartnerCode::parse("37").unwrap(),
        key: Arc::new(key(37)),
        clock,
        random,
    }
}

/// A code on paper, which the system gives for the test.
fn test_code() -> String {
    let span = (Fixed.now(), Fixed.now().plus_seconds(14 * 86_400));
    let claims = Claims::paper(Issuer::parse("32").unwrap(), span, [7; 16], Colour::Yellow, None).unwrap();
    key(32).sign(&claims).unwrap()
}

/// Declares everything, and everything that is given for the test.
pub fn whole_declaration() -> String {
    let (pem, token) = (pem(32), test_code());
    format!(
        r#"
province = "32"
name = "江苏省"
address = "https://federation.example.cn"
modes = ["CONVERSION", "SHARED_DATA"]
exchanges = [
    "DECLARE_HEALTH", "DECLARE_ITINERARY", "CORRECT_DECLARATION", "PULL_CHANGES", "COMPARE_CODES", "ACKNOWLEDGE_CHANGES",
    "NOTIFY_CHANGES",
]
requests_per_minute = 60000

[[key]]
public_key = """
{pem}"""
purposes = ["MESSAGES", "CODES", "BATCHES"]

[[code]]
token = "{token}"
outcome = "YELLOW"

[[code]]
token = "LT1:GONE"
outcome = "NOT_FOUND"

[[person]]
full_name = "测试甲"
document = {{ type = "RESIDENT_ID", number = "370202199001011232" }}
consents = ["RECORDS", "CODE"]
outcome = "GREEN"
"#
    )
}

/// Declares nothing but what everybody keeps.
pub fn bare_declaration() -> String {
    let pem = pem(32);
    format!(
        "province = \"32\"\nname = \"江苏省\"\naddress = \"https://federation.example.cn\"\nrequests_per_minute = 60000\n\
         [[key]]\npublic_key = \"\"\"\n{pem}\"\"\"\npurposes = [\"MESSAGES\"]\n"
    )
}

/// A mock, and its address.
pub async fn listen(declaration: &str, faults: FaultScript) -> String {
    let (clock, random) = parts(1);
    let mock = Mock::new(MockSetup {
        declaration: Declaration::parse(declaration).unwrap(),
        key: key(32),
        partner: (PartnerCode::parse("37").unwrap(), keys(37)),
        faults,
        clock,
        random,
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(mock.unwrap(), listener));
    address
}

pub async fn report_at(address: &str, declaration: &str, expected: &str) -> Report {
    let connection = Connection {
        timeout: Duration::from_secs(3),
        ..Connection::default()
    };
    let kit = Kit {
        speaker: speaker(),
        peer: Declaration::parse(declaration).unwrap(),
        address: address.to_owned(),
        client: WireClient::new(&connection).unwrap(),
    };
    let ran = run(&kit, |_| {}).await;
    let files = RunFiles {
        declaration,
        expected_failures: expected,
    };
    let expected = Expected::parse(expected).unwrap();
    Report::new(&kit, files, (ran, &expected), (Fixed.now(), Fixed.now()))
}

pub async fn report_of(faults: FaultScript, declaration: &str) -> Report {
    report_at(&listen(declaration, faults).await, declaration, "").await
}

/// `id FINDING` of each case that does not pass.
pub fn findings(report: &Report) -> Vec<String> {
    let found = report.cases.iter().filter(|case| !case.finding.is_empty());
    found
        .map(|case| format!("{} {}", case.id, case.finding))
        .collect()
}
