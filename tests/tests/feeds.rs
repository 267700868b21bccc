//! Authorities' facts through real services: a database pulled on a schedule while processes are killed and stopped, in
//! both shapes; and files of every format with every kind of bad row.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lutong_kernel::Secret;
use lutong_storage::StorageConfig;
use lutong_testing::tamper;
use lutong_tests::instants::ago;
use lutong_tests::mesh::{Mesh, Shape};
use lutong_tests::people::next_number;
use serde_json::{Value, json};

const SOURCE: &str = "epidemic-database";

/// A fake database that implements the pull format; its cursor is the number of preceding records.
#[derive(Clone)]
struct Database {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    records: Vec<Value>,
    asked: Vec<usize>,
    is_broken: bool,
}

impl Database {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let database = Self {
            port: listener.local_addr().unwrap().port(),
            state: Arc::default(),
        };
        let state = Arc::clone(&database.state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(&stream);
                let (mut first, mut line) = (String::new(), String::new());
                let _ = reader.read_line(&mut first);
                while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                    line.clear();
                }
                let answer = state.lock().unwrap().answer(&first);
                // The client may have been killed.
                let _ = (&stream).write_all(answer.as_bytes());
            }
        });
        database
    }

    fn config(&self) -> String {
        format!(
            "[{{source=\"{SOURCE}\",url=\"http://127.0.0.1:{}/changes\",kinds=[\"database_anomaly\"],interval_s=2,page_size=2}}]",
            self.port
        )
    }

    fn adds(&self, records: Vec<Value>) {
        self.state.lock().unwrap().records.extend(records);
    }

    fn breaks(&self, broken: bool) {
        self.state.lock().unwrap().is_broken = broken;
    }

    fn asked(&self) -> Vec<usize> {
        self.state.lock().unwrap().asked.clone()
    }
}

impl State {
    fn answer(&mut self, request: &str) -> String {
        if self.is_broken {
            return "HTTP/1.1 503 Away\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned();
        }
        let number = |name: &str| -> usize {
            let after = request.split(name).nth(1).unwrap();
            let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().unwrap_or(0)
        };
        let (after, limit) = (number("after="), number("limit="));
        self.asked.push(after);
        let end = self.records.len().min(after + limit);
        let page = json!({"records": self.records[after..end], "next": end.to_string(), "more": end < self.records.len()});
        let body = page.to_string();
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    }
}

fn anomaly(key: &str, number: &str) -> Value {
    json!({"source": SOURCE, "key": key, "document": {"type": "DOCUMENT_TYPE_RESIDENT_ID", "number": number},
        "fact": {"database_anomaly": {"observed_at": ago(3_600), "code": "A1"}}})
}

fn service(mesh: &Mesh) -> &'static str {
    match mesh.shape {
        Shape::OneProcess => "lutong",
        Shape::Mesh => "declaration",
    }
}

