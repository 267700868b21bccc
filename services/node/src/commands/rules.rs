//! `rules test`: case files against the rule sets of this build.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use lutong_risk_rules::domain::case_file::CaseFile;

use super::Failure;

#[derive(Debug, Subcommand)]
pub enum Rules {
    /// Run decision case files (lutong-decision-cases/1).
    Test(Test),
}

#[derive(Debug, Args)]
pub struct Test {
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

impl Rules {
    pub fn run(self) -> Result<(), Failure> {
        let Self::Test(test) = self;
        let mut files = Vec::with_capacity(test.files.len());
        // Every file is read before any is run: one that breaks the format ends the command with status 2.
        for path in &test.files {
            let failed = |error: String| Failure::Input(format!("{}: {error}", path.display()));
            let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
            files.push(CaseFile::parse(&text).map_err(|error| failed(error.to_string()))?);
        }
        let (mut passed, mut failed) = (0, 0);
        for outcome in files.iter().flat_map(CaseFile::run) {
            if outcome.failures.is_empty() {
                passed += 1;
            } else {
                failed += 1;
                println!("{}: {}", outcome.name, outcome.failures.join(" | "));
            }
        }
        println!("{passed} passed, {failed} failed");
        if failed == 0 { Ok(()) } else { Err(Failure::Failed) }
    }
}
