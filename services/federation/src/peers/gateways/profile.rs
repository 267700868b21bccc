//! How requests are signed. Sources: published clients of each platform.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use lutong_kernel::Timestamp;
use lutong_storage::crypto::hex;
use md5::Md5;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A profile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// The national government-service platform, interface sharing: `gjzwfwpt_*`, HMAC-SHA-256 over sid, rid and time in milliseconds.
    #[default]
    GovernmentPlatform,
    /// The national data-exchange platform: `gjgxjhpt_*`, signed alike with a secret that is fetched, opened with AES under the app key, and expires.
    DataExchange,
    /// TIF (Guangdong, Beijing, health insurance): `x-tif-*`, SHA-256 over time in seconds, token and nonce; good for 180 seconds.
    Tif,
    /// A provincial interface platform with three tiers of secrets: `appKey`, `sign`, `requestTime`, MD5; the last tier lives 15 minutes.
    AppSecretTiers,
}

/// As whom a request is made, and of which interface.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// rid, paasid or appKey.
    pub requester: &'a str,
    /// sid; empty where there is none.
    pub service: &'a str,
}

/// What makes a request one of its own.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    pub at: Timestamp,
    pub nonce: [u8; 8],
}

impl Profile {
    pub const fn fetches_secret(self) -> bool {
        matches!(self, Self::DataExchange | Self::AppSecretTiers)
    }

    pub const fn has_service(self) -> bool {
        matches!(self, Self::GovernmentPlatform | Self::DataExchange)
    }

    /// Whether a code says that the request was answered.
    pub fn is_good(self, code: &str) -> bool {
        match self {
            Self::GovernmentPlatform => code == "200",
            Self::DataExchange | Self::Tif => code == "0",
            Self::AppSecretTiers => code == "00",
        }
    }

    /// Whether a refusal stands whatever the secret: asking again is forbidden.
    pub fn is_final(self, code: &str) -> bool {
        match self {
            Self::DataExchange => matches!(code, "-1" | "E-106"),
            Self::AppSecretTiers => code == "18",
            Self::GovernmentPlatform | Self::Tif => false,
        }
    }

    /// The headers of a signed request.
    pub fn sign(self, by: Identity<'_>, secret: &str, stamp: &Stamp) -> Vec<(String, String)> {
        let Identity { requester, service } = by;
        match self {
            Self::GovernmentPlatform => of_platform("gjzwfwpt", requester, service, secret, stamp.at),
            Self::DataExchange => of_platform("gjgxjhpt", requester, service, secret, stamp.at),
            Self::Tif => tif(requester, secret, stamp),
            Self::AppSecretTiers => {
                let time = stamp.at.millis().to_string();
                vec![
                    ("appKey".to_owned(), requester.to_owned()),
                    ("sign".to_owned(), md5_signature(requester, secret, &time)),
                    ("requestTime".to_owned(), time),
                ]
            }
        }
    }
}

fn of_platform(prefix: &str, rid: &str, sid: &str, secret: &str, at: Timestamp) -> Vec<(String, String)> {
    let time = at.millis().to_string();
    let mut fields = vec![
        (format!("{prefix}_rid"), rid.to_owned()),
        (format!("{prefix}_sid"), sid.to_owned()),
        (format!("{prefix}_rtime"), time.clone()),
    ];
    // HMAC takes keys of every length.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) {
        mac.update(format!("{sid}{rid}{time}").as_bytes());
        let sign = BASE64_STANDARD.encode(mac.finalize().into_bytes());
        fields.push((format!("{prefix}_sign"), sign));
    }
    fields
}

/// The headers of TIF, of a system that asks in its own name.
fn tif(paasid: &str, token: &str, stamp: &Stamp) -> Vec<(String, String)> {
    let time = stamp.at.seconds().to_string();
    let nonce = hex(&stamp.nonce);
    let signed = format!("{time}{token}{nonce}{time}");
    let signature = hex(&Sha256::digest(signed.as_bytes())).to_uppercase();
    let fields = [
        ("x-tif-paasid", paasid.to_owned()),
        ("x-tif-timestamp", time),
        ("x-tif-nonce", nonce),
        ("x-tif-signature", signature),
    ];
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// MD5 over app key, secret and time: what the platform takes.
pub fn md5_signature(app_key: &str, secret: &str, time: &str) -> String {
    hex(&Md5::digest(format!("{app_key}{secret}{time}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity<'static> {
        Identity {
            requester: "rid-1",
            service: "sid-1",
        }
    }

    fn stamp() -> Stamp {
        Stamp {
            at: Timestamp::from_micros(1_669_428_000_123_000),
            nonce: [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef],
        }
    }

    fn value<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
        fields
            .iter()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }

    /// `python3 -c 'import hmac,base64;print(base64.b64encode(hmac.digest(b"secret-1", b"sid-1rid-11669428000123", "sha256")))'`
    #[test]
    fn the_platforms_sign_service_requester_and_time_in_milliseconds() {
        for (profile, prefix) in [
            (Profile::GovernmentPlatform, "gjzwfwpt"),
            (Profile::DataExchange, "gjgxjhpt"),
        ] {
            let fields = profile.sign(identity(), "secret-1", &stamp());
            assert_eq!(
                value(&fields, &format!("{prefix}_sign")),
                "LEQxUFGehHkju7c1jvdwvlV4eQT9CJHMnzzZ9jpAxws="
            );
            assert_eq!(value(&fields, &format!("{prefix}_rtime")), "1669428000123");
            assert_eq!(value(&fields, &format!("{prefix}_rid")), "rid-1");
            assert_eq!(value(&fields, &format!("{prefix}_sid")), "sid-1");
        }
    }

    /// `hashlib.sha256(b"1669428000" b"token-1" b"0123456789abcdef" b"1669428000")`
    #[test]
    fn tif_signs_the_seconds_twice() {
        let fields = Profile::Tif.sign(identity(), "token-1", &stamp());
        assert_eq!(
            value(&fields, "x-tif-signature"),
            "5458A7AEC681F70B698E6773CFA687B97FFFE00E6096E1BCB9AAB8751C9B5014"
        );
        assert_eq!(value(&fields, "x-tif-timestamp"), "1669428000");
        assert_eq!(value(&fields, "x-tif-paasid"), "rid-1");
    }

    /// `hashlib.md5(b"app-1" b"secret-1" b"1669428000123")`
    #[test]
    fn the_tiers_sign_app_key_secret_and_time() {
        assert_eq!(
            md5_signature("app-1", "secret-1", "1669428000123"),
            "5457716993c559dac93537b9ab26a667"
        );
        let fields = Profile::AppSecretTiers.sign(identity(), "secret-1", &stamp());
        assert_eq!(value(&fields, "requestTime"), "1669428000123");
        assert_eq!(value(&fields, "appKey"), "rid-1");
    }
}
