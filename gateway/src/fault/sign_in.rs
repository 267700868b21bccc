//! Signing in through a channel: what somebody is told whom it did not recognise. What the provider said is in no text.

use lutong_channels::SignInFailure;
use lutong_kernel::{Channel, Fault, FaultCode, Violation};

/// The provider did not recognise somebody. What only an operator can mend is logged as an error.
pub fn not_recognised(channel: Channel, failure: SignInFailure) -> Fault {
    let (zh, en) = channel.title();
    match failure {
        SignInFailure::Misconfigured(_) | SignInFailure::Forged(_) | SignInFailure::Unreadable => {
            tracing::error!(%channel, %failure, "a sign-in was refused");
        }
        _ => tracing::info!(%channel, %failure, "a sign-in was refused"),
    }
    let fault = |code, reason: &'static str, zh: String, en: String| {
        Fault::new(code, reason, zh, en).with("channel", channel.to_string())
    };
    let unauthenticated = FaultCode::Unauthenticated;
    match failure {
        SignInFailure::Declined => fault(
            unauthenticated,
            "SIGN_IN_DECLINED",
            format!("您未同意{zh}登录授权，未登录"),
            format!("you did not agree at {en}: you are not signed in"),
        ),
        SignInFailure::Expired | SignInFailure::Incomplete(_) => {
            attempt_missing().with("channel", channel.to_string())
        }
        SignInFailure::SnapshotUser => fault(
            unauthenticated,
            "SIGN_IN_PREVIEW",
            "当前是微信页面预览，请点击“使用完整服务”后再登录".to_owned(),
            "this is WeChat's preview of the page: open the full service, then sign in".to_owned(),
        ),
        SignInFailure::Blocked => fault(
            FaultCode::PermissionDenied,
            "SIGN_IN_BLOCKED",
            format!("{zh}限制了您的账号登录，请联系{zh}客服，或使用其他渠道"),
            format!("{en} has blocked this account: ask {en}, or use another channel"),
        ),
        SignInFailure::Throttled(wait) => fault(
            FaultCode::ResourceExhausted,
            "CHANNEL_BUSY",
            format!("{zh}登录人数较多，请稍后重试"),
            format!("{en} is busy: try again later"),
        )
        .retry_after(wait),
        SignInFailure::Away => fault(
            FaultCode::Unavailable,
            "CHANNEL_UNAVAILABLE",
            format!("{zh}暂时无法登录，请稍后重试，或使用其他渠道"),
            format!("{en} cannot be reached at the moment: try again later, or use another channel"),
        )
        .retry_after(std::time::Duration::from_secs(10)),
        SignInFailure::Misconfigured(_) => fault(
            FaultCode::Unavailable,
            "CHANNEL_MISCONFIGURED",
            format!("{zh}登录配置有误，已通知管理员，请使用其他渠道"),
            format!(
                "signing in with {en} is not set up correctly; the operator is told. Use another channel"
            ),
        ),
        SignInFailure::Forged(_) | SignInFailure::Unreadable => fault(
            unauthenticated,
            "SIGN_IN_NOT_VERIFIED",
            format!("无法核实{zh}返回的登录信息，未登录，请重新登录"),
            format!("what came back from {en} could not be verified: you are not signed in. Sign in again"),
        ),
    }
}

/// The attempt is too old, was used, or belongs to another browser.
pub fn attempt_missing() -> Fault {
    Fault::new(
        FaultCode::Unauthenticated,
        "SIGN_IN_EXPIRED",
        "登录已超时或已使用，请重新登录",
        "this sign-in took too long or was used before: sign in again",
    )
}

/// There is no such channel, or it is off.
pub fn channel_unknown() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "CHANNEL_NOT_FOUND",
        "没有该登录渠道，或该渠道未开通",
        "there is no such channel, or it is off",
    )
}

/// The development identity provider was asked for an account of a channel.
pub fn account_id_reserved() -> Violation {
    Violation::new(
        "account_id",
        "ACCOUNT_ID_RESERVED",
        "该账号名称属于登录渠道",
        "this name belongs to the accounts of a channel",
    )
}

/// A device did not send its credential.
pub fn device_shape() -> Violation {
    super::transcode::body_differs(
        "请求内容应为 {\"credential\": \"…\"}",
        "the body is {\"credential\": \"…\"}",
    )
}

/// A mini-program did not send its login code.
pub fn mini_program_shape() -> Violation {
    super::transcode::body_differs("请求内容应为 {\"code\": \"…\"}", "the body is {\"code\": \"…\"}")
}
