//! What became of each row of a file: printed, and written to a file.

use std::collections::BTreeMap;
use std::path::Path;

use lutong_client::Failure;
use lutong_client::client::{Calls, failed, to_json};
use lutong_client::output::in_language;
use lutong_proto::declaration::v1::application_import_service_client::ApplicationImportServiceClient;
use lutong_proto::declaration::v1::{
    ApplicationImport, ApplicationImportRow, ApplicationImportRowState, ApplicationImportState,
    ListApplicationImportRowsRequest,
};
use lutong_proto::types::v1::{FieldError, LocalisedText};
use serde_json::{Value, json};

/// A row that is refused, here or by the service.
pub struct RefusedRow {
    pub line: u64,
    pub errors: Vec<FieldError>,
}

/// How an import ended.
pub struct Report {
    import: ApplicationImport,
    /// The lines of the rows that were sent.
    lines: Vec<u64>,
    /// By line.
    refused: BTreeMap<u64, Vec<FieldError>>,
}

impl Report {
    /// Reads which of the rows that were sent are refused.
    pub async fn read(
        imports: &mut ApplicationImportServiceClient<Calls>,
        import: ApplicationImport,
        lines: &[u64],
        unreadable: Vec<RefusedRow>,
    ) -> Result<Self, Failure> {
        let mut refused: BTreeMap<_, _> = unreadable.into_iter().map(|row| (row.line, row.errors)).collect();
        let mut page_token = String::new();
        loop {
            let request = ListApplicationImportRowsRequest {
                name: import.name.clone(),
                state: ApplicationImportRowState::Refused.into(),
                page_size: 1_000,
                page_token,
            };
            let answer = imports.list_application_import_rows(request).await;
            let answer = answer.map_err(|status| failed(&status))?.into_inner();
            for ApplicationImportRow { row, errors, .. } in answer.rows {
                let index = usize::try_from(row - 1).ok();
                if let Some(line) = index.and_then(|index| lines.get(index)) {
                    refused.insert(*line, errors);
                }
            }
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                return Ok(Self {
                    import,
                    lines: lines.to_vec(),
                    refused,
                });
            }
        }
    }

    /// Whether every row of the file is registered.
    pub fn is_clean(&self) -> bool {
        self.refused.is_empty() && self.import.state() == ApplicationImportState::Succeeded
    }

    /// Writes a line for every row: registered, or each of its errors. Nothing of what a row says is repeated.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let mut lines: Vec<u64> = self.lines.iter().chain(self.refused.keys()).copied().collect();
        lines.sort_unstable();
        lines.dedup();
        // Excel reads a CSV without a byte order mark in the system's encoding.
        let mut writer = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
        writer.write_record(["line", "state", "field", "reason", "message"])?;
        for line in lines {
            let number = line.to_string();
            let Some(errors) = self.refused.get(&line) else {
                writer.write_record([number.as_str(), "REGISTERED", "", "", ""])?;
                continue;
            };
            for error in errors {
                let message = text(error.message.as_ref());
                writer.write_record([&number, "REFUSED", &error.field, &error.reason, message])?;
            }
        }
        let bytes = writer
            .into_inner()
            .map_err(|error| Failure::Because(error.to_string()))?;
        std::fs::write(path, bytes).map_err(|error| Failure::Because(format!("{}: {error}", path.display())))
    }

    pub fn say(&self, result: &Path) {
        for (line, errors) in &self.refused {
            for error in errors {
                let (field, reason, said) = (&error.field, &error.reason, text(error.message.as_ref()));
                tell!(
                    "第 {line} 行：{field}：{reason}：{said}",
                    "line {line}: {field}: {reason}: {said}"
                );
            }
        }
        let (registered, refused) = (self.import.registered, self.refused.len());
        let state = self.import.state().as_str_name();
        let state = state.trim_start_matches("APPLICATION_IMPORT_STATE_");
        let result = result.display();
        tell!(
            "已登记 {registered}，拒收 {refused}；{state}；结果见 {result}",
            "{registered} registered, {refused} refused; {state}; written to {result}"
        );
    }

    /// The import as the API answers it, and the refused rows by their lines.
    pub fn say_json(&self) {
        let error = |error: &FieldError| to_json("lutong.types.v1.FieldError", error);
        let rows: Vec<Value> = self
            .refused
            .iter()
            .map(|(line, errors)| json!({"line": line, "errors": errors.iter().map(error).collect::<Vec<_>>()}))
            .collect();
        let import = to_json("lutong.declaration.v1.ApplicationImport", &self.import);
        say!("{}", json!({"application_import": import, "refused": rows}));
    }
}

fn text(message: Option<&LocalisedText>) -> &str {
    message.map_or("", |message| in_language(&message.zh, &message.en))
}
