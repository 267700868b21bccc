//! `federation conformance`: whether another code system keeps the contract, and what its reports are worth. Needs no running mesh.

mod compare;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use lutong_conformance::client::{Connection, WireClient};
use lutong_conformance::declaration::Declaration;
use lutong_conformance::exchange::Speaker;
use lutong_conformance::expected::Expected;
use lutong_conformance::report::signed::{JSON, Manifest, PAGE, SIGNATURE};
use lutong_conformance::report::{Report, RunFiles, judge};
use lutong_conformance::run::{CaseRun, run};
use lutong_conformance::session::Kit;
use lutong_conformance::verdict::CaseResult;
use lutong_kernel::{Clock as _, PartnerCode, Timestamp};
use lutong_operating::entropy::Entropy;
use lutong_operating::wall_clock::WallClock;
use lutong_token::{SigningKey, TrustedKey, VerifyingKey, VerifyingKeys};

use lutong_client::Failure;
use lutong_client::output::{in_language, pick_language};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Conformance {
    #[command(subcommand)]
    about: Option<About>,
    #[command(flatten)]
    run: Option<Run>,
}

#[derive(Debug, Subcommand)]
enum About {
    /// Verify a report: who signed it, that it is as it was signed, and until when it counts.
    Verify(verify::Verify),
    /// Compare two reports of a system, case by case; fails if something got worse.
    Compare(compare::Compare),
}

#[derive(Debug, Args)]
pub struct Run {
    /// Where the system is called, for example `https://federation.example.cn`.
    #[arg(long)]
    peer: String,
    /// What the system declares of itself (TOML).
    #[arg(long)]
    declaration: PathBuf,
    /// As which province the kit speaks: two digits. The system answers this province.
    #[arg(long)]
    sender: String,
    /// File of the private key of that province's messages (PKCS #8, PEM).
    #[arg(long)]
    key: PathBuf,
    /// File of the private key that signs the report; that of the messages by default.
    #[arg(long)]
    report_key: Option<PathBuf>,
    /// Failures that are known (TOML): they do not fail the run, and one that passes does.
    #[arg(long)]
    expected_failures: Option<PathBuf>,
    /// Folder for `report.json`, `report.html` and `report.cose`.
    #[arg(long)]
    out: PathBuf,
    /// Take the place of a report that lies there.
    #[arg(long)]
    overwrite: bool,
    /// Authorities (PEM) that the kit trusts, instead of those of this machine.
    #[arg(long)]
    ca: Option<PathBuf>,
    /// The kit's certificate (PEM), for a system that asks for one.
    #[arg(long, requires = "tls_key")]
    certificate: Option<PathBuf>,
    /// The private key of that certificate (PEM).
    #[arg(long, requires = "certificate")]
    tls_key: Option<PathBuf>,
    /// Seconds within which an answer must be there to be judged at all.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout_seconds: u64,
}

impl Conformance {
    pub async fn run(self) -> Result<(), Failure> {
        match (self.about, self.run) {
            (Some(About::Verify(verify)), _) => verify.run(),
            (Some(About::Compare(compare)), _) => compare.run(),
            (None, Some(run)) => run.run().await,
            // Not reached: the arguments are required without a subcommand.
            (None, None) => Err(Failure::Input(
                "--peer, --declaration, --sender, --key, --out".to_owned(),
            )),
        }
    }
}

impl Run {
    async fn run(self) -> Result<(), Failure> {
        let declared = read_text(&self.declaration)?;
        let peer = Declaration::parse(&declared).map_err(|error| wrong(&self.declaration, &error))?;
        let known = self
            .expected_failures
            .as_deref()
            .map(read_text)
            .transpose()?
            .unwrap_or_default();
        let expected = Expected::parse(&known);
        let expected =
            expected.map_err(|error| wrong(&self.expected_failures.clone().unwrap_or_default(), &error))?;
        let kit = self.kit(peer)?;
        let report_key = match &self.report_key {
            Some(path) => Arc::new(read_key(path)?),
            None => Arc::clone(&kit.speaker.key),
        };
        self.refuse_to_overwrite()?;
        let began_at = WallClock.now();
        let ran = run(&kit, |ran| say_case(ran, &expected, began_at)).await;
        let files = RunFiles {
            declaration: &declared,
            expected_failures: &known,
        };
        let report = Report::new(&kit, files, (ran, &expected), (began_at, WallClock.now()));
        self.write(&report, &report_key)?;
        for entry in &report.stale_expectations {
            let reason: &str = entry.reason.into_str();
            let text = in_language(
                "已知问题清单需更正",
                "the list of known failures has to be mended",
            );
            say!(
                "{}: {reason}: {text} ({}, {})",
                entry.case,
                entry.known.owner,
                entry.known.until
            );
        }
        let verdict: &str = report.verdict.into_str();
        say!("{verdict}: {}", counted(&report));
        if report.is_clean() {
            Ok(())
        } else {
            Err(Failure::Failed)
        }
    }

