//! A collection of the API as a noun of the command line: listed by page, shown, and changed by actions. Prints a table
//! in one language, or with `--json` the API's answer unchanged.

use clap::Args;
use lutong_proto::types::v1::PurposeCode;
use serde_json::{Value, json};

pub use super::answers::{at, constant, items, localised, text, word};
use super::api::{id_of, segment};
use super::client::{RequestIdArgs, Target};
use super::waiting::{self, Host};
use super::why::Why;
use crate::Failure;
use crate::output::{complain, in_language, table};

/// How a collection is addressed and printed.
pub struct Noun {
    /// The name in paths and resource names: `key-areas`.
    pub collection: &'static str,
    /// The field of a list's answer: `key_areas`.
    pub many: &'static str,
    /// The field of other answers: `key_area`.
    pub one: &'static str,
    pub columns: &'static [Column],
    /// Prints more below the table of a single resource.
    pub details: fn(&Value),
}

/// A column: Chinese heading, English heading, and the cell of a resource.
pub type Column = (&'static str, &'static str, fn(&Value) -> String);

/// Arguments of every call: output format, gateway and account.
#[derive(Debug, Clone, Args)]
pub struct CallArgs {
    /// Print the API's answer unchanged, as JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub target: Target,
}

/// Arguments for one page of a list.
#[derive(Debug, Clone, Args)]
pub struct Page {
    /// Maximum number of entries.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub page_size: u32,
    /// The token of the page, as printed below the previous page.
    #[arg(long)]
    pub page_token: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    #[command(flatten)]
    pub page: Page,
    #[command(flatten)]
    pub call: CallArgs,
}

#[derive(Debug, Clone, Args)]
pub struct Show {
    /// As `list` names it, or only what follows the last slash.
    pub name: String,
    #[command(flatten)]
    pub call: CallArgs,
}

/// Arguments for showing a resource that is other people's data.
#[derive(Debug, Clone, Args)]
pub struct PersonalShow {
    #[command(flatten)]
    pub show: Show,
    #[command(flatten)]
    pub why: Why,
}

/// Arguments for one page of a list of other people's data.
#[derive(Debug, Clone, Args)]
pub struct PersonalListArgs {
    #[command(flatten)]
    pub listing: ListArgs,
    #[command(flatten)]
    pub why: Why,
}

/// Arguments of every mutation.
#[derive(Debug, Clone, Args)]
pub struct ChangeArgs {
    #[command(flatten)]
    pub request_id: RequestIdArgs,
    #[command(flatten)]
    pub call: CallArgs,
}

/// Arguments of an action on one resource.
#[derive(Debug, Clone, Args)]
pub struct ActArgs {
    /// As `list` names it, or only what follows the last slash.
    pub name: String,
    /// Act only if the resource still has this etag.
    #[arg(long)]
    pub etag: Option<String>,
    #[command(flatten)]
    pub change: ChangeArgs,
}

/// Arguments of an action that concerns other people's data.
#[derive(Debug, Clone, Args)]
pub struct PersonalActArgs {
    #[command(flatten)]
    pub act: ActArgs,
    #[command(flatten)]
    pub why: Why,
}

/// Whether to wait for the operation that an action starts.
#[derive(Debug, Clone, Copy, Args)]
pub struct WaitArgs {
    /// Do not wait: the operation continues, and `lutong operations` shows its progress.
    #[arg(long)]
    pub detach: bool,
}

impl CallArgs {
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.target.api().await?.get(path).await
    }
}

impl ChangeArgs {
    /// Sends a mutation.
    pub async fn post(&self, path: &str, mut body: Value) -> Result<Value, Failure> {
        body["request_id"] = json!(self.request_id.request_id());
        self.call.target.api().await?.post(path, &body).await
    }
}

impl ActArgs {
    /// The request body, with the etag if given.
    pub fn body(&self) -> Value {
        self.etag
            .as_ref()
            .map_or_else(|| json!({}), |etag| json!({"etag": etag}))
    }
}

impl PersonalActArgs {
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

    /// Prints one page and returns the answer.
    pub async fn list(&self, listing: &ListArgs, filters: Query) -> Result<Value, Failure> {
        let path = format!("/v1/{}", self.collection);
        self.list_at(&path, listing, filters).await
    }