/// Runs `lutong pulls …` as an operator; returns exit status and output.
fn pulls(mesh: &Mesh, arguments: &[&str]) -> (Option<i32>, String) {
    let output = mesh.command(
        &[
            &["pulls"],
            arguments,
            &["--account", "operator-1", "--lang", "en"],
        ]
        .concat(),
    );
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

fn standing(mesh: &Mesh) -> Value {
    let (_, said) = pulls(mesh, &["list", "--json"]);
    let said: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
    said["pulls"][0].clone()
}

async fn until(what: &str, mesh: &Mesh, is_so: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..200 {
        let pull = standing(mesh);
        if is_so(&pull) {
            return pull;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("not {what}: {}", standing(mesh))
}

async fn what_a_database_reports_counts_once_whatever_happens_on_the_way(shape: Shape) {
    let mut mesh = Mesh::start(shape).await;
    let database = Database::start();
    let person = mesh.gateway.person().await;
    person.apply().await;
    person.becomes("green").await;
    let name = service(&mesh);
    // Killed between the rows of the first page and its cursor.
    let first = [anomaly("1", &person.number), anomaly("2", &next_number())];
    let process = mesh.processes.get_mut(name).unwrap();
    process.again_with("LUTONG_DECLARATION__PULL", &database.config());
    mesh.all_ready().await;
    until("asked", &mesh, |pull| pull["last_success_time"].is_string()).await;
    let process = mesh.processes.get_mut(name).unwrap();
    process.kill();
    database.adds(first.into());
    database.adds(vec![anomaly("3", &next_number())]);
    process.again(Some("declaration.pulled:1"));
    for _ in 0..100 {
        if !process.is_running() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(!process.is_running(), "the place is passed");
    process.again(None);
    mesh.all_ready().await;
    // Does not wait for the killed worker's lease to expire.
    let storage = StorageConfig {
        url: Secret::new(mesh.storage["declaration"].clone()),
        ..StorageConfig::default()
    };
    tamper(&storage, "UPDATE pulls SET lease_until = 0").await;
    let pull = until("done", &mesh, |pull| pull["cursor"] == "3").await;
    assert_eq!(
        pull["total_rows"],
        json!({"accepted": "1", "unchanged": "2", "refused": "0"}),
        "{pull}"
    );
    assert_eq!(database.asked().iter().filter(|after| **after == 2).count(), 1);
    person.becomes("yellow").await;
    assert_eq!(person.rules().await, ["yellow.database-anomaly"]);
    watched(&mut mesh, &database, name).await;
}

fn is_overdue(pull: &Value) -> bool {
    pull["clock"]["state"] == "CLOCK_STATE_OVERDUE"
}

/// Counts the log lines about a source that is overdue and that has recovered.
fn overdue_lines(mesh: &Mesh, name: &str) -> (usize, usize) {
    let log = mesh.processes[name].log();
    let count = |words: &str| log.matches(words).count();
    (
        count("a database is overdue"),
        count("a database is up to date again"),
    )
}

/// A source becomes overdue, which is logged once, and recovers.
async fn watched(mesh: &mut Mesh, database: &Database, name: &str) {
    let said_before = overdue_lines(mesh, name);
    database.breaks(true);
    let overdue = until("overdue", mesh, is_overdue).await;
    assert_eq!(overdue["last_error"]["reason"], "HTTP_STATUS");
    let (status, said) = pulls(mesh, &["list"]);
    assert_eq!(status, Some(1));
    assert!(said.contains("OVERDUE") && said.contains("HTTP_STATUS"), "{said}");
    let (status, said) = pulls(mesh, &["start", SOURCE]);
    assert_eq!(status, Some(1), "{said}");
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let metrics = mesh.processes[name].metrics().await;
    let since = format!("lutong_pull_since_success_seconds{{source=\"{SOURCE}\"}} ");
    let since: f64 = metrics
        .split(&since)
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(since > 6.0, "{since}");
    assert!(metrics.contains(&format!("lutong_pull_interval_seconds{{source=\"{SOURCE}\"}} 2")));
    assert!(metrics.contains("lutong_pull_attempts_total") && metrics.contains("lutong_pull_rows_total"));
    database.breaks(false);
    let (status, said) = pulls(mesh, &["start", SOURCE, "--json"]);
    assert_eq!(status, Some(0), "{said}");
    until("well", mesh, |pull| !is_overdue(pull)).await;
    let (overdue, well) = said_before;
    assert_eq!(
        overdue_lines(mesh, name),
        (overdue + 1, well + 1),
        "each is said once"
    );
    let (status, said) = pulls(mesh, &["start", "nowhere"]);
    assert_eq!(status, Some(1));
    assert!(said.contains("PULL_NOT_FOUND"), "{said}");
    let refused = mesh.command(&["pulls", "list", "--account", "cdc-370200"]);
    assert_eq!(refused.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_database_reports_counts_once_in_one_process() {
    what_a_database_reports_counts_once_whatever_happens_on_the_way(Shape::OneProcess).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_database_reports_counts_once_in_a_mesh() {
    what_a_database_reports_counts_once_whatever_happens_on_the_way(Shape::Mesh).await;
}

/// Bad rows of `cdc-370200` as CSV, and the error of each in CSV and in NDJSON.
fn bad_rows(number: &str) -> (String, Vec<(u64, [&'static str; 2])>) {
    let (early, late, far) = (ago(3 * 86_400), ago(86_400), ago(-20 * 366 * 86_400));
    let header = "source,key,document.type,document.number,kind,retracts_key,reason,division,community,arrived_at,left_at,\
        country,entered_at";
    let stay = |key: &str, division: &str, from: &str, until: &str| {
        format!("cdc-370200,{key},RESIDENT_ID,{number},stay,,,{division},香港中路小区,{from},{until},,")
    };
    let rows = [
        stay(&format!("good-{number}"), "370202", &early, &late),
        stay("ends-before", "370202", &late, &early),
        stay("far", "370202", &early, &far),
        stay("code", "3702", &early, &late),
        stay("kind", "370202", &early, &late).replace(",stay,", ",rumour,"),
        format!("cdc-370200,not-granted,RESIDENT_ID,{number},entry,,,,,,,DEU,{early}"),
        format!(
            "{}DEU,",
            stay("unknown", "370202", &early, &late)
                .trim_end_matches(',')
                .to_owned()
                + ","
        ),
        stay("twice", "370202", &early, &late),
        stay("twice", "370203", &early, &late),
        stay("document", "370202", &early, &late).replace(number, "110105194912310021"),
        stay("name", "370202", &early, &late).replace("cdc-370200,", "cdc-370700,"),
        format!("cdc-370200,r,RESIDENT_ID,{number},,nowhere,录入有误,,,,,,"),
        "cdc-370200,short".to_owned(),
    ];
    let alike = |wrong: &'static str| [wrong, wrong];
    let wrong = vec![
        (3, alike("fact.stay.left_at END_BEFORE_START")),
        (4, alike("fact.stay.left_at INSTANT_FAR_FUTURE")),
        (5, alike("fact.stay.division DIVISION_SHAPE")),
        (6, ["kind UNKNOWN_VALUE", "fact.rumour UNKNOWN_FIELD"]),
        (7, alike("fact.entry KIND_NOT_GRANTED")),
        (8, alike("fact.stay.country UNKNOWN_FIELD")),
        (9, alike("key KEY_TWICE")),
        (10, alike("key KEY_TWICE")),
        (11, alike("document.number RESIDENT_ID_CHECK_CHARACTER")),
        (12, alike("source SOURCE_NOT_OWN")),
        (13, alike("retraction.retracts_key TARGET_UNKNOWN")),
        (14, [" LINE_UNREADABLE", "sourc UNKNOWN_FIELD"]),
    ];
    (format!("{header}\n{}\n", rows.join("\n")), wrong)
}

/// The same file as NDJSON, with a blank first line in place of the header, so that line numbers agree.
fn as_ndjson(csv: &str) -> String {
    let mut lines = csv.lines();
    let header: Vec<_> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| {
        let cells: Vec<_> = line.split(',').collect();
        if cells.len() != header.len() {
            return "{\"sourc\": 1}".to_owned();
        }
        let mut row = json!({"document": {}});
        let said: Vec<_> = header
            .iter()
            .zip(cells)
            .filter(|(_, cell)| !cell.is_empty())
            .collect();
        let kind = said
            .iter()
            .find_map(|(column, cell)| (**column == "kind").then_some(*cell));
        for (column, cell) in said {
            match *column {
                "kind" => {}
                "document.type" => row["document"]["type"] = json!("DOCUMENT_TYPE_RESIDENT_ID"),
                "document.number" => row["document"]["number"] = json!(cell),
                "source" | "key" => row[*column] = json!(cell),
                "retracts_key" | "reason" => row["retraction"][*column] = json!(cell),
                attribute => row["fact"][kind.unwrap()][attribute] = json!(cell),
            }
        }
        row.to_string()
    };
    format!("\n{}\n", lines.map(row).collect::<Vec<_>>().join("\n"))
}

/// Encodes a file in one of the formats.
type Written = fn(&str) -> Vec<u8>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_bad_line_is_named_in_every_form_of_file_and_the_good_ones_are_stored_if_so_asked() {
    let mesh = Mesh::start(Shape::OneProcess).await;
    let forms: [(&str, Written); 3] = [
        (".csv", |csv| csv.as_bytes().to_vec()),
        (".csv", |csv| encoding_rs::GB18030.encode(csv).0.into_owned()),
        (".ndjson", |csv| as_ndjson(csv).into_bytes()),
    ];
    for (ending, form) in forms {
        let (csv, wrong) = bad_rows(&next_number());
        let mut file = tempfile::Builder::new().suffix(ending).tempfile().unwrap();
        file.write_all(&form(&csv)).unwrap();
        let path = file.path().display().to_string();
        let import = ["facts", "import", &path, "--json", "--account", "cdc-370200"];
        // All or nothing: one unreadable line is enough to store nothing.
        let nothing = mesh.command(&[&import[..], &["--all-or-nothing"]].concat());
        assert_eq!(nothing.status.code(), Some(1));
        let said: Value = serde_json::from_slice(&nothing.stdout).unwrap();
        assert_eq!(said["accepted"], "0");
        assert!(said["effect"].is_null(), "nothing was stored: {said}");
        let output = mesh.command(&import);
        assert_eq!(output.status.code(), Some(1));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (&said["accepted"], &said["refused"]),
            (&json!("1"), &json!(wrong.len().to_string())),
            "{said}"
        );
        let told = said["errors"].as_array().unwrap().iter().map(|one| {
            let text = |name: &str| one["error"][name].as_str().unwrap();
            (
                // The first line is the header, or blank.
                one["row"].as_str().unwrap().parse::<u64>().unwrap() + 1,
                format!("{} {}", text("field"), text("reason")),
            )
        });
        let expected: Vec<_> = wrong
            .iter()
            .map(|(line, [in_csv, in_ndjson])| {
                let what = if ending == ".csv" { in_csv } else { in_ndjson };
                (*line, (*what).to_owned())
            })
            .collect();
        assert_eq!(told.collect::<Vec<_>>(), expected, "{ending}");
        // The same file again: the good row is unchanged, the bad ones are refused again.
        let again: Value = serde_json::from_slice(&mesh.command(&import).stdout).unwrap();
        assert_eq!(
            (&again["accepted"], &again["unchanged"]),
            (&json!("0"), &json!("1"))
        );
        // Without the unreadable lines the rows are checked, and none is stored.
        let readable: Vec<_> = csv
            .lines()
            .filter(|line| {
                !["short", "good-", ",rumour,", "unknown"]
                    .iter()
                    .any(|what| line.contains(what))
            })
            .collect();
        let mut file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
        writeln!(file, "{}", readable.join("\n")).unwrap();
        let path = file.path().display().to_string();
        let refused = mesh.command(&[
            "facts",
            "import",
            &path,
            "--account",
            "cdc-370200",
            "--all-or-nothing",
        ]);
        assert_eq!(refused.status.code(), Some(2));
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(
            said.contains("ROWS_REFUSED") && said.contains("rows[3].fact.entry"),
            "{said}"
        );
    }
}
