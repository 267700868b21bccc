//! `federation conformance compare`: what got better and what got worse.

use std::path::{Path, PathBuf};

use clap::Args;
use lutong_client::Failure;
use lutong_conformance::comparison::{Change, compare};
use lutong_conformance::report::Report;
use lutong_conformance::report::signed::JSON;
use lutong_conformance::verdict::CaseResult;
use lutong_kernel::Clock as _;
use lutong_operating::wall_clock::WallClock;

use super::{read_public_key, read_text, verify, wrong};

#[derive(Debug, Args)]
pub struct Compare {
    /// The report before: `report.json`, or its folder.
    old: PathBuf,
    /// The report after.
    new: PathBuf,
    /// File of the public key of who ran the kit (PEM): both reports must be as they were signed; an old one may have expired.
    #[arg(long)]
    key: Option<PathBuf>,
}

impl Compare {
    pub fn run(self) -> Result<(), Failure> {
        let (old, new) = (self.read(&self.old)?, self.read(&self.new)?);
        if old.province != new.province {
            return Err(Failure::Input(lang!(
                "两份报告属于不同的系统：{}、{}",
                "the reports are of different systems: {}, {}",
                old.province,
                new.province
            )));
        }
        let differences = compare(&old, &new);
        let shown = |result: Option<CaseResult>| result.map_or("-", |result| result.into_str());
        for one in &differences {
            let change: &str = one.change.into_str();
            say!(
                "{} {change:<6} {} → {}",
                one.id,
                shown(one.before),
                shown(one.after)
            );
        }
        let count = |change| differences.iter().filter(|one| one.change == change).count();
        say!(
            "{} BETTER, {} WORSE, {} OTHER, {} NEW, {} GONE",
            count(Change::Better),
            count(Change::Worse),
            count(Change::Other),
            count(Change::New),
            count(Change::Gone)
        );
        if count(Change::Worse) == 0 {
            Ok(())
        } else {
            Err(Failure::Failed)
        }
    }

    fn read(&self, path: &Path) -> Result<Report, Failure> {
        let file = if path.is_dir() {
            path.join(JSON)
        } else {
            path.to_owned()
        };
        if let Some(key) = &self.key {
            let folder = file.parent().unwrap_or(Path::new("."));
            let folder = if folder.as_os_str().is_empty() {
                Path::new(".")
            } else {
                folder
            };
            verify::open(folder, &read_public_key(key)?, WallClock.now())?;
        }
        serde_json::from_str(&read_text(&file)?).map_err(|error| wrong(&file, &error))
    }
}
