//! What Alipay's gateway answers. Its signature is over the raw text of one member of the document, as received.

use std::collections::BTreeMap;

use lutong_kernel::Secret;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::signature::AlipayKey;
use crate::failure::{Misconfiguration, RETRY, SignInFailure};
use crate::recognised::Recognised;

pub const METHOD: &str = "alipay.system.oauth.token";
const RESPONSE: &str = "alipay_system_oauth_token_response";
const ERROR: &str = "error_response";

#[derive(Deserialize)]
struct Token {
    /// Applications made since 2023 have this one, the older ones `user_id`.
    open_id: Option<String>,
    user_id: Option<String>,
    /// Absent in a success of this method.
    #[serde(default)]
    code: String,
    #[serde(default)]
    sub_code: String,
}

/// The longest id that is taken, in bytes.
const LONGEST_ID: usize = 128;

pub fn read(body: &str, key: &AlipayKey) -> Result<Recognised, SignInFailure> {
    let members: BTreeMap<String, &RawValue> =
        serde_json::from_str(body).map_err(|_| SignInFailure::Unreadable)?;
    let signature = members
        .get("sign")
        .and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    // Errors are not always signed: one without a signature is believed to be an error and nothing else.
    if let Some(error) = members.get(ERROR) {
        if let Some(signature) = &signature {
            key.verify(error.get(), signature)?;
        }
        return Err(error_of(&parse(error)?));
    }
    let response = members.get(RESPONSE).ok_or(SignInFailure::Unreadable)?;
    let token = parse(response)?;
    let is_error = !token.code.is_empty() && token.code != "10000";
    match signature {
        Some(signature) => key.verify(response.get(), &signature)?,
        None if is_error => {}
        None => return Err(SignInFailure::Forged("sign")),
    }
    if is_error {
        return Err(error_of(&token));
    }
    recognised(token)
}

fn parse(raw: &RawValue) -> Result<Token, SignInFailure> {
    serde_json::from_str(raw.get()).map_err(|_| SignInFailure::Unreadable)
}

/// The two kinds of id are told apart: an application that changes over to open ids makes new accounts, not wrong ones.
fn recognised(token: Token) -> Result<Recognised, SignInFailure> {
    let id = match (token.open_id, token.user_id) {
        (Some(open), _) if !open.is_empty() => format!("open:{open}"),
        (_, Some(user)) if !user.is_empty() => format!("user:{user}"),
        _ => return Err(SignInFailure::Unreadable),
    };
    if id.len() > LONGEST_ID {
        return Err(SignInFailure::Unreadable);
    }
    Ok(Recognised {
        outside_id: Secret::new(id),
        verified: None,
    })
}

/// What an error means for us. `sub_msg` is not read: of a wrong signature it repeats what was signed.
fn error_of(error: &Token) -> SignInFailure {
    let failure = match (&*error.code, &*error.sub_code) {
        (_, "isv.code-invalid" | "AUTH_CODE_NOT_EXIST") | ("20001", _) => SignInFailure::Expired,
        ("20000", _) => SignInFailure::Away,
        (_, "isv.invalid-signature" | "isv.missing-signature") => {
            SignInFailure::Misconfigured(Misconfiguration::Secret)
        }
        (_, "isv.invalid-app-id" | "isv.missing-app-id") => {
            SignInFailure::Misconfigured(Misconfiguration::Application)
        }
        (_, "isv.invalid-timestamp" | "isv.missing-timestamp") => {
            SignInFailure::Misconfigured(Misconfiguration::Clock)
        }
        (_, "isv.call-limited" | "isv.app-call-limited") | ("40005", _) => SignInFailure::Throttled(RETRY),
        ("40003" | "40006", _) => SignInFailure::Misconfigured(Misconfiguration::Permission),
        ("40001" | "40002", _) => SignInFailure::Misconfigured(Misconfiguration::Request),
        ("40004", _) => SignInFailure::Blocked,
        _ => SignInFailure::Unreadable,
    };
    tracing::info!(code = error.code, sub_code = error.sub_code, %failure, "Alipay refused a code");
    failure
}

