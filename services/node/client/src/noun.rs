//! A collection of the API as a noun of the command line: listed page by page, shown, and changed by actions. For people
//! it is a table in one language, with `--json` the API's answer as it came.

use clap::Args;
use lutong_proto::types::v1::PurposeCode;
use serde_json::{Value, json};

pub use super::answers::{at, constant, items, localised, text, word};
use super::api::{id_of, segment};
use super::client::{Repeatable, Target};
use super::waiting::{self, Host};
use super::why::Why;
use crate::Failure;
use crate::output::{complain, in_language, table};

/// What people are shown of a collection.
pub struct Noun {
    /// As paths and names have it: `key-areas`.
    pub collection: &'static str,
    /// Where a list answers it: `key_areas`.
    pub many: &'static str,
    /// Where other answers have it: `key_area`.
    pub one: &'static str,
    pub columns: &'static [Column],
    /// Below the table, where one is shown.
    pub details: fn(&Value),
}

/// A column's heading in Chinese and in English, and its cell of one resource.
pub type Column = (&'static str, &'static str, fn(&Value) -> String);

/// How an answer is shown, and by whom it is asked for.
#[derive(Debug, Clone, Args)]
pub struct Shown {
    /// Exactly the API's answer, as JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub target: Target,
}

/// One page of a list.
#[derive(Debug, Clone, Args)]
pub struct Page {
    /// How many at the most.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub page_size: u32,
    /// The next page, as the page before says.
    #[arg(long)]
    pub page_token: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub struct Listing {
    #[command(flatten)]
    pub page: Page,
    #[command(flatten)]
    pub shown: Shown,
}

#[derive(Debug, Clone, Args)]
pub struct Show {
    /// As `list` names it, or only what follows the last slash.
    pub name: String,
    #[command(flatten)]
    pub shown: Shown,
}

/// What every change carries.
#[derive(Debug, Clone, Args)]
pub struct Sent {
    #[command(flatten)]
    pub repeatable: Repeatable,
    #[command(flatten)]
    pub shown: Shown,
}

/// An action on one resource.
#[derive(Debug, Clone, Args)]
pub struct Act {
    /// As `list` names it, or only what follows the last slash.
    pub name: String,
    /// Only while it is as it was when its etag was this.
    #[arg(long)]
    pub etag: Option<String>,
    #[command(flatten)]
    pub sent: Sent,
}

/// An action on what concerns other people.
#[derive(Debug, Clone, Args)]
pub struct ActFor {
    #[command(flatten)]
    pub act: Act,
    #[command(flatten)]
    pub why: Why,
}

/// Whether what an action begins is waited for.
#[derive(Debug, Clone, Copy, Args)]
pub struct Wait {
    /// Begin and leave: it goes on by itself, and `lutong operations` says how far it is.
    #[arg(long)]
    pub detach: bool,
}

impl Shown {
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.target.api().await?.get(path).await
    }
}

impl Sent {
    /// Sends a change.
    pub async fn post(&self, path: &str, mut body: Value) -> Result<Value, Failure> {
        body["request_id"] = json!(self.repeatable.request_id());
        self.shown.target.api().await?.post(path, &body).await
    }
}

impl Act {
    /// The beginning of its request.
    pub fn body(&self) -> Value {
        self.etag
            .as_ref()
            .map_or_else(|| json!({}), |etag| json!({"etag": etag}))
    }
}

impl ActFor {
    pub fn body(&self, usual: PurposeCode) -> Value {
        let mut body = self.act.body();
        body["purpose"] = self.why.json(usual);
        body
    }
}

impl Noun {
    pub fn path(&self, name: &str) -> String {
        format!(
            "/v1/{}/{}",
            self.collection,
            segment(id_of(self.collection, name))
        )
    }

    /// One page, said; the answer.
    pub async fn list(&self, listing: &Listing, filters: Query) -> Result<Value, Failure> {
        let path = format!("/v1/{}", self.collection);
        self.list_at(&path, listing, filters).await
    }

    /// The same where the collection has another path.
    pub async fn list_at(&self, path: &str, listing: &Listing, filters: Query) -> Result<Value, Failure> {
        let query = filters.page(&listing.page);
        let answer = listing.shown.get(&query.of(path)).await?;
        if listing.shown.json {
            say!("{answer}");
        } else {
            self.table(items(&answer, self.many));
            say_next(&answer);
        }
        Ok(answer)
    }

    /// One, said; the answer.
    pub async fn show(&self, name: &str, shown: &Shown) -> Result<Value, Failure> {
        let answer = shown.get(&self.path(name)).await?;
        self.say(&answer, shown.json);
        Ok(answer)
    }

