//! `federation onboard`: what a new partner hands over, checked before anybody signs a trust list with it.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use lutong_federation::onboarding_folder::{Folder, MAX_FILE, check};
use lutong_kernel::Clock as _;
use lutong_operating::wall_clock::WallClock;
use serde_json::{Value, json};

use lutong_client::Failure;
use lutong_client::output::in_language;

#[derive(Debug, Subcommand)]
pub enum Onboard {
    /// Check a partner's certificates and keys: partner.toml, tls.pem, ca.pem, codes.pub, messages.pub.
    Check(Check),
}

#[derive(Debug, Args)]
pub struct Check {
    /// The folder.
    folder: PathBuf,
    /// For machines.
    #[arg(long)]
    json: bool,
}

impl Onboard {
    pub fn run(self) -> Result<(), Failure> {
        match self {
            Self::Check(check) => check.run(),
        }
    }
}

impl Check {
    fn run(self) -> Result<(), Failure> {
        let findings = check(&read(&self.folder)?, WallClock.now());
        if self.json {
            let shown: Vec<Value> = findings
                .iter()
                .map(|finding| json!({"file": finding.file, "check": finding.check.into_str(), "reason": finding.reason}))
                .collect();
            say!("{}", json!({ "findings": shown }));
        } else {
            for finding in &findings {
                let (zh, en) = finding.check.advice();
                let (file, name, reason) = (&finding.file, finding.check.into_str(), &finding.reason);
                say!("{file}: {name}: {reason}; {}", in_language(zh, en));
            }
            if findings.is_empty() {
                tell!("未发现问题", "nothing is wrong");
            }
        }
        if findings.is_empty() {
            Ok(())
        } else {
            Err(Failure::Failed)
        }
    }
}

/// The files of a folder; of one that is too long, enough to say so.
fn read(folder: &Path) -> Result<Folder, Failure> {
    let wrong = |path: &Path, error: std::io::Error| Failure::Input(format!("{}: {error}", path.display()));
    let mut files = Folder::new();
    for entry in std::fs::read_dir(folder).map_err(|error| wrong(folder, error))? {
        let path = entry.map_err(|error| wrong(folder, error))?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let mut bytes = Vec::new();
        if path.is_file() {
            let file = std::fs::File::open(&path).map_err(|error| wrong(&path, error))?;
            let most = u64::try_from(MAX_FILE).unwrap_or(u64::MAX).saturating_add(1);
            std::io::Read::read_to_end(&mut std::io::Read::take(file, most), &mut bytes)
                .map_err(|error| wrong(&path, error))?;
        }
        files.insert(name, bytes);
    }
    Ok(files)
}
