//! The purpose for which other people's data is read or changed, as arguments.

use clap::Args;
use lutong_proto::types::v1::PurposeCode;
use serde_json::{Value, json};

/// Recorded with the call in the audit log.
#[derive(Debug, Clone, Args)]
pub struct Why {
    /// The purpose: case-investigation, management, complaint-review, data-correction, audit, operation, assistance or
    /// care. Default: the usual purpose of the command.
    #[arg(long, value_parser = code)]
    purpose: Option<PurposeCode>,
    /// The number of the case or order it belongs to; no personal data.
    #[arg(long, value_name = "NUMBER")]
    reference: Option<String>,
}

fn code(text: &str) -> Result<PurposeCode, String> {
    let name = format!("PURPOSE_CODE_{}", text.to_uppercase().replace('-', "_"));
    PurposeCode::from_str_name(&name)
        .filter(|code| *code != PurposeCode::Unspecified)
        .ok_or_else(|| lang!("不是已知的目的", "is not a known purpose"))
}

impl Why {
    /// The purpose field of a request.
    pub fn json(&self, usual: PurposeCode) -> Value {
        let code = self.purpose.unwrap_or(usual).as_str_name();
        json!({"code": code, "reference": self.reference.clone().unwrap_or_default()})
    }
}
