//! The settings with which the product finds the stand-ins in place of the providers.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{
    ALIPAY_APP_ID, APP_ID, CARD_APP_ID, CARD_ORGANISATION, CARD_REFUSED, CARD_SECRET, CLIENT_ID,
    NATIONAL_REQUESTER, NATIONAL_SECRET, NATIONAL_SERVICE, SECRET, StandIns, alipay,
};

impl StandIns {
    /// The setting `gateway.channels`, with every channel on. Their secrets are written into the folder.
    pub fn channels(&self, public_url: &str, folder: &Path) -> io::Result<Value> {
        let file = |name: &str, text: &str| -> io::Result<PathBuf> {
            let path = folder.join(name);
            std::fs::write(&path, text)?;
            Ok(path)
        };
        let base = &self.base;
        Ok(json!({
            "public_url": public_url,
            "wechat": {
                "app_id": APP_ID,
                "secret_file": file("wechat.secret", SECRET)?,
                "authorize_url": format!("{base}/wechat/connect/oauth2/authorize"),
                "token_url": format!("{base}/wechat/sns/oauth2/access_token"),
            },
            "wechat_mini": {
                "app_id": APP_ID,
                "secret_file": file("wechat-mini.secret", SECRET)?,
                "session_url": format!("{base}/wechat/sns/jscode2session"),
            },
            "alipay": {
                "app_id": ALIPAY_APP_ID,
                "private_key_file": file("alipay.app.pem", alipay::APP_PRIVATE_KEY)?,
                "alipay_public_key_file": file("alipay.public.pem", alipay::ALIPAY_PUBLIC_KEY)?,
                "authorize_url": format!("{base}/alipay/authorize"),
                "gateway_url": format!("{base}/alipay/gateway.do"),
            },
            "aishandong": {
                "issuer": format!("{base}/oidc"),
                "client_id": CLIENT_ID,
                "secret_file": file("aishandong.secret", SECRET)?,
                "algorithms": ["ES256"],
                "claims": {
                    "assurance": "auth_level", "verified_by": ["L3"], "full_name": "name",
                    "resident_id": "id_card", "mobile": "phone_number",
                },
            },
        }))
    }

    /// The setting `identity`, with the real-name check and the gateway of messages.
    pub fn identity(&self, folder: &Path) -> io::Result<Value> {
        let credential = folder.join("authority.token");
        std::fs::write(&credential, SECRET)?;
        let base = &self.base;
        Ok(json!({
            "messages": {"url": format!("{base}/messages"), "credential_file": credential},
            "real_name": {"url": format!("{base}/authority/real-name"), "credential_file": credential},
            "card_platform": self.card_platform("open-platform", folder)?,
        }))
    }

    /// The setting `federation.national` for a profile: `government-platform`, `data-exchange`, `tif` or `app-secret-tiers`.
    pub fn national(&self, profile: &str, folder: &Path) -> io::Result<Value> {
        let secret = folder.join("national.secret");
        std::fs::write(&secret, NATIONAL_SECRET)?;
        let base = format!("{}/national/{profile}", self.base);
        let (has_service, fetches) = match profile {
            "tif" => (false, false),
            "app-secret-tiers" => (false, true),
            "data-exchange" => (true, true),
            _ => (true, false),
        };
        let interface = match profile {
            "app-secret-tiers" => "zhejiang-1",
            _ => "national-platform-1",
        };
        Ok(json!({
            "interface": interface,
            "gateway": {
                "name": "national",
                "url": format!("{base}/query"),
                "profile": profile,
                "requester": NATIONAL_REQUESTER,
                "service": if has_service { NATIONAL_SERVICE } else { "" },
                "secret_file": secret,
                "secret_url": if fetches { format!("{base}/secret") } else { String::new() },
            },
        }))
    }

    /// The setting `identity.card_platform` for a family of interfaces: `open-platform` or `card-management`.
    pub fn card_platform(&self, family: &str, folder: &Path) -> io::Result<Value> {
        let secret = folder.join("card.secret");
        std::fs::write(&secret, CARD_SECRET)?;
        let path = match family {
            "card-management" => "management",
            _ => "open",
        };
        Ok(json!({
            "url": format!("{}/card/{path}", self.base),
            "family": family,
            "app_id": CARD_APP_ID,
            "secret_file": secret,
            "organisation": CARD_ORGANISATION,
            "refused_codes": [CARD_REFUSED],
        }))
    }
}
