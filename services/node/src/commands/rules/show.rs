//! `rules show`: one version of a rule set, as the API answers it.

use clap::Args;
use serde_json::Value;

use super::super::Failure;
use super::super::api::segment;
use super::super::client::Target;

#[derive(Debug, Args)]
pub struct Show {
    /// For example `sd-2020`.
    rule_set: String,
    version: u32,
    /// The API's JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Show {
    pub async fn run(self) -> Result<(), Failure> {
        let path = format!(
            "/v1/rule-sets/{}/versions/{}",
            segment(&self.rule_set),
            self.version
        );
        let answer = self.target.api().await?.get(&path).await?;
        if self.json {
            say!("{answer}");
            return Ok(());
        }
        // The one member of the answer is the version.
        let shown = answer.as_object().and_then(|members| members.values().next());
        for (name, value) in shown.and_then(Value::as_object).into_iter().flatten() {
            match value {
                // A document is shown as it was written.
                Value::String(text) if text.contains('\n') => say!("{name}:\n{text}"),
                Value::String(text) => say!("{name}: {text}"),
                other => say!("{name}: {other}"),
            }
        }
        Ok(())
    }
}