    /// Sends `POST …/{name}:{verb}`, and says what it answers.
    pub async fn act(&self, act: &Act, verb: &str, body: Value) -> Result<(), Failure> {
        let path = format!("{}:{verb}", self.path(&act.name));
        let answer = act.sent.post(&path, body).await?;
        self.say(&answer, act.sent.shown.json);
        Ok(())
    }

    /// The same where it begins an operation: says how the resource stands at its end; the last answer.
    pub async fn begin(
        &self,
        host: Host,
        path: &str,
        body: Value,
        sent: (&Sent, Wait),
    ) -> Result<Value, Failure> {
        let json = sent.0.shown.json;
        let (answer, ended) = self.complete(host, path, body, sent).await?;
        self.say(&answer, json);
        waiting::ended_well(ended.as_ref())?;
        Ok(answer)
    }

    /// Sends what begins an operation and, unless it is left to itself, waits for its end: how the resource stands, and the
    /// operation that has ended.
    pub async fn complete(
        &self,
        host: Host,
        path: &str,
        body: Value,
        (sent, wait): (&Sent, Wait),
    ) -> Result<(Value, Option<Value>), Failure> {
        let answer = sent.post(path, body).await?;
        let operation = [&answer["operation"], &answer["effect"]["operation"]]
            .into_iter()
            .find_map(|name| name.as_str().filter(|name| !name.is_empty()));
        let Some(operation) = operation.filter(|_| !wait.detach) else {
            return Ok((answer, None));
        };
        let api = sent.shown.target.api().await?;
        let ended = waiting::follow(&api, host, operation).await?;
        let answer = api.get(&self.path(&text(&answer[self.one]["name"]))).await?;
        Ok((answer, Some(ended)))
    }

    /// One resource, and what an action did to colours.
    pub fn say(&self, answer: &Value, json: bool) {
        if json {
            say!("{answer}");
            return;
        }
        let one = &answer[self.one];
        self.table(std::slice::from_ref(one));
        (self.details)(one);
        if answer["effect"].is_object() {
            say_effect(&answer["effect"]);
        }
    }

    fn table(&self, all: &[Value]) {
        let heading: Vec<&str> = self
            .columns
            .iter()
            .map(|(zh, en, _)| in_language(zh, en))
            .collect();
        let row = |one: &Value| self.columns.iter().map(|(_, _, cell)| cell(one)).collect();
        let rows: Vec<Vec<String>> = all.iter().map(row).collect();
        table(&heading, &rows);
    }
}

/// How to ask for the page after this one.
pub fn say_next(answer: &Value) {
    if let Some(next) = answer["next_page_token"]
        .as_str()
        .filter(|token| !token.is_empty())
    {
        let more = in_language("下一页", "next page");
        complain(format_args!("{more}: --page-token {next}"));
    }
}

/// What a change did to colours.
pub fn say_effect(effect: &Value) {
    let redecided = text(&effect["redecided"]);
    match text(&effect["operation"]) {
        operation if !operation.is_empty() => tell!(
            "重新判定 {redecided} 人；待生效：{operation}",
            "{redecided} people decided about anew; pending: {operation}"
        ),
        _ => tell!(
            "重新判定 {redecided} 人；已生效",
            "{redecided} people decided about anew; in force"
        ),
    }
}

/// The query of a URL.
#[derive(Debug, Default)]
pub struct Query(String);

impl Query {
    /// One more parameter, where it is said.
    pub fn with(mut self, name: &str, value: Option<impl AsRef<str>>) -> Self {
        if let Some(value) = value {
            let sign = if self.0.is_empty() { '?' } else { '&' };
            self.0
                .push_str(&format!("{sign}{name}={}", segment(value.as_ref())));
        }
        self
    }

    /// What other people's data is read for.
    pub fn purpose(self, why: &Why, usual: PurposeCode) -> Self {
        let purpose = why.json(usual);
        let reference = purpose["reference"].as_str().filter(|text| !text.is_empty());
        self.with("purpose.code", purpose["code"].as_str())
            .with("purpose.reference", reference)
    }

    pub fn page(self, page: &Page) -> Self {
        self.with("page_size", Some(page.page_size.to_string()))
            .with("page_token", page.page_token.as_ref())
    }

    pub fn of(&self, path: &str) -> String {
        format!("{path}{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_what_is_said_and_nothing_else() {
        let query = Query::default()
            .with("state", Some("A B"))
            .with("division", None::<&str>)
            .with("level", Some("x"));
        assert_eq!(query.of("/v1/areas"), "/v1/areas?state=A%20B&level=x");
        assert_eq!(Query::default().of("/v1/areas"), "/v1/areas");
    }
}
