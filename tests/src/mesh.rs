//! Fixtures of the two shapes: one process on SQLite; seven processes with mTLS, PostgreSQL and Redis.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use lutong_federation::trust_list::of_one_partner;
use lutong_kernel::random::SeededRandom;
use lutong_kernel::{ServiceName, Timestamp};
use lutong_testing::disk::SmallDisk;
use lutong_testing::fresh_postgres;
use lutong_token::{Algorithm, Issuer, SigningKey};

use crate::disk::FaultyDisk;
use crate::people::Gateway;
use crate::process::{Process, Recipe, binary, free_port};
use crate::wires::Wires;

/// Environment variable with the URL of the tests' Redis.
pub const REDIS: &str = "LUTONG_TEST_REDIS";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    OneProcess,
    Mesh,
}

/// A running mesh. Dropping it ends its processes.
pub struct Mesh {
    pub shape: Shape,
    pub processes: BTreeMap<&'static str, Process>,
    /// The small disk with the single process's data, if configured; unmounted before its folder is deleted.
    pub disk: Option<SmallDisk>,
    pub gateway: Gateway,
    pub folder: Arc<tempfile::TempDir>,
    pub redis: Option<String>,
    /// The key of the only partner province, Jiangsu.
    pub partner: SigningKey,
    /// The root key of trust lists.
    pub trust_root: SigningKey,
    /// The database URL of each service.
    pub storage: BTreeMap<&'static str, String>,
    /// The proxies between services, if configured.
    pub wires: Wires,
    /// The control of the single process's faulty disk, if configured.
    pub faulty_disk: Option<FaultyDisk>,
}

/// Options of a mesh.
#[derive(Debug, Clone, Default)]
pub struct Setting {
    /// Whether services reach each other through proxies that the test may cut.
    pub wires: bool,
    /// Whether services reach their databases through such proxies.
    pub database_wires: bool,
    /// Whether code-rendering has a second replica, `code-rendering-2`.
    pub two_of_code_rendering: bool,
    /// Environment variables of every process.
    pub environment: Vec<(String, String)>,
    /// One process: the disk with its data.
    pub disk: Disk,
}