    /// Like [`Self::list`], for a collection at another path.
    pub async fn list_at(&self, path: &str, listing: &ListArgs, filters: Query) -> Result<Value, Failure> {
        let query = filters.page(&listing.page);
        let answer = listing.call.get(&query.of(path)).await?;
        if listing.call.json {
            say!("{answer}");
        } else {
            self.table(items(&answer, self.many));
            say_next(&answer);
        }
        Ok(answer)
    }

    /// Prints one resource and returns the answer.
    pub async fn show(&self, name: &str, shown: &CallArgs) -> Result<Value, Failure> {
        self.show_at(&self.path(name), shown).await
    }

    /// The same for one that is other people's data.
    pub async fn show_personal(&self, shown: &PersonalShow, usual: PurposeCode) -> Result<Value, Failure> {
        let PersonalShow { show, why } = shown;
        let query = Query::default().purpose(why, usual);
        self.show_at(&query.of(&self.path(&show.name)), &show.call).await
    }

    async fn show_at(&self, path: &str, shown: &CallArgs) -> Result<Value, Failure> {
        let answer = shown.get(path).await?;
        self.say(&answer, shown.json);
        Ok(answer)
    }

    /// Sends `POST …/{name}:{verb}` and prints the answer.
    pub async fn act(&self, act: &ActArgs, verb: &str, body: Value) -> Result<(), Failure> {
        let path = format!("{}:{verb}", self.path(&act.name));
        let answer = act.change.post(&path, body).await?;
        self.say(&answer, act.change.call.json);
        Ok(())
    }

    /// Starts an operation, waits for its end unless detached, and prints and returns the resource's final state.
    pub async fn begin(
        &self,
        host: Host,
        path: &str,
        body: Value,
        sent: (&ChangeArgs, WaitArgs),
    ) -> Result<Value, Failure> {
        let json = sent.0.call.json;
        let (answer, ended) = self.complete(host, path, body, sent).await?;
        self.say(&answer, json);
        waiting::ended_well(ended.as_ref())?;
        Ok(answer)
    }

    /// Starts an operation and, unless detached, waits for its end. Returns the resource, and the operation if it was
    /// waited for.
    pub async fn complete(
        &self,
        host: Host,
        path: &str,
        body: Value,
        (sent, wait): (&ChangeArgs, WaitArgs),
    ) -> Result<(Value, Option<Value>), Failure> {
        let answer = sent.post(path, body).await?;
        let operation = [&answer["operation"], &answer["effect"]["operation"]]
            .into_iter()
            .find_map(|name| name.as_str().filter(|name| !name.is_empty()));
        let Some(operation) = operation.filter(|_| !wait.detach) else {
            return Ok((answer, None));
        };
        let api = sent.call.target.api().await?;
        let ended = waiting::follow(&api, host, operation).await?;
        let answer = api.get(&self.path(&text(&answer[self.one]["name"]))).await?;
        Ok((answer, Some(ended)))
    }

    /// Prints one resource and the effect of an action on colours.
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

/// Prints the option that selects the next page.
pub fn say_next(answer: &Value) {
    if let Some(next) = answer["next_page_token"]
        .as_str()
        .filter(|token| !token.is_empty())
    {
        let more = in_language("下一页", "next page");
        complain(format_args!("{more}: --page-token {next}"));
    }
}

/// Prints the effect of a mutation on colours.
pub fn say_effect(effect: &Value) {
    let redecided = text(&effect["redecided"]);
    match text(&effect["operation"]) {
        operation if !operation.is_empty() => tell!(
            "重新判定 {redecided} 人；待生效：{operation}",
            "{redecided} people re-evaluated; pending: {operation}"
        ),
        _ => tell!(
            "重新判定 {redecided} 人；已生效",
            "{redecided} people re-evaluated; in force"
        ),
    }
}

/// The query string of a URL.
#[derive(Debug, Default)]
pub struct Query(String);

impl Query {
    /// Adds a parameter, if there is a value.
    pub fn with(mut self, name: &str, value: Option<impl AsRef<str>>) -> Self {
        if let Some(value) = value {
            let sign = if self.0.is_empty() { '?' } else { '&' };
            self.0
                .push_str(&format!("{sign}{name}={}", segment(value.as_ref())));
        }
        self
    }

    /// Adds the purpose for reading other people's data.
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
