//! gRPC calls to a running mesh through its public gateway.

use std::time::Duration;

use clap::Args;
use lutong_kernel::{Clock as _, RequestId};
use lutong_operating::entropy::Entropy;
use lutong_operating::wall_clock::WallClock;
use prost_reflect::DynamicMessage;
use serde_json::Value;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::api::Api;
use super::connection::{Connection, Transport, tls_trouble, unreachable};
use crate::Failure;
use crate::output::in_language;

/// The gateway to call, and on whose behalf: an account's certificate, or a session.
#[derive(Debug, Clone, Args)]
pub struct Target {
    #[command(flatten)]
    connection: Connection,
    /// Sign in as this account at the development identity provider.
    #[arg(long)]
    account: Option<String>,
    /// The session token to use.
    #[arg(
        long,
        env = "LUTONG_SESSION",
        hide_env_values = true,
        conflicts_with = "account"
    )]
    session: Option<String>,
}

/// The request id of a mutation.
#[derive(Debug, Clone, Args)]
pub struct RequestIdArgs {
    /// Id of the request; sending it again with the same id has no second effect.
    #[arg(long)]
    request_id: Option<String>,
}

impl RequestIdArgs {
    pub fn request_id(&self) -> String {
        self.request_id.clone().unwrap_or_else(new_request_id)
    }
}

/// Calls of one account.
pub type Calls = InterceptedService<Channel, Bearer>;

/// Adds the session to each call; without one, the connection's certificate names the account.
#[derive(Clone)]
pub struct Bearer {
    session: Option<MetadataValue<Ascii>>,
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, Status> {
        if let Some(session) = &self.session {
            request.metadata_mut().insert("authorization", session.clone());
        }
        Ok(request)
    }
}

/// A connection to a gateway.
#[derive(Clone)]
pub struct Gateway {
    transport: Transport,
    channel: Channel,
}

impl Gateway {
    /// A gateway without TLS.
    pub fn at(base: &str) -> Result<Self, Failure> {
        Self::over(Transport::plain(base)?)
    }

    fn over(transport: Transport) -> Result<Self, Failure> {
        let base = transport.base();
        let wrong = |error: &dyn std::fmt::Display| Failure::Input(format!("{base}: {error}"));
        let origin = base.parse::<http::Uri>().map_err(|error| wrong(&error))?;
        // The connector does TLS itself, for better error messages; with an https URI tonic would add its own.
        let without_tls = base.replacen("https://", "http://", 1);
        let endpoint = Endpoint::from_shared(without_tls).map_err(|error| wrong(&error))?;
        let channel = endpoint
            .origin(origin)
            .connect_timeout(Duration::from_secs(5))
            .connect_with_connector_lazy(transport.connector("h2"));
        Ok(Self { transport, channel })
    }

    /// Signs in at the development identity provider.
    pub async fn sign_in(&self, account: &str) -> Result<Calls, Failure> {
        let token = Api::over(&self.transport).sign_in(account).await?;
        self.with_session(&token)
    }

    /// The same gateway over JSON, without a session.
    pub fn api(&self) -> Api {
        Api::over(&self.transport)
    }

    /// Calls with a session.
    pub fn with_session(&self, token: &str) -> Result<Calls, Failure> {
        let unprintable = |_| Failure::Input("the session is not printable ASCII".to_owned());
        let session = format!("Bearer {token}").parse().map_err(unprintable)?;
        Ok(self.calls(Some(session)))
    }

    fn calls(&self, session: Option<MetadataValue<Ascii>>) -> Calls {
        InterceptedService::new(self.channel.clone(), Bearer { session })
    }
}

impl Target {
    pub async fn calls(&self) -> Result<Calls, Failure> {
        let transport = self.transport()?;
        let session = self.session_over(&transport).await?;
        let gateway = Gateway::over(transport)?;
        match session {
            Some(session) => gateway.with_session(&session),
            None => Ok(gateway.calls(None)),
        }
    }

    /// Like [`Self::calls`], over JSON.
    pub async fn api(&self) -> Result<Api, Failure> {
        let transport = self.transport()?;
        let session = self.session_over(&transport).await?;
        let api = Api::over(&transport);
        Ok(match session {
            Some(session) => api.with_session(session),
            None => api,
        })
    }

    /// Like [`Self::api`], anonymous if no account is given.
    pub async fn api_of_anybody(&self) -> Result<Api, Failure> {
        match (&self.account, &self.session) {
            (None, None) => Ok(Api::over(&self.transport()?)),
            _ => self.api().await,
        }
    }

    /// Refuses a certificate together with an account or session.
    fn transport(&self) -> Result<Transport, Failure> {
        let other = match (&self.account, &self.session) {
            (Some(_), _) => "--account",
            (None, Some(_)) => "--session (LUTONG_SESSION)",
            (None, None) => return self.connection.transport(),
        };
        if !self.connection.has_certificate() {
            return self.connection.transport();
        }
        Err(Failure::Input(lang!(
            "--certificate (LUTONG_CERTIFICATE) 与 {other} 只能选其一：证书已写明账号",
            "--certificate (LUTONG_CERTIFICATE) and {other} exclude each other: the certificate names the account"
        )))
    }

    /// `None` if the certificate names the account.
    async fn session_over(&self, transport: &Transport) -> Result<Option<String>, Failure> {
        match (&self.account, &self.session) {
            (Some(account), _) => Api::over(transport).sign_in(account).await.map(Some),
            (None, Some(session)) => Ok(Some(session.clone())),
            (None, None) if transport.has_certificate() => Ok(None),
            (None, None) => Err(Failure::Input(
                in_language(
                    "以谁的名义？--certificate 与 --key（账号证书）、--session 会话（LUTONG_SESSION），或 --account 账号（仅开发环境）",
                    "who asks? --certificate and --key of an account, --session SESSION (also LUTONG_SESSION), or --account ACCOUNT (development only)",
                )
                .to_owned(),
            )),
        }
    }
}

pub fn new_request_id() -> String {
    RequestId::new(WallClock.now(), &Entropy).to_string()
}

/// Encodes a message of the contract as the JSON API would.
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

/// Describes an error for a person: its reason, text and field violations.
pub fn explain(status: &Status) -> String {
    let details = status.get_error_details();
    let reason = details
        .error_info()
        .map_or_else(|| format!("{:?}", status.code()), |info| info.reason.clone());
    if details.error_info().is_none() {
        if let Some(trouble) = tls_trouble() {
            return trouble;
        }
        if status.code() == Code::Unavailable {
            return unreachable();
        }
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

/// The reason code of an error.
pub fn reason(status: &Status) -> String {
    status
        .get_error_details()
        .error_info()
        .map(|info| info.reason.clone())
        .unwrap_or_default()
}

/// An error status as a failure: invalid input, or a refused or failed call.
pub fn failed(status: &Status) -> Failure {
    match status.code() {
        Code::InvalidArgument | Code::OutOfRange => Failure::Input(explain(status)),
        _ => Failure::Because(explain(status)),
    }
}
