//! `rule-sets`: the rules of a running mesh; `test` and `lint` work on files, offline.

mod changes;
mod lint;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use lutong_risk_engine::case_file::CaseFile;
use lutong_risk_engine::rule_set::{MAX_DOCUMENT, RuleSet};

use lutong_client::Failure;
use lutong_client::noun::{ActArgs, Show};

#[derive(Debug, Subcommand)]
pub enum RuleSets {
    /// List all versions, newest first.
    List(changes::List),
    /// Show one version: `sd-2022.1`.
    Show(Show),
    /// Announce a new version of a rule set.
    Announce(changes::Announce),
    /// Evaluate an announced version in shadow, and wait for the count of people it would change.
    Preview(changes::Preview),
    /// Approve a version that another account announced.
    Approve(ActArgs),
    /// Reject a version that is not active.
    Reject(ActArgs),
    /// Withdraw one's own version that is not active.
    Withdraw(ActArgs),
    /// Resume a paused version.
    Resume(changes::Resume),
    /// Run decision case files (lutong-decision-cases/1).
    Test(Test),
    /// Check rule sets: exit status 1 for errors, 2 for a file that is not a rule set.
    Lint(lint::Lint),
}

#[derive(Debug, Args)]
pub struct Test {
    /// A rule set that case files may refer to, besides those of this build; it takes precedence over one with the same
    /// id.
    #[arg(long, value_name = "FILE.toml")]
    rule_set: Option<PathBuf>,
    /// Decision case files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

impl RuleSets {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => changes::NOUN.show(&show.name, &show.call).await.map(drop),
            Self::Announce(announce) => announce.run().await,
            Self::Preview(preview) => preview.run().await,
            Self::Approve(act) => changes::NOUN.act(&act, "approve", act.body()).await,
            Self::Reject(act) => changes::NOUN.act(&act, "reject", act.body()).await,
            Self::Withdraw(act) => changes::NOUN.act(&act, "withdraw", act.body()).await,
            Self::Resume(resume) => resume.run().await,
            Self::Test(test) => test.run(),
            Self::Lint(lint) => lint.run(),
        }
    }
}

impl Test {
    fn run(self) -> Result<(), Failure> {
        let given = self.rule_set.as_deref().map(read_rule_set).transpose()?;
        let mut files = Vec::with_capacity(self.files.len());
        // Reads every file before running any: a malformed file ends the command with status 2.
        for path in &self.files {
            let text = std::fs::read_to_string(path).map_err(|error| input(path, error))?;
            let file = match &given {
                Some(set) => CaseFile::parse_with(&text, set),
                None => CaseFile::parse(&text),
            };
            files.push(file.map_err(|error| input(path, error))?);
        }
        if let Some(set) = &given
            && files.iter().all(|file| file.rule_set().id != set.id)
        {
            let id = &set.id;
            return Err(Failure::Input(lang!(
                "没有文件使用规则集 {id}",
                "no file names rule set {id:?}"
            )));
        }
        let (mut passed, mut failed) = (0, 0);
        for outcome in files.iter().flat_map(CaseFile::run) {
            if outcome.failures.is_empty() {
                passed += 1;
            } else {
                failed += 1;
                say!("{}: {}", outcome.name, outcome.failures.join(" | "));
            }
        }
        tell!(
            "{passed} 通过，{failed} 未通过",
            "{passed} passed, {failed} failed"
        );
        if failed == 0 { Ok(()) } else { Err(Failure::Failed) }
    }
}

/// Reads a text file, at most one byte more than `most`: the parser then refuses the overlong text.
fn read(path: &Path, most: usize) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::Input(format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > most {
        // The text may be cut within a character.
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    let path = path.display();
    String::from_utf8(bytes).map_err(|_| Failure::Input(lang!("{path}：不是 UTF-8", "{path}: is not UTF-8")))
}

fn input(path: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::Input(format!("{}: {error}", path.display()))
}

fn read_rule_set(path: &Path) -> Result<RuleSet, Failure> {
    RuleSet::parse(&read(path, MAX_DOCUMENT)?).map_err(|error| input(path, error))
}
