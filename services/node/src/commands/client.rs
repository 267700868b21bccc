//! Talking to a running mesh through its public gateway.

use std::time::Duration;

use clap::Args;
use lutong_chassis::entropy::Entropy;
use lutong_chassis::wall_clock::WallClock;
use lutong_kernel::{Clock as _, RequestId, Timestamp};
use lutong_proto::time;
use prost_reflect::DynamicMessage;
use serde_json::Value;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::Failure;
use super::api::Api;
use crate::output::in_language;

/// Where the mesh is and who asks.
#[derive(Debug, Clone, Args)]
pub struct Target {
    /// The gateway: an address, with or without its scheme.
    #[arg(long, env = "LUTONG_ENDPOINT", default_value = "http://127.0.0.1:8080")]
    endpoint: String,
    /// Sign in as this account at the development identity provider.
    #[arg(long)]
    account: Option<String>,
    /// A session instead.
    #[arg(
        long,
        env = "LUTONG_SESSION",
        hide_env_values = true,
        conflicts_with = "account"
    )]
    session: Option<String>,
}

/// A session's calls.
pub type Calls = InterceptedService<Channel, Bearer>;

/// Puts the session into each call.
#[derive(Clone)]
pub struct Bearer {
    session: MetadataValue<Ascii>,
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, Status> {
        let metadata = request.metadata_mut();
        metadata.insert("authorization", self.session.clone());
        Ok(request)
    }
}

/// A gateway.
#[derive(Clone)]
pub struct Gateway {
    base: String,
    channel: Channel,
}

impl Gateway {
    pub fn at(base: &str) -> Result<Self, Failure> {
        let base = &*super::api::base_of(base)?;
        let endpoint = Endpoint::from_shared(base.to_owned())
            .map_err(|error| Failure::Input(format!("{base}: {error}")))?;
        Ok(Self {
            base: base.trim_end_matches('/').to_owned(),
            channel: endpoint
                .connect_timeout(Duration::from_secs(5))
                .tcp_nodelay(true)
                .connect_lazy(),
        })
    }

    /// Signs in at the development identity provider.
    pub async fn sign_in(&self, account: &str) -> Result<Calls, Failure> {
        let token = self.session_of(account).await?;
        self.with_session(&token)
    }

    async fn session_of(&self, account: &str) -> Result<String, Failure> {
        Api::at(&self.base)?.sign_in(account).await
    }

    /// Calls with a session.
    pub fn with_session(&self, token: &str) -> Result<Calls, Failure> {
        let unprintable = |_| Failure::Input("the session is not printable ASCII".to_owned());
        let session = format!("Bearer {token}").parse().map_err(unprintable)?;
        Ok(InterceptedService::new(self.channel.clone(), Bearer { session }))
    }
}

impl Target {
    pub async fn calls(&self) -> Result<Calls, Failure> {
        let gateway = Gateway::at(&self.endpoint)?;
        let session = self.session_at(&gateway.base).await?;
        gateway.with_session(&session)
    }

    /// The same over JSON.
    pub async fn api(&self) -> Result<Api, Failure> {
        let api = Api::at(&self.endpoint)?;
        let session = self.session_at(api.base()).await?;
        Ok(api.with_session(session))
    }

    /// Over JSON, as anybody where nobody is said.
    pub async fn api_of_anybody(&self) -> Result<Api, Failure> {
        match (&self.account, &self.session) {
            (None, None) => Api::at(&self.endpoint),
            _ => self.api().await,
        }
    }

    async fn session_at(&self, base: &str) -> Result<String, Failure> {
        match (&self.account, &self.session) {
            (Some(account), _) => Api::at(base)?.sign_in(account).await,
            (None, Some(session)) => Ok(session.clone()),
            (None, None) => Err(Failure::Input(
                in_language(
                    "以谁的名义？--account 账号（仅开发环境）或 --session 会话（也可用 LUTONG_SESSION）",
                    "who asks? --account ACCOUNT (development only) or --session SESSION (also LUTONG_SESSION)",
                )
                .to_owned(),
            )),
        }
    }
}

pub fn new_request_id() -> String {
    RequestId::new(WallClock.now(), &Entropy).to_string()
}

/// An instant for people; empty where there is none.
pub fn when(at: Option<&prost_types::Timestamp>) -> String {
    at.map(|at| Timestamp::from_micros(time::to_micros(at)).to_rfc3339())
        .unwrap_or_default()
}

/// A message of the contract exactly as the API answers it.
pub fn to_json(name: &str, message: &impl prost::Message) -> Value {
    let pool = lutong_proto::descriptor_pool();
    let Some(descriptor) = pool.get_message_by_name(name) else {
        return Value::Null;
    };
    let dynamic = DynamicMessage::decode(descriptor, &*message.encode_to_vec());
    dynamic
        .map(|message| lutong_gateway::answer_json(&message))
        .unwrap_or_default()
}

/// A message of the contract from its JSON.
pub fn from_json<M: prost::Message + Default>(name: &str, json: &str) -> Result<M, String> {
    let pool = lutong_proto::descriptor_pool();
    let descriptor = pool.get_message_by_name(name);
    let descriptor = descriptor.ok_or_else(|| format!("the contract has no {name}"))?;
    let mut json = serde_json::Deserializer::from_str(json);
    let message = DynamicMessage::deserialize(descriptor, &mut json).map_err(|error| error.to_string())?;
    json.end().map_err(|error| error.to_string())?;
    message.transcode_to().map_err(|error| error.to_string())
}

/// What went wrong, for a person: reason, field by field.
pub fn explain(status: &Status) -> String {
    let details = status.get_error_details();
    let reason = details
        .error_info()
        .map_or_else(|| format!("{:?}", status.code()), |info| info.reason.clone());
    if details.error_info().is_none() && status.code() == Code::Unavailable {
        return super::api::unreachable();
    }
    let zh = details.localized_message().map(|text| text.message.as_str());
    let text = in_language(zh.unwrap_or(status.message()), status.message());
    let mut said = format!("{reason}: {text}");
    for field in details
        .bad_request()
        .map(|bad| bad.field_violations.clone())
        .unwrap_or_default()
    {
        let zh = field.localized_message.as_ref().map(|text| text.message.as_str());
        let text = in_language(zh.unwrap_or(&field.description), &field.description);
        said.push_str(&format!("\n  {}: {text}", field.field));
    }
    said
}

/// The stable reason of an error.
pub fn reason(status: &Status) -> String {
    status
        .get_error_details()
        .error_info()
        .map(|info| info.reason.clone())
        .unwrap_or_default()
}

/// As a failure of the command: what was sent is wrong, or the mesh refused or could not.
pub fn failed(status: &Status) -> Failure {
    match status.code() {
        Code::InvalidArgument | Code::OutOfRange => Failure::Input(explain(status)),
        _ => Failure::Because(explain(status)),
    }
}
