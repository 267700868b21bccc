//! `fact-kinds`: the kinds of facts that can be reported.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use lutong_client::Failure;
use lutong_client::noun::{CallArgs, ListArgs, Noun, Query, items, localised, text, word};
use lutong_client::output::in_language;

const NOUN: Noun = Noun {
    collection: "fact-kinds",
    many: "fact_kinds",
    one: "fact_kind",
    columns: &[
        ("种类", "KIND", |one| text(&one["fact_kind_id"])),
        ("名称", "TITLE", |one| localised(&one["title"]).to_owned()),
        ("报送者", "REPORTED BY", reporters),
        ("属性", "ATTRIBUTES", |one| {
            let attributes = items(one, "attributes").iter();
            let names: Vec<_> = attributes.map(|one| text(&one["attribute"])).collect();
            names.join(", ")
        }),
    ],
    details: |one| {
        for attribute in items(one, "attributes") {
            say!("  {}  {}", text(&attribute["attribute"]), described(attribute));
        }
    },
};

#[derive(Debug, Subcommand)]
pub enum FactKinds {
    /// List the kinds, their attributes, and who reports them.
    List(ListArgs),
    /// Show one kind: its attributes with bounds and values.
    Show(Show),
}

#[derive(Debug, Args)]
pub struct Show {
    /// Its name as printed by `list`: `close_contact`.
    kind: String,
    #[command(flatten)]
    call: CallArgs,
}

impl FactKinds {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => NOUN.list(&list, Query::default()).await.map(drop),
            Self::Show(show) => show.run().await,
        }
    }
}

impl Show {
    /// The API has only a list; the answer is a list with this kind.
    async fn run(self) -> Result<(), Failure> {
        let answer = self.call.get("/v1/fact-kinds?page_size=1000").await?;
        let mut kinds = items(&answer, NOUN.many).iter();
        let Some(kind) = kinds.find(|one| one["fact_kind_id"] == self.kind) else {
            let kind = self.kind;
            return Err(Failure::Input(lang!(
                "没有 {kind} 这一种类；lutong fact-kinds list 列出全部",
                "{kind}: there is no such kind; `lutong fact-kinds list` lists them"
            )));
        };
        if self.call.json {
            say!("{}", json!({"fact_kinds": [kind], "next_page_token": ""}));
        } else {
            NOUN.say(&json!({"fact_kind": kind}), false);
        }
        Ok(())
    }
}

fn reporters(kind: &Value) -> String {
    let authorities: Vec<_> = items(kind, "authorities").iter().map(text).collect();
    match (kind["reportable"] == true, authorities.is_empty()) {
        (false, _) => in_language("不由数据源报送", "no feed").to_owned(),
        (true, true) => in_language("获授权者", "whoever is granted it").to_owned(),
        (true, false) => authorities.join(", "),
    }
}

fn described(attribute: &Value) -> String {
    let shape = word(&attribute["type"], "FACT_ATTRIBUTE_TYPE");
    let mut parts = vec![localised(&attribute["title"]).to_owned(), shape];
    if attribute["required"] == true {
        parts.push(in_language("必填", "required").to_owned());
    }
    if let Some(most) = attribute["max_chars"].as_i64() {
        parts.push(lang!("至多 {most} 字", "at most {most} characters"));
    }
    if let (Some(least), Some(greatest)) = (attribute["min"].as_f64(), attribute["max"].as_f64()) {
        parts.push(lang!("{least} 至 {greatest}", "{least} to {greatest}"));
    }
    let values: Vec<_> = items(attribute, "values")
        .iter()
        .map(|value| text(&value["word"]))
        .collect();
    if !values.is_empty() {
        parts.push(values.join(" | "));
    }
    parts.join(", ")
}
