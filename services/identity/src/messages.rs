//! Text messages to people: through the operator's gateway, or into a file where there is none.
//!
//! A message names nobody and holds no reason and no health data: whoever finds the telephone learns that its owner uses the
//! system, and nothing else.

mod file;
mod http;

use std::path::PathBuf;
use std::time::Duration;

use lutong_chassis::BuildError;
use lutong_https::{HttpsClient, OutsideUrl, Settings};
use lutong_kernel::phone::Mobile;
use serde::{Deserialize, Serialize};

use self::file::FileSender;
use self::http::HttpSender;
use crate::SERVICE;
use crate::one_time_codes::domain::{Digits, Purpose};

/// How messages are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MessagesConfig {
    /// A gateway that takes `formats/messages.md` by POST, `https://…`; empty: messages are written into a file.
    pub url: String,
    /// A file whose text is sent to the gateway as bearer token; read again at each message, so that it can be renewed.
    pub credential_file: Option<PathBuf>,
    /// The authority (PEM) of the gateway's certificate; absent: those that this machine trusts.
    pub ca_file: Option<PathBuf>,
    /// How long the gateway may take, in milliseconds.
    pub timeout_ms: u64,
    /// Where messages are written when there is no gateway, for development: whoever reads it can prove to hold any telephone. Absent:
    /// `messages.ndjson` in the data folder.
    pub file: Option<PathBuf>,
}

impl Default for MessagesConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            credential_file: None,
            ca_file: None,
            timeout_ms: 5_000,
            file: None,
        }
    }
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A one-time code.
    OneTimeCode { digits: Digits, purpose: Purpose },
    /// Somebody used up the tries of a code.
    TriesUsedUp,
    /// Another account shows the code of the owner of this number.
    AccountLinked,
    /// A counter has stated anew what the owner of this number is registered with.
    UpdatedAtCounter,
    /// A family binding of the owner of this number ended, because the ward came of age.
    WardOfAge,
    /// The owner of this number has registered another one in its place.
    MobileChanged,
    /// The code of the owner of this number has another colour. Not which one: a message is read by whoever holds the telephone.
    CodeChanged,
}

/// A message to somebody who is told what happened and whom nothing waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub to: Mobile,
    pub message: Message,
}

/// The message could not be handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendFailure {
    #[error("the gateway of messages did not take it")]
    Refused,
    #[error("the gateway of messages cannot be reached")]
    Unreachable,
    #[error("the file of messages cannot be written")]
    File,
    #[error("the credential of the gateway of messages cannot be read")]
    Credential,
}

/// Sends messages; cheap to clone.
#[derive(Debug, Clone)]
pub enum Messages {
    File(FileSender),
    Http(Box<HttpSender>),
}

impl Message {
    /// Names the template at the gateway, whose operator approves each.
    const fn template(&self) -> &'static str {
        match self {
            Self::OneTimeCode { .. } => "one-time-code",
            Self::TriesUsedUp => "tries-used-up",
            Self::AccountLinked => "account-linked",
            Self::UpdatedAtCounter => "updated-at-counter",
            Self::WardOfAge => "ward-of-age",
            Self::MobileChanged => "mobile-changed",
            Self::CodeChanged => "code-changed",
        }
    }

    /// Chinese first, English second.
    pub fn text(&self) -> String {
        match self {
            Self::OneTimeCode { digits, purpose } => {
                let (zh, en) = match purpose {
                    Purpose::Apply => ("申请健康通行码", "to apply for a pass code"),
                    Purpose::Bind => ("同意家人代为出示您的健康通行码", "to let a family member show your pass code"),
                    Purpose::ChangeMobile => ("将本号码登记为您的手机号码", "to register this number as yours"),
                    Purpose::ReplaceDocument => ("更换您登记的证件或姓名", "to replace your registered document or name"),
                };
                format!(
                    "【鲁通】验证码{code}，5分钟内有效，用于{zh}。工作人员不会向您索要，请勿告诉他人。Code {code}, valid 5 minutes, {en}. Tell it to nobody.",
                    code = digits.expose()
                )
            }
            Self::TriesUsedUp => "【鲁通】有人多次输错发送到本号码的验证码，该验证码已失效。如非本人操作，无需处理。Somebody entered wrong codes for this number; the code is void. If it was not you, there is nothing to do.".to_owned(),
            Self::AccountLinked => "【鲁通】另一账号已通过验证，可出示您的健康通行码。如非本人操作，请立即到服务窗口处理。Another account was verified and can show your pass code. If it was not you, go to a counter at once.".to_owned(),
            Self::UpdatedAtCounter => "【鲁通】服务窗口已更新您登记的手机号码和住址。如非本人办理，请立即到服务窗口处理。A counter has updated the mobile and the address that you are registered with. If it was not you, go to a counter at once.".to_owned(),
            Self::WardOfAge => "【鲁通】被代办人已年满18周岁，家人代办关系已自动解除。如需继续代办，请重新申请并由本人同意。The ward has come of age and the family binding has ended. To go on, ask for a new one, with the ward's consent.".to_owned(),
            Self::MobileChanged => "【鲁通】您已将登记的手机号码更换为其他号码。如非本人操作，请立即到服务窗口处理。Another mobile was registered in place of this number. If it was not you, go to a counter at once.".to_owned(),
            Self::CodeChanged => "【鲁通】您的健康通行码有变化，请打开查看并按提示办理。Your pass code has changed: open it and follow what it says.".to_owned(),
        }
    }
}

