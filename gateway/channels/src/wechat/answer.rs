//! What WeChat answers to a code: an openid, or an error in the same shape.

use lutong_kernel::Secret;
use serde::Deserialize;

use crate::failure::{Misconfiguration, RETRY, SignInFailure};
use crate::recognised::Recognised;

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    errcode: i64,
    #[serde(default)]
    errmsg: String,
    openid: Option<String>,
    #[serde(default)]
    is_snapshotuser: i64,
}

/// The longest openid that is taken, in bytes; WeChat's have 28.
const LONGEST_OPENID: usize = 128;

pub fn read(body: &[u8]) -> Result<Recognised, SignInFailure> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| SignInFailure::Unreadable)?;
    if answer.errcode != 0 {
        return Err(error_of(answer.errcode, &answer.errmsg));
    }
    // A preview of the page is shown to a virtual user, whose openid is nobody's.
    if answer.is_snapshotuser != 0 {
        return Err(SignInFailure::SnapshotUser);
    }
    let openid = answer
        .openid
        .filter(|id| (1..=LONGEST_OPENID).contains(&id.len()));
    Ok(Recognised {
        outside_id: Secret::new(openid.ok_or(SignInFailure::Unreadable)?),
        verified: None,
    })
}

/// What an error code means for us. `rid` names the call in WeChat's own log.
pub fn error_of(code: i64, message: &str) -> SignInFailure {
    let rid = message.split("rid: ").nth(1).unwrap_or_default();
    let failure = match code {
        40_029 | 40_163 => SignInFailure::Expired,
        40_226 => SignInFailure::Blocked,
        45_009 | 45_011 => SignInFailure::Throttled(RETRY),
        // After -1 the same code is often used up: the sign-in begins again, and nothing is retried here.
        -1 => SignInFailure::Away,
        40_013 | 10_006 | 10_016 => SignInFailure::Misconfigured(Misconfiguration::Application),
        40_125 => SignInFailure::Misconfigured(Misconfiguration::Secret),
        48_001 | 10_005 => SignInFailure::Misconfigured(Misconfiguration::Permission),
        10_003 => SignInFailure::Misconfigured(Misconfiguration::Callback),
        _ => SignInFailure::Unreadable,
    };
    tracing::info!(code, rid, %failure, "WeChat refused a code");
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(body: &str) -> Result<String, SignInFailure> {
        read(body.as_bytes()).map(|recognised| recognised.outside_id.into_inner())
    }

    #[test]
    fn an_openid_is_read_and_a_preview_is_nobody() {
        let good = r#"{"access_token":"A","expires_in":7200,"refresh_token":"R","openid":"o6_bmj","scope":"snsapi_base"}"#;
        assert_eq!(read_text(good).unwrap(), "o6_bmj");
        let mini = r#"{"session_key":"AAAA","openid":"o1","errcode":0,"errmsg":"ok"}"#;
        assert_eq!(read_text(mini).unwrap(), "o1");
        let preview = r#"{"openid":"o6_bmj","is_snapshotuser":1}"#;
        assert_eq!(read_text(preview), Err(SignInFailure::SnapshotUser));
    }

    #[test]
    fn an_answer_without_an_openid_is_no_answer() {
        let long = format!(r#"{{"openid":"{}"}}"#, "o".repeat(129));
        for body in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"openid":""}"#,
            r#"{"openid":7}"#,
            "<html>",
            &long,
        ] {
            assert_eq!(read_text(body), Err(SignInFailure::Unreadable), "{body}");
        }
    }

    #[test]
    fn each_error_says_who_can_do_something_about_it() {
        for (code, failure) in [
            (40_029, SignInFailure::Expired),
            (40_163, SignInFailure::Expired),
            (40_226, SignInFailure::Blocked),
            (45_011, SignInFailure::Throttled(RETRY)),
            (-1, SignInFailure::Away),
            (
                40_013,
                SignInFailure::Misconfigured(Misconfiguration::Application),
            ),
            (40_125, SignInFailure::Misconfigured(Misconfiguration::Secret)),
            (48_001, SignInFailure::Misconfigured(Misconfiguration::Permission)),
            (99_999, SignInFailure::Unreadable),
        ] {
            // An openid beside an error is none.
            let body = format!(r#"{{"errcode":{code},"errmsg":"x, rid: 6239b2d9","openid":"o1"}}"#);
            assert_eq!(read_text(&body), Err(failure), "{code}");
        }
    }
}
