//! The secret that signs: given once in a file, or fetched and renewed before its end.

use aes::{Aes128, Aes256};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cipher::{Array, BlockCipherDecrypt, BlockSizeUser, KeyInit};
use lutong_kernel::{Secret, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::profile::{Profile, md5_signature};
use super::reading::{field, text};
use super::settings::GatewayConfig;
use super::{Gateway, GatewayAnswer};

/// A secret is renewed so many seconds before its end.
const EARLY_SECONDS: i64 = 60;
/// Bytes of a secret.
const MAX_SECRET: usize = 512;

/// A secret that was fetched.
#[derive(Clone)]
struct Fetched {
    secret: Secret<String>,
    until: Timestamp,
}

impl Fetched {
    fn is_good(&self, now: Timestamp) -> bool {
        now.plus_seconds(EARLY_SECONDS) < self.until
    }
}

/// What is kept of fetched secrets.
#[derive(Default)]
struct Kept {
    /// It signs requests.
    request: Option<Fetched>,
    /// It fetches the next one; tiers only.
    refresh: Option<Fetched>,
}

/// The secrets of a gateway. One renewal at a time: whoever comes meanwhile waits for it.
pub struct Secrets {
    config: GatewayConfig,
    kept: Mutex<Kept>,
}

impl Secrets {
    pub fn new(config: &GatewayConfig) -> Self {
        Self {
            config: config.clone(),
            kept: Mutex::default(),
        }
    }

    /// The secret that signs now, and whether a new one could be fetched in its place.
    pub async fn get(&self, gateway: &Gateway) -> Option<(String, bool)> {
        if !self.config.profile.fetches_secret() {
            // Read anew, so that it can be replaced.
            return Some((self.given().await?.expose().clone(), false));
        }
        let now = gateway.clock.now();
        let mut kept = self.kept.lock().await;
        if let Some(good) = kept.request.as_ref().filter(|kept| kept.is_good(now)) {
            return Some((good.secret.expose().clone(), true));
        }
        let given = self.given().await?;
        match self.config.profile {
            Profile::AppSecretTiers => self.renew_tiers(gateway, &mut kept, &given, now).await?,
            _ => kept.request = Some(self.fetch(gateway, &given).await?),
        }
        let fetched = kept.request.as_ref()?;
        Some((fetched.secret.expose().clone(), false))
    }

    /// Forgets a secret that was refused, unless another has taken its place.
    pub async fn forget(&self, secret: &str) {
        let mut kept = self.kept.lock().await;
        if kept
            .request
            .as_ref()
            .is_some_and(|kept| kept.secret.expose() == secret)
        {
            kept.request = None;
        }
    }

    /// What the gateway gave once.
    async fn given(&self) -> Option<Secret<String>> {
        let file = self.config.secret_file.as_ref()?;
        let read = tokio::fs::read_to_string(file).await.inspect_err(|error| {
            tracing::error!(file = %file.display(), %error, "the secret of a gateway cannot be read");
        });
        Some(Secret::new(read.ok()?.trim().to_owned()))
    }

    /// The data-exchange platform: signed with the app key; the secret comes under AES with the same.
    async fn fetch(&self, gateway: &Gateway, app_key: &Secret<String>) -> Option<Fetched> {
        let sent = gateway
            .send(&self.config.secret_url, app_key.expose(), &json!({}))
            .await;
        let data = self.good(sent)?;
        let sealed = BASE64_STANDARD.decode(text(field(&data, &["secret"])?)).ok()?;
        let opened = open(app_key.expose().as_bytes(), &sealed).or_else(|| {
            tracing::error!(
                gateway = self.config.name,
                "the secret of a gateway does not open with the app key"
            );
            None
        })?;
        fetched(&opened, field(&data, &["secretEndTime"])?)
    }

    /// The tiers: the app secret fetches a refresh secret, which fetches request secrets.
    async fn renew_tiers(
        &self,
        gateway: &Gateway,
        kept: &mut Kept,
        app_secret: &Secret<String>,
        now: Timestamp,
    ) -> Option<()> {
        let by_refresh = kept.refresh.clone().filter(|kept| kept.is_good(now));
        if let Some(refresh) = by_refresh {
            if let Some(found) = self.tier(gateway, "secret", refresh.secret.expose()).await {
                (kept.request, kept.refresh) = found;
                return Some(());
            }
            kept.refresh = None;
        }
        (kept.request, kept.refresh) = self.tier(gateway, "key", app_secret.expose()).await?;
        Some(())
    }

    async fn tier(
        &self,
        gateway: &Gateway,
        by: &str,
        secret: &str,
    ) -> Option<(Option<Fetched>, Option<Fetched>)> {
        let time = gateway.clock.now().millis().to_string();
        let app_key = &self.config.requester;
        let body = json!({
            "appKey": app_key, "by": by, "requestTime": time, "sign": md5_signature(app_key, secret, &time),
        });
        let sent = gateway.send(&self.config.secret_url, secret, &body).await;
        let data = self.good(sent)?;
        let of = |secret: &str, end: &str| fetched(&text(field(&data, &[secret])?), field(&data, &[end])?);
        let request = of("requestSecret", "requestSecretEndTime")?;
        Some((Some(request), of("refreshSecret", "refreshSecretEndTime")))
    }

    fn good(
        &self,
        sent: Result<GatewayAnswer, crate::colour_maps::domain::RecognitionOutcome>,
    ) -> Option<Value> {
        match sent {
            Ok(GatewayAnswer::Good(answer)) => field(&answer, &["data", "datas"]).cloned(),
            Ok(GatewayAnswer::Refused(code)) => {
                tracing::error!(gateway = self.config.name, code, "a gateway gives no secret");
                None
            }
            Err(outcome) => {
                let reason = outcome.into_str();
                tracing::warn!(
                    gateway = self.config.name,
                    reason,
                    "a gateway gives no secret now"
                );
                None
            }
        }
    }
}

/// A secret and its end in milliseconds since 1970.
fn fetched(secret: &str, end: &Value) -> Option<Fetched> {
    let until: i64 = text(end).parse().ok()?;
    let is_secret = !secret.is_empty() && secret.len() <= MAX_SECRET;
    is_secret.then(|| Fetched {
        secret: Secret::new(secret.to_owned()),
        until: Timestamp::from_micros(until.saturating_mul(1_000)),
    })
}

/// AES in ECB mode with PKCS #7, as the platform's own clients open it. The key has 16 or 32 bytes.
fn open(key: &[u8], sealed: &[u8]) -> Option<String> {
    match key.len() {
        16 => open_with(&Aes128::new_from_slice(key).ok()?, sealed),
        32 => open_with(&Aes256::new_from_slice(key).ok()?, sealed),
        _ => None,
    }
}

fn open_with<C: BlockCipherDecrypt + BlockSizeUser>(cipher: &C, sealed: &[u8]) -> Option<String> {
    if sealed.is_empty() || !sealed.len().is_multiple_of(16) || MAX_SECRET + 16 < sealed.len() {
        return None;
    }
    let mut plain = Vec::with_capacity(sealed.len());
    for chunk in sealed.chunks(16) {
        let mut block = Array::<u8, C::BlockSize>::default();
        block.copy_from_slice(chunk);
        cipher.decrypt_block(&mut block);
        plain.extend_from_slice(&block);
    }
    let padding = usize::from(*plain.last()?);
    let end = plain
        .len()
        .checked_sub(padding)
        .filter(|_| (1..=16).contains(&padding))?;
    let (secret, rest) = plain.split_at(end);
    if rest.iter().any(|byte| usize::from(*byte) != padding) {
        return None;
    }
    String::from_utf8(secret.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf request-secret-1 | openssl enc -aes-128-ecb -K $(printf appkey-012345678 | xxd -p) -base64`
    #[test]
    fn a_secret_is_opened_as_openssl_sealed_it() {
        for (key, sealed, secret) in [
            (
                "appkey-012345678",
                "JIP3560w+IZmFeVIYYzgAVhjxnljFG1973kNUSUY5xs=",
                "request-secret-1",
            ),
            (
                "0123456789abcdef",
                "i9YCMT1vZrXJfn0k/JElPRKk62l+UrUW+BYkI1sy/dI=",
                "request-secret-01",
            ),
        ] {
            let sealed = BASE64_STANDARD.decode(sealed).unwrap();
            assert_eq!(open(key.as_bytes(), &sealed).as_deref(), Some(secret));
            assert_ne!(open(b"another-key-0123", &sealed).as_deref(), Some(secret));
            assert_eq!(open(&key.as_bytes()[1..], &sealed), None);
            assert_eq!(open(key.as_bytes(), &sealed[1..]), None);
            assert_eq!(open(key.as_bytes(), &[]), None);
        }
    }
}