impl Messages {
    pub fn new(config: &MessagesConfig) -> Result<Self, BuildError> {
        let wrong = |key: &str, reason: String| BuildError::Config {
            service: SERVICE,
            reason: format!("identity.messages.{key}: {reason}"),
        };
        if config.url.is_empty() {
            let file = config.file.clone();
            let file = file.unwrap_or_else(|| PathBuf::from("messages.ndjson"));
            return Ok(Self::File(FileSender::new(file)));
        }
        let client = HttpsClient::new(Settings {
            name: "messages".to_owned(),
            timeout: Duration::from_millis(config.timeout_ms),
            max_bytes: http::MAX_BYTES,
            ca: config.ca_file.clone(),
        });
        Ok(Self::Http(Box::new(HttpSender {
            url: OutsideUrl::parse(&config.url).map_err(|error| wrong("url", error.to_string()))?,
            client: client.map_err(|error| wrong("ca_file", error.to_string()))?,
            credential: config.credential_file.clone(),
        })))
    }

    /// Hands a message over. It is not repeated: after a failure the caller says so to whoever waits for it.
    pub async fn send(&self, to: &Mobile, message: &Message) -> Result<(), SendFailure> {
        let sent = match self {
            Self::File(file) => file.send(to, message).await,
            Self::Http(gateway) => gateway.send(to, message).await,
        };
        if let Err(failure) = sent {
            tracing::warn!(template = message.template(), %failure, "a message was not sent");
        }
        sent
    }

    /// Tells somebody what nobody waits for.
    pub fn notify(&self, to: Mobile, message: Message) {
        let this = self.clone();
        tokio::spawn(async move { this.send(&to, &message).await });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_the_code_is_for_and_names_nobody() {
        let message = Message::OneTimeCode {
            digits: Digits::parse("012345").unwrap(),
            purpose: Purpose::Bind,
        };
        assert!(message.text().contains("012345") && message.text().contains("家人"));
        assert!(!format!("{message:?}").contains("012345"));
        for message in [
            Message::TriesUsedUp,
            Message::AccountLinked,
            Message::UpdatedAtCounter,
            Message::WardOfAge,
            Message::MobileChanged,
            Message::CodeChanged,
        ] {
            let text = message.text();
            assert!(text.starts_with("【鲁通】"));
            let words: Vec<_> = text.split(|c: char| !c.is_alphanumeric()).collect();
            for colour in ["红", "黄", "绿", "red", "yellow", "green"] {
                let is_said = words.contains(&colour) || !colour.is_ascii() && text.contains(colour);
                assert!(!is_said, "{text}");
            }
        }
    }

    #[tokio::test]
    async fn without_a_gateway_a_message_is_a_line_of_a_file_that_its_owner_alone_reads() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/messages.ndjson");
        let config = MessagesConfig {
            file: Some(file.clone()),
            ..MessagesConfig::default()
        };
        let messages = Messages::new(&config).unwrap();
        let to = Mobile::parse("13800138000").unwrap();
        messages.send(&to, &Message::TriesUsedUp).await.unwrap();
        messages.send(&to, &Message::AccountLinked).await.unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(text.lines().all(|line| line.contains("+8613800138000")));
        assert_eq!(
            std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let nowhere = MessagesConfig {
            file: Some("/proc/nowhere/messages".into()),
            ..MessagesConfig::default()
        };
        let failed = Messages::new(&nowhere)
            .unwrap()
            .send(&to, &Message::TriesUsedUp)
            .await;
        assert_eq!(failed, Err(SendFailure::File));
    }

    #[test]
    fn a_gateway_without_tls_is_refused() {
        let config = MessagesConfig {
            url: "http://sms.example/send".to_owned(),
            ..MessagesConfig::default()
        };
        assert!(
            Messages::new(&config)
                .unwrap_err()
                .to_string()
                .contains("identity.messages.url")
        );
    }
}