/// A setting with members as an environment variable takes it.
pub fn of_members(setting: &serde_json::Value) -> String {
    let serde_json::Value::Object(members) = setting else {
        return setting.to_string();
    };
    let members = members.iter();
    let members: Vec<_> = members
        .map(|(name, value)| format!("{name}={}", of_members(value)))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// The disk of one process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Disk {
    /// The machine's own disk.
    #[default]
    Plain,
    /// A disk of this size, as in `20m`.
    Small(&'static str),
    /// A disk that fails on the test's command.
    Faulty,
}

/// The staff and feed accounts of every mesh.
const ACCOUNTS: &str = "\
supervisor-1 --role supervisor --province-wide
supervisor-2 --role supervisor --province-wide
supervisor-370300 --role supervisor --division 370300
officer-1 --role health-officer --division 370202
officer-2 --role health-officer --division 370200
officer-370300 --role health-officer --division 370300
officer-370000 --role health-officer --province-wide
rule-author-1 --role rule-author
rule-approver-1 --role rule-approver
epidemiologist-1 --role epidemiologist --province-wide
operator-1 --role operator
operator-2 --role operator
auditor-1 --role auditor
checkpoint-1 --role checkpoint
doorman-1 --role checkpoint --division 370202
his-1 --role hospital --division 370202
his-2 --role hospital --division 370202
counter-1 --role counter-staff --division 370202
agent-1 --role hotline-agent --province-wide
cdc-370200 --role authority-feed --source cdc-370200 --kinds case,close_contact,stay,symptoms,fever_clinic_visit --province-wide
border-370000 --role authority-feed --source border-370000 --kinds entry,test --province-wide
school-370202 --role organisation --division 370202
cdc-370700 --role authority-feed --source cdc-370700 --kinds stay --divisions 370700
";

impl Mesh {
    pub async fn start(shape: Shape) -> Self {
        Self::start_with(shape, Setting::default()).await
    }

    pub async fn start_with(shape: Shape, setting: Setting) -> Self {
        let mut mesh = match shape {
            Shape::OneProcess => one_process(setting),
            Shape::Mesh => seven_processes(setting).await,
        };
        mesh.all_ready().await;
        mesh
    }

    /// Waits until every process is ready and the gateway reaches all services.
    pub async fn all_ready(&mut self) {
        for (name, process) in &mut self.processes {
            assert!(process.ready().await, "{name} ended: {}", process.log());
        }
    }

    /// Runs `lutong accounts` on this mesh's identity database.
    pub fn admin(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = Command::new(binary());
        command.arg("admin").args(arguments);
        match self.shape {
            Shape::OneProcess => {
                let data = self.folder.path().join("data");
                command.arg("--data").arg(data);
            }
            Shape::Mesh => {
                command.env("LUTONG_STORAGE__URL", &self.storage["identity"]);
                command.env("LUTONG_KEYS", self.folder.path().join("keys"));
            }
        }
        command.output().unwrap()
    }

    /// Runs a command of the binary against this mesh's gateway.
    pub fn command(&self, arguments: &[&str]) -> std::process::Output {
        Command::new(binary())
            .args(arguments)
            .args(["--endpoint", &self.gateway.base])
            .output()
            .unwrap()
    }
}

/// Keys that stand outside a mesh, and the settings that make it trust them.
struct Outside {
    partner: SigningKey,
    trust_root: SigningKey,
    settings: Vec<(String, String)>,
}

/// Creates a partner province's key, which a list in a file names, and a root key, which signs lists.
fn outside(folder: &Path) -> Outside {
    // The same in every mesh, so that their ids are the same in every example.
    let generate = |seed| SigningKey::generate(Algorithm::Ed25519, &SeededRandom::new(seed)).unwrap();
    let (partner, trust_root) = (generate(32), generate(37));
    let since = Timestamp::parse("2022-01-01T00:00:00+08:00").unwrap();
    let jiangsu = (Issuer::parse("32").unwrap(), "江苏省");
    let list = of_one_partner("test", jiangsu, partner.verifying_key(), since).unwrap();
    let pem = trust_root.verifying_key().to_pem().unwrap();
    let files = [("trust-list.toml", list), ("trust-root.pem", pem)].map(|(name, text)| {
        let file = folder.join(name);
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    });
    let names = ["LUTONG_FEDERATION__TRUST_LIST", "LUTONG_FEDERATION__TRUST_ROOT"];
    let settings = names.map(str::to_owned).into_iter().zip(files).collect();
    Outside {
        partner,
        trust_root,
        settings,
    }
}

fn run(arguments: &[&str], environment: &[(String, String)]) {
    let output = Command::new(binary())
        .args(arguments)
        .envs(environment.iter().cloned())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn dev_gateway(port: u16) -> Vec<(String, String)> {
    [
        ("LUTONG_GATEWAY__LISTEN", format!("127.0.0.1:{port}")),
        ("LUTONG_GATEWAY__DEV", "true".to_owned()),
        // Tests call fast, with few accounts and from one address.
        ("LUTONG_GATEWAY__RATE_PER_SUBJECT", "100000".to_owned()),
        ("LUTONG_GATEWAY__RATE_PER_ADDRESS", "100000".to_owned()),
        ("LUTONG_GATEWAY__RATE_SIGN_IN", "100000".to_owned()),
        ("LUTONG_GATEWAY__RATE_MESSAGES", "100000".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Writes the accounts as a file for `accounts import`.
fn accounts_file(folder: &Path) -> String {
    let file = folder.join("accounts.txt");
    std::fs::write(&file, ACCOUNTS).unwrap();
    file.display().to_string()
}

fn one_process(setting: Setting) -> Mesh {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let outside = outside(folder.path());
    let data = folder.path().join("data");
    let disk = match setting.disk {
        Disk::Small(size) => Some(SmallDisk::mount(&data, size)),
        Disk::Plain | Disk::Faulty => None,
    };
    let data = data.display().to_string();
    let accounts = accounts_file(folder.path());
    run(
        &["accounts", "import", &accounts, "--create", "--data", &data],
        &[],
    );
    let port = free_port();
    let is_faulty = setting.disk == Disk::Faulty;
    let (faulty_disk, preloaded) = is_faulty.then(|| FaultyDisk::build(folder.path())).unzip();
    let environment = [
        dev_gateway(port),
        outside.settings,
        setting.environment,
        preloaded.unwrap_or_default(),
    ];
    let recipe = Recipe {
        arguments: ["serve", "--data", &data].map(str::to_owned).into(),
        environment: environment.concat(),
        log: folder.path().join("lutong.log"),
        admin_port: free_port(),
    };
    Mesh {
        shape: Shape::OneProcess,
        processes: [("lutong", Process::start(recipe, None))].into(),
        gateway: Gateway::at(port),
        folder,
        storage: ServiceName::WITH_STORAGE
            .map(|service| (service.as_str(), format!("sqlite://{data}/db/{service}.db")))
            .into(),
        redis: None,
        partner: outside.partner,
        trust_root: outside.trust_root,
        wires: Wires::default(),
        disk,
        faulty_disk,
    }
}

async fn seven_processes(setting: Setting) -> Mesh {
    let redis = std::env::var(REDIS).unwrap_or_else(|_| {
        panic!("{REDIS} is not set: run the tests with tests/run, which starts Redis 7 (Debian package redis-server)")
    });
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let outside = outside(folder.path());
    let certs = folder.path().join("certs");
    run(&["certs", "dev", &certs.display().to_string()], &[]);
    let keys = folder.path().join("keys").display().to_string();
    run(&["keys", "init", &keys], &[]);
    let ports: BTreeMap<ServiceName, u16> = ServiceName::ALL
        .iter()
        .map(|service| (*service, free_port()))
        .collect();
    let second_port = setting.two_of_code_rendering.then(free_port);
    let mut common = vec![
        ("LUTONG_REDIS".to_owned(), redis.clone()),
        ("LUTONG_KEYS".to_owned(), keys),
        (
            "LUTONG_DATA".to_owned(),
            folder.path().join("data").display().to_string(),
        ),
        ("LUTONG_IDENTITY__TRUST_STATED".to_owned(), "true".to_owned()),
    ];
    common.extend(outside.settings);
    common.extend(setting.environment);
    let mut wires = Wires::default();
    let mut processes = BTreeMap::new();
    let mut databases = BTreeMap::new();
    for service in ServiceName::ALL.iter().copied() {
        let mut environment = common.clone();
        for other in ServiceName::WITH_STORAGE {
            let port = if setting.wires && other != service {
                wires.lay(service, other, ports[&other]).await
            } else {
                ports[&other]
            };
            let name = format!("LUTONG_PEERS__{}", other.as_snake().to_uppercase());
            let second = second_port.filter(|_| other == ServiceName::CodeRendering);
            let second = second.map(|port| format!(",https://127.0.0.1:{port}"));
            environment.push((
                name,
                format!("https://127.0.0.1:{port}{}", second.unwrap_or_default()),
            ));
        }
        environment.extend(identity_files(&certs, service));
        if service == ServiceName::Gateway {
            environment.extend(dev_gateway(ports[&service]));
        } else {
            let storage = fresh_postgres().await;
            let url = storage.url.expose().clone();
            let reached = if setting.database_wires {
                let (before, after) = url.split_once("127.0.0.1:").unwrap();
                let (port, name) = after.split_once('/').unwrap();
                let near = wires.lay(service, service, port.parse().unwrap()).await;
                format!("{before}127.0.0.1:{near}/{name}")
            } else {
                url.clone()
            };
            databases.insert(service.as_str(), url);
            environment.push(("LUTONG_STORAGE__URL".to_owned(), reached));
            environment.push((
                "LUTONG_LISTEN".to_owned(),
                format!("127.0.0.1:{}", ports[&service]),
            ));
            run(&["migrate", service.as_str()], &environment);
        }
        if service == ServiceName::Identity {
            run(
                &["accounts", "import", &accounts_file(folder.path())],
                &environment,
            );
        }
        let recipe = Recipe {
            arguments: vec!["serve".to_owned(), service.to_string()],
            environment,
            log: folder.path().join(format!("{service}.log")),
            admin_port: free_port(),
        };
        if let Some(port) = second_port.filter(|_| service == ServiceName::CodeRendering) {
            processes.insert("code-rendering-2", Process::start(second(&recipe, port), None));
        }
        processes.insert(service.as_str(), Process::start(recipe, None));
    }
    Mesh {
        shape: Shape::Mesh,
        processes,
        gateway: Gateway::at(ports[&ServiceName::Gateway]),
        folder,
        redis: Some(redis),
        partner: outside.partner,
        trust_root: outside.trust_root,
        storage: databases,
        wires,
        disk: None,
        faulty_disk: None,
    }
}

/// The recipe of a second replica: same database, keys and certificate.
fn second(first: &Recipe, port: u16) -> Recipe {
    let mut recipe = first.clone();
    recipe
        .environment
        .push(("LUTONG_LISTEN".to_owned(), format!("127.0.0.1:{port}")));
    recipe.log = first.log.with_extension("2.log");
    recipe.admin_port = free_port();
    recipe
}

fn identity_files(certs: &Path, service: ServiceName) -> Vec<(String, String)> {
    let file = |name: String| -> PathBuf { certs.join(name) };
    [
        ("LUTONG_TLS__CA", file("ca.pem".to_owned())),
        ("LUTONG_TLS__CERTIFICATE", file(format!("{service}.pem"))),
        ("LUTONG_TLS__KEY", file(format!("{service}.key"))),
    ]
    .map(|(name, path)| (name.to_owned(), path.display().to_string()))
    .into()
}

/// Runs journeys in both shapes, sequentially on one mesh each, because starting seven processes takes longer than a
/// journey.
#[macro_export]
macro_rules! in_both_shapes {
    ($($name:ident),+ $(,)?) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn in_one_process() {
            let mesh = $crate::mesh::Mesh::start($crate::mesh::Shape::OneProcess).await;
            $(eprintln!("{}", stringify!($name)); $name(&mesh).await;)+
        }
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn as_a_mesh() {
            let mesh = $crate::mesh::Mesh::start($crate::mesh::Shape::Mesh).await;
            $(eprintln!("{}", stringify!($name)); $name(&mesh).await;)+
        }
    };
}
