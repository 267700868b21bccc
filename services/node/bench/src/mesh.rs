//! `lutong bench --mesh`: seven processes with mTLS, and PostgreSQL and Redis of their own, on free ports of this machine.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use lutong_chassis::KeyFolder;
use lutong_client::Failure;
use lutong_composition::keys::MeshKeys;
use lutong_kernel::ServiceName;
use lutong_operating::entropy::Entropy;
use lutong_transport::access::PrincipalKey;

use crate::cold_start::{free_port, serving};
use crate::resident_mb;

/// Where the Debian package has the programs of PostgreSQL 15.
const POSTGRES: &str = "/usr/lib/postgresql/15/bin";
/// Connections of seven processes, and room; and what `deploy/README.md` recommends.
const SETTINGS: &str = "-c max_connections=400 -c autovacuum_naptime=5s -c random_page_cost=1.1 -c jit=off";

/// A mesh in a folder of its own. Dropping it ends the processes and the servers.
pub struct Mesh {
    processes: Vec<(ServiceName, Child)>,
    /// Ended after the processes.
    servers: Servers,
    pub base: String,
    pub session: PrincipalKey,
}

type Environment = Vec<(String, String)>;

impl Mesh {
    /// Starts it in a folder, with settings of the gateway.
    pub async fn start(folder: &Path, gateway: &[(&str, String)]) -> Result<Self, Failure> {
        let servers = Servers::start(folder)?;
        let (keys, certs) = (folder.join("keys"), folder.join("certs"));
        run_self(
            &["keys", "init", &keys.display().to_string()],
            &Environment::new(),
        )?;
        run_self(
            &["certs", "dev", &certs.display().to_string()],
            &Environment::new(),
        )?;
        let mut ports = Vec::new();
        for service in ServiceName::ALL {
            ports.push((*service, free_port()?));
        }
        let port_of = |of: ServiceName| {
            ports
                .iter()
                .find(|(service, _)| *service == of)
                .map_or(0, |one| one.1)
        };
        let mut mesh = Self {
            processes: Vec::new(),
            servers,
            base: format!("http://127.0.0.1:{}", port_of(ServiceName::Gateway)),
            session: MeshKeys::open(&KeyFolder::given(&keys), &Entropy)?.session.seal,
        };
        let mut common = vec![
            ("LUTONG_REDIS".to_owned(), mesh.servers.redis_url()),
            ("LUTONG_KEYS".to_owned(), keys.display().to_string()),
            (
                "LUTONG_DATA".to_owned(),
                folder.join("data").display().to_string(),
            ),
            ("LUTONG_IDENTITY__TRUST_STATED".to_owned(), "true".to_owned()),
            ("LUTONG_TELEMETRY__LOG".to_owned(), "warn".to_owned()),
        ];
        for other in ServiceName::WITH_STORAGE {
            let name = format!("LUTONG_PEERS__{}", other.as_snake().to_uppercase());
            common.push((name, format!("https://127.0.0.1:{}", port_of(other))));
        }
        for service in ServiceName::ALL.iter().copied() {
            let mut environment = common.clone();
            environment.extend(identity_files(&certs, service));
            let listen = format!("127.0.0.1:{}", port_of(service));
            if service == ServiceName::Gateway {
                environment.push(("LUTONG_GATEWAY__LISTEN".to_owned(), listen));
                let settings = gateway
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), value.clone()));
                environment.extend(settings);
            } else {
                environment.push(("LUTONG_LISTEN".to_owned(), listen));
                let storage = mesh.servers.database(service)?;
                environment.push(("LUTONG_STORAGE__URL".to_owned(), storage));
                run_self(&["migrate", service.as_str()], &environment)?;
            }
            let child = this_program()?
                .args(["serve", service.as_str()])
                .envs(environment)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()?;
            mesh.processes.push((service, child));
        }
        if serving(port_of(ServiceName::Gateway)).await {
            return Ok(mesh);
        }
        Err(Failure::Because("the mesh did not serve within 30 s".to_owned()))
    }

    /// The resident memory of each process, in MB.
    pub fn resident(&self) -> Vec<(ServiceName, u64)> {
        let of = |(service, child): &(ServiceName, Child)| {
            (*service, resident_mb(&child.id().to_string()).unwrap_or_default())
        };
        self.processes.iter().map(of).collect()
    }
}

