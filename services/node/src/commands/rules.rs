//! `rules test`: case files against the rule sets of this build, or one that is given.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use lutong_risk_rules::domain::case_file::CaseFile;
use lutong_risk_rules::domain::rule_set::RuleSet;

use super::Failure;

#[derive(Debug, Subcommand)]
pub enum Rules {
    /// Run decision case files (lutong-decision-cases/1).
    Test(Test),
}

#[derive(Debug, Args)]
pub struct Test {
    /// A rule set that case files may name beside those of this build; of two of one id this one is meant.
    #[arg(long, value_name = "FILE.toml")]
    rule_set: Option<PathBuf>,
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

impl Rules {
    pub fn run(self) -> Result<(), Failure> {
        let Self::Test(test) = self;
        let given = test.rule_set.as_deref().map(read_rule_set).transpose()?;
        let mut files = Vec::with_capacity(test.files.len());
        // Every file is read before any is run: one that breaks the format ends the command with status 2.
        for path in &test.files {
            let text = read(path)?;
            let file = match &given {
                Some(set) => CaseFile::parse_with(&text, set),
                None => CaseFile::parse(&text),
            };
            files.push(file.map_err(|error| input(path, error))?);
        }
        if let Some(set) = &given
            && files.iter().all(|file| file.rule_set().id != set.id)
        {
            return Err(Failure::Input(format!("no file names rule set {:?}", set.id)));
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

fn input(path: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::Input(format!("{}: {error}", path.display()))
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| input(path, error))
}

fn read_rule_set(path: &Path) -> Result<RuleSet, Failure> {
    RuleSet::parse(&read(path)?).map_err(|error| input(path, error))
}