    fn kit(&self, peer: Declaration) -> Result<Kit, Failure> {
        let own = PartnerCode::parse(&self.sender);
        let own = own.ok_or_else(|| {
            Failure::Input("--sender: 两位行政区划代码 / two digits of GB/T 2260".to_owned())
        })?;
        if own == peer.province {
            return Err(Failure::Input(
                "--sender: 不能是被测系统自己 / is another province than the system's own".to_owned(),
            ));
        }
        let address = self.peer.trim_end_matches('/').to_owned();
        lutong_conformance::client::check_address(&address)
            .map_err(|error| Failure::Input(format!("--peer: {error}")))?;
        let connection = Connection {
            ca: self.ca.clone(),
            identity: self.certificate.clone().zip(self.tls_key.clone()),
            timeout: Duration::from_secs(self.timeout_seconds),
        };
        Ok(Kit {
            speaker: Speaker {
                own,
                key: Arc::new(read_key(&self.key)?),
                clock: Arc::new(WallClock),
                random: Arc::new(Entropy),
            },
            peer,
            address,
            client: WireClient::new(&connection).map_err(|error| Failure::Input(error.to_string()))?,
        })
    }

    fn refuse_to_overwrite(&self) -> Result<(), Failure> {
        let lies_there = [JSON, PAGE, SIGNATURE]
            .map(|name| self.out.join(name))
            .into_iter()
            .find(|path| path.exists());
        match lies_there {
            Some(path) if !self.overwrite => Err(Failure::Input(format!(
                "{}: 已有报告；需要时加 --overwrite / a report lies there; say --overwrite if it is meant",
                path.display()
            ))),
            _ => Ok(()),
        }
    }

    /// Writes the three files, the signature last: without it nothing of a run that broke off is believed.
    fn write(&self, report: &Report, key: &SigningKey) -> Result<(), Failure> {
        let json = report.json()?;
        let page = report.page()?;
        let signature = Manifest::of(report, &json, &page).sign(key)?;
        std::fs::create_dir_all(&self.out).map_err(|error| wrong(&self.out, &error))?;
        let old = self.out.join(SIGNATURE);
        if old.exists() {
            std::fs::remove_file(&old).map_err(|error| wrong(&old, &error))?;
        }
        for (name, bytes) in [
            (JSON, &json[..]),
            (PAGE, page.as_bytes()),
            (SIGNATURE, &signature),
        ] {
            let path = self.out.join(name);
            std::fs::write(&path, bytes).map_err(|error| wrong(&path, &error))?;
        }
        Ok(())
    }
}

fn say_case(ran: &CaseRun, expected: &Expected, now: Timestamp) {
    let about = ran.case.about();
    let (result, finding, detail) = judge(ran, expected, now);
    let (level, ended): (&str, &str) = (about.level.into_str(), result.into_str());
    let title = in_language(about.title.0, about.title.1);
    // Of what was not run the reason is in both languages; what a system answered stays as it is.
    let why = match result {
        CaseResult::Skip => pick_language(&detail),
        _ => format!("{finding} {detail}").trim().to_owned(),
    };
    let dash = if why.is_empty() { "" } else { ": " };
    say!("{} {level:<6} {ended:<15} {title}{dash}{why}", about.id);
}

/// `60 PASS, 2 FAIL`; each result that there is, and those that pass.
fn counted(report: &Report) -> String {
    use CaseResult::{Error, ExpectedFail, Fail, Pass, Skip, UnexpectedPass};
    let all = [Pass, Fail, Error, UnexpectedPass, ExpectedFail, Skip];
    let counts = all.map(|result| (result, report.count(result)));
    let there = counts
        .into_iter()
        .filter(|(result, count)| *count > 0 || *result == Pass);
    let said = there.map(|(result, count)| {
        let name: &str = result.into_str();
        format!("{count} {name}")
    });
    said.collect::<Vec<_>>().join(", ")
}

/// What is wrong with a file.
pub fn wrong(path: &Path, reason: &dyn std::fmt::Display) -> Failure {
    let lines = reason.to_string();
    let lines: Vec<String> = lines
        .lines()
        .map(|line| format!("{}: {line}", path.display()))
        .collect();
    Failure::Input(lines.join("\n"))
}

pub fn read_text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| wrong(path, &error))
}

pub fn read_key(path: &Path) -> Result<SigningKey, Failure> {
    SigningKey::from_pkcs8_pem(&read_text(path)?).map_err(|error| wrong(path, &error))
}

/// The public key in a file, for as long as the command runs.
pub fn read_public_key(path: &Path) -> Result<VerifyingKeys, Failure> {
    let key = VerifyingKey::from_pem(read_text(path)?.trim()).map_err(|error| wrong(path, &error))?;
    let trusted = TrustedKey {
        key,
        issuers: Vec::new(),
        not_before: Timestamp::MIN,
        not_after: None,
        revoked_at: None,
    };
    let mut keys = VerifyingKeys::new();
    keys.insert(trusted).map_err(|error| wrong(path, &error))?;
    Ok(keys)
}
