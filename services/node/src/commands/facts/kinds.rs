//! `facts kinds`: what can be reported, as the contract says.

use clap::Args;
use lutong_proto::declaration::v1::feed_service_client::FeedServiceClient;
use lutong_proto::declaration::v1::{FactAttribute, FactKind, ListFactKindsRequest};
use lutong_proto::types::v1::LocalisedText;
use serde_json::json;

use crate::commands::Failure;
use crate::commands::client::{Target, failed, to_json};

#[derive(Debug, Args)]
pub struct Kinds {
    /// One kind only, for example `close_contact`.
    kind: Option<String>,
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Kinds {
    pub async fn run(self) -> Result<(), Failure> {
        let mut client = FeedServiceClient::new(self.target.calls().await?);
        let (mut kinds, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListFactKindsRequest {
                page_size: 0,
                page_token,
            };
            let page = client
                .list_fact_kinds(request)
                .await
                .map_err(|status| failed(&status))?;
            let page = page.into_inner();
            kinds.extend(page.fact_kinds);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        if let Some(kind) = &self.kind {
            kinds.retain(|one| one.fact_kind_id == *kind);
            if kinds.is_empty() {
                return Err(Failure::Input(format!(
                    "{kind}: there is no such kind; `lutong facts kinds` lists them"
                )));
            }
        }
        if self.json {
            let kinds: Vec<_> = kinds
                .iter()
                .map(|kind| to_json("lutong.declaration.v1.FactKind", kind))
                .collect();
            say!("{}", json!({"fact_kinds": kinds}));
        } else {
            kinds.iter().for_each(say);
        }
        Ok(())
    }
}

fn text(text: Option<&LocalisedText>) -> String {
    text.map(|text| format!("{} {}", text.zh, text.en))
        .unwrap_or_default()
}

fn say(kind: &FactKind) {
    let reporters = match (kind.reportable, kind.authorities.is_empty()) {
        (false, _) => "no feed".to_owned(),
        (true, true) => "whoever is granted it".to_owned(),
        (true, false) => kind.authorities.join(", "),
    };
    say!(
        "{}  {}  [{reporters}]",
        kind.fact_kind_id,
        text(kind.title.as_ref())
    );
    for attribute in &kind.attributes {
        say!("    {}  {}", attribute.attribute, described(attribute));
    }
}

fn described(attribute: &FactAttribute) -> String {
    let shape = attribute.r#type().as_str_name();
    let shape = shape.trim_start_matches("FACT_ATTRIBUTE_TYPE_").to_lowercase();
    let mut parts = vec![text(attribute.title.as_ref()), shape];
    if attribute.required {
        parts.push("required".to_owned());
    }
    if let Some(most) = attribute.max_chars {
        parts.push(format!("at most {most} characters"));
    }
    if let (Some(least), Some(greatest)) = (attribute.min, attribute.max) {
        parts.push(format!("{least} to {greatest}"));
    }
    if !attribute.values.is_empty() {
        let words: Vec<_> = attribute.values.iter().map(|value| value.word.as_str()).collect();
        parts.push(words.join(" | "));
    }
    parts.join(", ")
}