#[cfg(test)]
mod tests {
    use lutong_stand_ins::alipay::{ALIPAY_PUBLIC_KEY, APP_PUBLIC_KEY, signed};

    use super::*;

    fn read_with(body: &str, key: &str) -> Result<String, SignInFailure> {
        let key = AlipayKey::parse(key).unwrap();
        read(body, &key).map(|recognised| recognised.outside_id.into_inner())
    }

    fn answer(response: &str) -> Result<String, SignInFailure> {
        read_with(&signed(RESPONSE, response), ALIPAY_PUBLIC_KEY)
    }

    #[test]
    fn an_id_is_read_with_what_kind_it_is() {
        assert_eq!(
            answer(r#"{"user_id":"2088","expires_in":"3600"}"#).unwrap(),
            "user:2088"
        );
        assert_eq!(
            answer(r#"{"open_id":"o1","user_id":"2088","expires_in":3600}"#).unwrap(),
            "open:o1"
        );
        for nobody in [r#"{"user_id":""}"#, "{}", r#"{"user_id":2088}"#] {
            assert_eq!(answer(nobody), Err(SignInFailure::Unreadable), "{nobody}");
        }
    }

    #[test]
    fn the_raw_text_is_what_was_signed() {
        let body = signed(RESPONSE, r#"{ "user_id" : "2088", "avatar":"https:\/\/a" }"#);
        assert!(read_with(&body, ALIPAY_PUBLIC_KEY).is_ok());
        let forged = SignInFailure::Forged("sign");
        for changed in [
            body.replace("2088", "2089"),
            body.replace(r"\/", "/"),
            body.replace(r#"{ "user_id" :"#, r#"{"user_id":"#),
            body.replace(r#""sign":""#, r#""sign":"AA"#),
        ] {
            assert_eq!(read_with(&changed, ALIPAY_PUBLIC_KEY), Err(forged), "{changed}");
        }
        assert_eq!(read_with(&body, APP_PUBLIC_KEY), Err(forged), "of another key");
        let bare = format!(r#"{{"{RESPONSE}":{{"user_id":"2088"}}}}"#);
        assert_eq!(
            read_with(&bare, ALIPAY_PUBLIC_KEY),
            Err(forged),
            "without a signature"
        );
    }

    #[test]
    fn an_error_says_who_can_do_something_about_it_signed_or_not() {
        for (code, sub_code, failure) in [
            ("40002", "isv.code-invalid", SignInFailure::Expired),
            ("20000", "isp.unknow-error", SignInFailure::Away),
            (
                "40002",
                "isv.invalid-signature",
                SignInFailure::Misconfigured(Misconfiguration::Secret),
            ),
            (
                "40002",
                "isv.invalid-app-id",
                SignInFailure::Misconfigured(Misconfiguration::Application),
            ),
            (
                "40002",
                "isv.invalid-timestamp",
                SignInFailure::Misconfigured(Misconfiguration::Clock),
            ),
            (
                "40006",
                "isv.insufficient-isv-permissions",
                SignInFailure::Misconfigured(Misconfiguration::Permission),
            ),
            ("40004", "", SignInFailure::Blocked),
            ("99999", "", SignInFailure::Unreadable),
        ] {
            let error =
                format!(r#"{{"code":"{code}","msg":"x","sub_code":"{sub_code}","sub_msg":"app_id=…"}}"#);
            let unsigned = format!(r#"{{"{ERROR}":{error}}}"#);
            for body in [unsigned, signed(ERROR, &error), signed(RESPONSE, &error)] {
                assert_eq!(read_with(&body, ALIPAY_PUBLIC_KEY), Err(failure), "{body}");
            }
        }
    }

    #[test]
    fn an_error_beside_a_response_is_an_error() {
        let body = signed(RESPONSE, r#"{"user_id":"2088"}"#);
        let both = body.replacen(
            '{',
            &format!(r#"{{"{ERROR}":{{"code":"40002","sub_code":"isv.code-invalid"}},"#),
            1,
        );
        assert!(read_with(&both, ALIPAY_PUBLIC_KEY).is_err());
    }
}
