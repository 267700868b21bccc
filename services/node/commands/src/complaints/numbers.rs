//! `complaints numbers`: what happened to complaints in a month.

use clap::Args;
use serde_json::Value;

use lutong_client::Failure;
use lutong_client::noun::{CallArgs, Query, items, text, word};
use lutong_client::output::{in_language, table};

#[derive(Debug, Args)]
pub struct Numbers {
    /// A month that is over, for example 2022-10.
    month: String,
    /// Only this division and those in it.
    #[arg(long)]
    division: Option<String>,
    /// Print CSV, as the API gives it.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    #[command(flatten)]
    call: CallArgs,
}

impl Numbers {
    pub async fn run(self) -> Result<(), Failure> {
        let api = self.call.target.api_of_anybody().await?;
        let (mut token, mut rows, mut is_first) = (String::new(), Vec::new(), true);
        loop {
            let query = Query::default()
                .with("month", Some(&self.month))
                .with("division", self.division.as_ref())
                .with("csv", self.csv.then_some("true"))
                .with("page_size", Some("1000"))
                .with("page_token", Some(&token).filter(|token| !token.is_empty()));
            let answer = api.get(&query.of("/v1/public-numbers")).await?;
            if self.call.json {
                say!("{answer}");
            } else if self.csv {
                say_part!("{}", without_header(&text(&answer["csv"]), is_first));
            } else {
                rows.extend(items(&answer, "public_numbers").iter().flat_map(rows_of));
            }
            is_first = false;
            token = text(&answer["next_page_token"]);
            if token.is_empty() {
                break;
            }
        }
        if !self.call.json && !self.csv {
            say_table(&rows);
        }
        Ok(())
    }
}

/// The text of a page; of every page after the first without its header.
fn without_header(csv: &str, is_first: bool) -> &str {
    if is_first {
        return csv;
    }
    csv.split_once("\r\n").map_or("", |(_, rest)| rest)
}

fn rows_of(numbers: &Value) -> Vec<Vec<String>> {
    let kinds = numbers["kinds"].as_array().map_or(&[][..], Vec::as_slice);
    let row = |kind: &Value| {
        vec![
            text(&numbers["division"]),
            word(&kind["case_kind"], "CASE_KIND"),
            text(&kind["filed_count"]),
            text(&kind["answered_count"]),
            text(&kind["closed_count"]),
            text(&kind["overdue_count"]),
            text(&kind["median_first_answer"]),
            text(&kind["upheld_share"]),
        ]
    };
    kinds.iter().map(row).collect()
}

fn say_table(rows: &[Vec<String>]) {
    let heading = [
        in_language("区划", "DIVISION"),
        in_language("类别", "KIND"),
        in_language("受理", "FILED"),
        in_language("答复", "ANSWERED"),
        in_language("办结", "CLOSED"),
        in_language("超期", "OVERDUE"),
        in_language("首次答复中位", "MEDIAN FIRST ANSWER"),
        in_language("支持率", "UPHELD"),
    ];
    table(&heading, rows);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_of_a_file_have_one_header() {
        assert_eq!(without_header("a\r\n1\r\n", true), "a\r\n1\r\n");
        assert_eq!(without_header("a\r\n2\r\n", false), "2\r\n");
    }
}
