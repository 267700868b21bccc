//! What other people's data is read or changed for, as a command says it.

use clap::Args;
use lutong_proto::types::v1::PurposeCode;
use serde_json::{Value, json};

/// Goes into the record of the call.
#[derive(Debug, Clone, Args)]
pub struct Why {
    /// What for: case-investigation, management, complaint-review, data-correction, audit, operation, assistance or care.
    /// Without it, what the command is usually for.
    #[arg(long, value_parser = code)]
    purpose: Option<PurposeCode>,
    /// The number of the case or order that it belongs to; nothing personal.
    #[arg(long, value_name = "NUMBER")]
    reference: Option<String>,
}

fn code(text: &str) -> Result<PurposeCode, String> {
    let name = format!("PURPOSE_CODE_{}", text.to_uppercase().replace('-', "_"));
    PurposeCode::from_str_name(&name)
        .filter(|code| *code != PurposeCode::Unspecified)
        .ok_or_else(|| lang!("不是已知的目的", "is none of the purposes"))
}

impl Why {
    /// The purpose as a request carries it.
    pub fn json(&self, usual: PurposeCode) -> Value {
        let code = self.purpose.unwrap_or(usual).as_str_name();
        json!({"code": code, "reference": self.reference.clone().unwrap_or_default()})
    }
}
