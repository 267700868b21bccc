//! `complaints export`: how orders of the hotline stand, for the hotline to take back.

use super::every;
use clap::{Args, ValueEnum};
use lutong_client::Failure;
use lutong_client::noun::{CallArgs, Query, constant, text};
use lutong_client::why::Why;
use lutong_proto::types::v1::PurposeCode;

/// The columns of the CSV form.
const COLUMNS: [&str; 13] = [
    "hotline_number",
    "city_number",
    "case",
    "case_kind",
    "state",
    "division",
    "secret_caller",
    "repeat_caller",
    "create_time",
    "due_time",
    "answer_time",
    "answer",
    "finding",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Ndjson,
    Csv,
}

#[derive(Debug, Args)]
pub struct Export {
    /// The form of the lines on standard output.
    #[arg(long, value_enum, default_value = "ndjson")]
    form: Form,
    /// Only this state: filed, assigned, taken-up, waiting, answered, returned, reopened, merged or closed.
    #[arg(long)]
    state: Option<String>,
    /// Entered at this instant or later, RFC 3339.
    #[arg(long)]
    from: Option<String>,
    /// Entered before this instant, RFC 3339.
    #[arg(long)]
    until: Option<String>,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    call: CallArgs,
}

impl Export {
    pub async fn run(self) -> Result<(), Failure> {
        let state = self
            .state
            .as_deref()
            .map(|state| constant("COMPLAINT_STATE", state));
        let query = || {
            Query::default()
                .with("state", state.as_ref())
                .with("start_time", self.from.as_ref())
                .with("end_time", self.until.as_ref())
                .purpose(&self.why, PurposeCode::Assistance)
        };
        if self.form == Form::Csv {
            say_row(COLUMNS.map(str::to_owned).to_vec())?;
        }
        every(&self.call, "/v1/hotline-orders", "orders", query, |order| {
            match self.form {
                Form::Ndjson => say!("{order}"),
                Form::Csv => say_row(COLUMNS.map(|column| text(&order[column])).to_vec())?,
            }
            Ok(())
        })
        .await
    }
}

fn say_row(cells: Vec<String>) -> Result<(), Failure> {
    say_part!("{}", row(cells).map_err(Failure::Because)?);
    Ok(())
}

/// A row of RFC 4180. A cell that a spreadsheet would take for a formula is a text to it.
fn row(cells: Vec<String>) -> Result<String, String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let cells = cells.into_iter().map(|cell| {
        if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            format!("'{cell}")
        } else {
            cell
        }
    });
    writer.write_record(cells).map_err(|error| error.to_string())?;
    let bytes = writer.into_inner().map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_keeps_commas_quotes_and_lines_and_is_no_formula() {
        let cells = ["a,b", "c\"d", "e\nf", "=1+1", "@x", ""]
            .map(str::to_owned)
            .to_vec();
        let written = row(cells).unwrap();
        assert_eq!(written, "\"a,b\",\"c\"\"d\",\"e\nf\",'=1+1,'@x,\n");
    }

    #[test]
    fn every_column_is_a_field_of_the_contract() {
        let pool = lutong_proto::descriptor_pool();
        let status = pool.get_message_by_name("lutong.complaint.v1.HotlineOrderStatus");
        let status = status.unwrap();
        for column in COLUMNS {
            assert!(status.get_field_by_name(column).is_some(), "{column}");
        }
    }

    #[test]
    fn a_status_is_read_by_its_columns() {
        let status = serde_json::json!({"hotline_number": "SD1", "secret_caller": true});
        assert_eq!(COLUMNS.map(|column| text(&status[column]))[0], "SD1");
    }
}
