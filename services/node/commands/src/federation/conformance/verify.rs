//! `federation conformance verify`: a report is worth what its signature is.

use std::path::{Path, PathBuf};

use clap::Args;
use lutong_client::Failure;
use lutong_conformance::report::signed::{Manifest, SIGNATURE};
use lutong_kernel::{Clock as _, Timestamp};
use lutong_operating::wall_clock::WallClock;
use lutong_token::{Kid, VerifyingKeys};
use serde_json::json;

use super::{read_public_key, wrong};

#[derive(Debug, Args)]
pub struct Verify {
    /// `report.cose`, or its folder; `report.json` and `report.html` lie beside it.
    file: PathBuf,
    /// File of the public key of who ran the kit (PEM), obtained from elsewhere than the report.
    #[arg(long)]
    key: PathBuf,
    /// For machines.
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub fn run(self) -> Result<(), Failure> {
        let keys = read_public_key(&self.key)?;
        let now = WallClock.now();
        let (manifest, kid) = open(&self.file, &keys, now)?;
        let refused = |error| Failure::Because(format!("{}: {error}", self.file.display()));
        manifest.check_validity(now).map_err(refused)?;
        let verdict: &str = manifest.verdict.into_str();
        if self.json {
            let said = json!({
                "verdict": verdict,
                "province": manifest.province,
                "name": manifest.name,
                "tester": manifest.tester,
                "suite_version": manifest.suite_version,
                "cases_sha256": manifest.cases_sha256,
                "end_time": manifest.end_time,
                "expire_time": manifest.expire_time,
                "key_id": kid.to_string(),
            });
            say!("{said}");
            return Ok(());
        }
        let Manifest {
            province,
            name,
            tester,
            suite_version,
            end_time,
            expire_time,
            ..
        } = &manifest;
        tell!(
            "报告成立：{name}（{province}），测试方 {tester}",
            "the report holds: {name} ({province}), tested by {tester}"
        );
        tell!(
            "套件 {suite_version}，完成于 {end_time}，有效期至 {expire_time}，签名密钥 {kid}",
            "suite {suite_version}, ended {end_time}, counts until {expire_time}, signed with {kid}"
        );
        say!("{verdict}");
        Ok(())
    }
}

/// The manifest in a file or a folder, whose files are as they were signed; expired or not.
pub fn open(path: &Path, keys: &VerifyingKeys, now: Timestamp) -> Result<(Manifest, Kid), Failure> {
    let file = if path.is_dir() {
        path.join(SIGNATURE)
    } else {
        path.to_owned()
    };
    let signature = std::fs::read(&file).map_err(|error| wrong(&file, &error))?;
    let folder = file.parent().unwrap_or(Path::new("."));
    // The names are those of a manifest: nothing outside its folder is read.
    let is_beside = |name: &str| Path::new(name).file_name().is_some_and(|own| own == name);
    let read = |name: &str| {
        is_beside(name)
            .then(|| std::fs::read(folder.join(name)).ok())
            .flatten()
    };
    let opened = Manifest::open(&signature, keys, now, read);
    opened.map_err(|error| Failure::Because(format!("{}: {error}", file.display())))
}
