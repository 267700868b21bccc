//! `check`: whether a running mesh works, as seen by a client.

use clap::Args;
use serde_json::{Value, json};

use lutong_client::Failure;
use lutong_client::api::Api;
use lutong_client::connection::Connection;
use lutong_client::output::{in_language, table};

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    connection: Connection,
    /// For machines.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub async fn run(self) -> Result<(), Failure> {
        let api = Api::over(&self.connection.transport()?);
        // If the gateway is unreachable, the error says what to do.
        let contract = api.get("/openapi.json").await?;
        let operations = contract["paths"].as_object().map_or(0, |paths| {
            paths
                .values()
                .filter_map(Value::as_object)
                .map(serde_json::Map::len)
                .sum()
        });
        let signs_in = contract["paths"].get("/v1/dev/sessions").is_some();
        let keys = api.get("/v1/keys").await;
        let (keys_say, is_well) = match &keys {
            Ok(answer) => (answer["keys"].as_array().map_or(0, Vec::len).to_string(), true),
            Err(Failure::Because(said) | Failure::Input(said)) => (said.clone(), false),
            Err(Failure::Failed) => (String::new(), false),
        };
        let version = contract["info"]["version"].as_str().unwrap_or_default();
        if self.json {
            say!(
                "{}",
                json!({"endpoint": api.base(), "version": version, "operations": operations,
                    "development_sign_in": signs_in, "keys": keys_say, "ok": is_well})
            );
        } else {
            let row = |zh: &str, en: &str, value: String| vec![in_language(zh, en).to_owned(), value];
            let rows = [
                row("网关", "gateway", api.base().to_owned()),
                row("版本", "version", version.to_owned()),
                row("接口数", "operations", operations.to_string()),
                row("验码公钥", "verification keys", keys_say),
                row(
                    "开发登录",
                    "development sign-in",
                    in_language(
                        if signs_in { "开启" } else { "关闭" },
                        if signs_in { "on" } else { "off" },
                    )
                    .to_owned(),
                ),
            ];
            table(
                &[in_language("项目", "WHAT"), in_language("结果", "FOUND")],
                &rows,
            );
        }
        if is_well { Ok(()) } else { Err(Failure::Failed) }
    }
}