impl Drop for Mesh {
    fn drop(&mut self) {
        for (_, process) in &mut self.processes {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// PostgreSQL, which writes durably, and Redis.
struct Servers {
    folder: PathBuf,
    postgres_port: u16,
    redis_port: u16,
    redis: Option<Child>,
}

impl Servers {
    fn start(folder: &Path) -> Result<Self, Failure> {
        let folder = folder.join("servers");
        std::fs::create_dir(&folder)?;
        let mut servers = Self {
            postgres_port: free_port()?,
            redis_port: free_port()?,
            folder,
            redis: None,
        };
        servers.start_postgres()?;
        let redis = Command::new("redis-server")
            .args(["--port", &servers.redis_port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(&servers.folder)
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| missing("redis-server", &error))?;
        servers.redis = Some(redis);
        Ok(servers)
    }

    fn start_postgres(&self) -> Result<(), Failure> {
        if is_root() {
            // PostgreSQL refuses root.
            done(Command::new("chown").arg("postgres").arg(&self.folder))?;
            let parents = self
                .folder
                .ancestors()
                .skip(1)
                .take_while(|at| at.starts_with(std::env::temp_dir()));
            for parent in parents.filter(|at| *at != std::env::temp_dir()) {
                done(Command::new("chmod").arg("a+x").arg(parent))?;
            }
        }
        let data = self.folder.join("postgres");
        done(self.postgres("initdb").arg("-D").arg(&data).args([
            "-A",
            "trust",
            "-U",
            "lutong",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]))?;
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} {SETTINGS}",
            self.postgres_port,
            self.folder.display()
        );
        done(
            self.postgres("pg_ctl")
                .arg("-D")
                .arg(&data)
                .arg("-l")
                .arg(self.folder.join("postgres.log"))
                .args(["-w", "-o", &options, "start"]),
        )
    }

    /// One of PostgreSQL's programs, as a user that it accepts.
    fn postgres(&self, program: &str) -> Command {
        let program = format!("{POSTGRES}/{program}");
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--", &program]);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(&self.folder);
        command
    }

    /// Creates the database of a service; returns its URL.
    fn database(&self, service: ServiceName) -> Result<String, Failure> {
        let port = self.postgres_port.to_string();
        let name = service.as_snake();
        done(
            self.postgres("createdb")
                .args(["-h", "127.0.0.1", "-p", &port, "-U", "lutong", name]),
        )?;
        Ok(format!("postgres://lutong@127.0.0.1:{port}/{name}"))
    }

    fn redis_url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.redis_port)
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if let Some(redis) = &mut self.redis {
            let _ = redis.kill();
            let _ = redis.wait();
        }
        let data = self.folder.join("postgres");
        // Its data go with the folder.
        let _ = self
            .postgres("pg_ctl")
            .arg("-D")
            .arg(data)
            .args(["-m", "immediate", "stop"])
            .output();
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn missing(program: &str, error: &std::io::Error) -> Failure {
    Failure::Because(format!(
        "{program} cannot be started ({error}): the mesh needs the Debian packages postgresql-15 and redis-server"
    ))
}

/// Runs a program to its end.
fn done(command: &mut Command) -> Result<(), Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output: Output = command.output().map_err(|error| missing(&program, &error))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Failure::Because(format!("{command:?}: {said}")))
}

fn this_program() -> Result<Command, Failure> {
    Ok(Command::new(std::env::current_exe()?))
}

fn run_self(arguments: &[&str], environment: &Environment) -> Result<(), Failure> {
    done(this_program()?.args(arguments).envs(environment.iter().cloned()))
}

fn identity_files(certs: &Path, service: ServiceName) -> Environment {
    [
        ("LUTONG_TLS__CA", "ca.pem".to_owned()),
        ("LUTONG_TLS__CERTIFICATE", format!("{service}.pem")),
        ("LUTONG_TLS__KEY", format!("{service}.key")),
    ]
    .map(|(name, file)| (name.to_owned(), certs.join(file).display().to_string()))
    .into()
}
