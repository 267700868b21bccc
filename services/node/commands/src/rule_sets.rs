//! `rule-sets`: the rules of a running mesh; `test` and `lint` work on files and ask no mesh.

mod changes;
mod lint;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use lutong_risk_engine::case_file::CaseFile;
use lutong_risk_engine::rule_set::{MAX_DOCUMENT, RuleSet};

use lutong_client::Failure;
use lutong_client::noun::{Act, Show};

#[derive(Debug, Subcommand)]
pub enum RuleSets {
    /// All versions, the newest first.
    List(changes::List),
    /// One version: `sd-2022.1`.
    Show(Show),
    /// Announce a version of a rule set.
    Announce(changes::Announce),
    /// Count whom an announced version would change, in shadow, and wait for the count.
    Preview(changes::Preview),
    /// Approve what somebody else announced.
    Approve(Act),
    /// Refuse a version that is not active.
    Reject(Act),
    /// Take the account's own version back that is not active.
    Withdraw(Act),
    /// Let a paused version try again.
    Resume(changes::Resume),
    /// Run decision case files (lutong-decision-cases/1).
    Test(Test),
    /// Find what is wrong with rule sets: status 1 for errors, 2 for a file that is no rule set.
    Lint(lint::Lint),
}

#[derive(Debug, Args)]
pub struct Test {
    /// A rule set that case files may name beside those of this build; of two of one id this one is meant.
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
            Self::Show(show) => changes::NOUN.show(&show.name, &show.shown).await.map(drop),
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
        // Every file is read before any is run: one that breaks the format ends the command with status 2.
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

/// A text file, and no more of it than one byte above `most`: what is longer is refused by whoever reads on.
fn read(path: &Path, most: usize) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::Input(format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > most {
        // The cut may go through a character.
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
