//! `accounts import`: adds the accounts of a file, all or none.

use std::path::PathBuf;

use clap::{Args, Parser};
use lutong_client::Failure;
use lutong_identity::Account;

use super::rights::Rights;
use super::{open, operator, show};
use crate::data::DataFolder;

#[derive(Debug, Args)]
pub struct Import {
    /// One account per line: `officer-1 --role health-officer --division 370202`.
    file: PathBuf,
    #[command(flatten)]
    folder: DataFolder,
}

/// A line of the file.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Line {
    account: String,
    #[command(flatten)]
    rights: Rights,
}

impl Import {
    pub async fn run(self) -> Result<(), Failure> {
        let file = self.file.display();
        let text = std::fs::read_to_string(&self.file)
            .map_err(|error| Failure::Input(format!("{file}: {error}")))?;
        let accounts =
            parse(&text).map_err(|wrong| Failure::Input(format!("{file}: {}", wrong.join("\n  "))))?;
        let rights: Vec<_> = accounts
            .iter()
            .map(|account| (account.id.as_str().to_owned(), show::rights(account)))
            .collect();
        open(&self.folder).await?.add_all(accounts, &operator()).await?;
        for (name, rights) in rights {
            tell!("{name} 已添加：{rights}", "{name} added: {rights}");
        }
        Ok(())
    }
}

/// The accounts of a file, or the errors of all its lines.
fn parse(text: &str) -> Result<Vec<Account>, Vec<String>> {
    let (mut accounts, mut wrong) = (Vec::<Account>::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        let words = line.split('#').next().unwrap_or_default();
        let words: Vec<_> = words.split_whitespace().collect();
        if words.is_empty() {
            continue;
        }
        match account(&words) {
            Ok(account) if accounts.iter().any(|other| other.id == account.id) => wrong.push(lang!(
                "第 {number} 行：{} 重复",
                "line {number}: {} is listed twice",
                account.id.as_str()
            )),
            Ok(account) => accounts.push(account),
            Err(reason) => wrong.push(lang!("第 {number} 行：{reason}", "line {number}: {reason}")),
        }
    }
    if accounts.is_empty() && wrong.is_empty() {
        wrong.push(lang!("文件中没有账号", "the file has no account"));
    }
    if wrong.is_empty() {
        Ok(accounts)
    } else {
        Err(wrong)
    }
}

fn account(words: &[&str]) -> Result<Account, String> {
    let line = Line::try_parse_from(words).map_err(|error| {
        // clap's first paragraph; the usage after it is of no help in a file.
        let text = error.to_string();
        let first = text.split("\n\n").next().unwrap_or_default();
        first.trim_start_matches("error: ").replace('\n', " ")
    })?;
    line.rights
        .account(&line.account)
        .map_err(|failure| match failure {
            Failure::Input(reason) | Failure::Because(reason) => reason,
            Failure::Failed => String::new(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_line_an_account_with_remarks_and_empty_lines() {
        let text = "# the office\nofficer-1 --role health-officer --division 370202\n\ncdc-1 --feed cdc --province-wide # a feed\n";
        let accounts = parse(text).unwrap();
        let names: Vec<_> = accounts.iter().map(|account| account.id.as_str()).collect();
        assert_eq!(names, ["officer-1", "cdc-1"]);
        assert!(accounts[1].feed.is_some());
    }

    #[test]
    fn every_wrong_line_is_named_at_once() {
        let text = "officer-1 --role health-officer\nofficer-2 --role king\nauditor-1 --role auditor\nauditor-1 --role auditor\nx --rule auditor\nPUBLIC --role auditor";
        let wrong = parse(text).unwrap_err();
        let has = |line: &str, what: &str| {
            wrong
                .iter()
                .any(|text| text.contains(line) && text.contains(what))
        };
        assert_eq!(wrong.len(), 5, "{wrong:?}");
        assert!(
            has("line 1", "--division") || has("第 1 行", "--division"),
            "{wrong:?}"
        );
        assert!(has("line 2", "king") || has("第 2 行", "king"));
        assert!(has("4", "auditor-1") && has("5", "--rule"));
    }

    #[test]
    fn a_file_without_an_account_is_refused() {
        assert_eq!(parse("# nobody\n\n").unwrap_err().len(), 1);
    }
}
